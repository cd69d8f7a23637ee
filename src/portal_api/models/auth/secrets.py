"""Secrets that are mailed once and used once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, PracticeScoped, one_of, refers_to

PURPOSES = ("email_verification", "password_reset", "email_change", "email_revert")


class OneTimeSecret(PracticeScoped, Id, Base):
    """Hashed at rest; the mail job derives the text again from the row, so no secret is stored or queued."""

    __tablename__ = "one_time_secret"
    __table_args__ = (
        refers_to("account", "account_id"),
        UniqueConstraint("practice_id", "secret_hash", name="uq_one_time_secret_hash"),
        Index("ix_one_time_secret_account", "practice_id", "account_id", "purpose"),
        one_of("purpose", PURPOSES),
    )

    purpose: Mapped[str]
    account_id: Mapped[UUID]
    secret_hash: Mapped[bytes]
    email: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    code_attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
