"""What makes a repeated request safe, and a flood harmless."""

from datetime import datetime

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, PracticeScoped


class IdempotencyRecord(PracticeScoped, Base):
    """The answer to a POST, kept with its effect. The lobby's rows belong to no practice, so no foreign key."""

    __tablename__ = "idempotency_record"
    __table_args__ = (Index("ix_idempotency_record_expires_at", "practice_id", "expires_at"),)

    scope_hash: Mapped[bytes] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int | None]
    sealed_answer: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]


class RateLimit(Base):
    """Theoretical arrival times of the generic cell rate algorithm. Global and unlogged: keys are hashes."""

    __tablename__ = "rate_limit"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    key: Mapped[bytes] = mapped_column(primary_key=True)
    arrival_at: Mapped[datetime]
