"""Devices that an account has signed in from."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, PracticeScoped, refers_to


class KnownDevice(PracticeScoped, Id, Base):
    """Keeps its holder out of the reach of a lockout (A38). Proves nothing: it only has limits of its own."""

    __tablename__ = "known_device"
    __table_args__ = (
        refers_to("account", "account_id"),
        UniqueConstraint("practice_id", "token_hash", name="uq_known_device_token_hash"),
        Index("ix_known_device_account", "practice_id", "account_id", "id"),
    )

    account_id: Mapped[UUID]
    token_hash: Mapped[bytes]
    ip: Mapped[str]
    agent_hash: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
