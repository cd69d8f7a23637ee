"""Devices that want to be woken."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, refers_to


class PushSubscription(PracticeScoped, Id, Mutable, Base):
    """Where a device's push service is asked to wake it (RFC 8030), and the keys it reads with (RFC 8291); F19.M3.

    It belongs to the session that registered it, and ends with it. Whoever knows the address and the keys could write
    to the device, so they are sealed.
    """

    __tablename__ = "push_subscription"
    __table_args__ = (
        refers_to("account", "account_id"),
        refers_to("auth_session", "session_id"),
        UniqueConstraint("practice_id", "session_id", name="uq_push_subscription_session"),
        UniqueConstraint("practice_id", "endpoint_hash", name="uq_push_subscription_endpoint"),
        Index("ix_push_subscription_account", "practice_id", "account_id", "id"),
    )

    account_id: Mapped[UUID]
    session_id: Mapped[UUID]
    endpoint_hash: Mapped[bytes]
    sealed: Mapped[bytes]
    expires_at: Mapped[datetime | None]
    last_sent_at: Mapped[datetime | None]
