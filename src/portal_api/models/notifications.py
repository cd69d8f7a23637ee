"""What was sent to whom: the delivery log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, PracticeScoped, of_a_practice, one_of


class MailDelivery(PracticeScoped, Id, Base):
    """One mail: why it was sent and how it went. Its body is kept nowhere (F14.M4)."""

    __tablename__ = "mail_delivery"
    __table_args__ = (
        of_a_practice(),
        one_of("state", ("queued", "sent", "bounced", "failed")),
        Index("ix_mail_delivery_subject", "practice_id", "subject_id", "id"),
    )

    template: Mapped[str]
    subject_id: Mapped[UUID]
    """The row that the mail is about: an invitation, a one-time secret, an account."""
    account_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(default="queued", server_default=text("'queued'"))
    smtp_code: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
