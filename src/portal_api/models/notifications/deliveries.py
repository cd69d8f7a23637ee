"""What was sent to whom: the delivery log, addresses that take no mail, and links that end a kind of mail."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, PracticeScoped, of_a_practice, one_of

DELIVERY_STATES = ("queued", "sending", "failed", "sent", "bounced", "suppressed", "dropped", "abandoned")
OPEN_DELIVERIES = ("queued", "sending", "failed")
"""Those that are still tried."""
LEASE = timedelta(minutes=3)
"""After so long somebody who began to send has died: sending takes less (integrations/mail/smtp.py)."""


class MailDelivery(PracticeScoped, Id, Base):
    """One mail: why it was sent and how it went. Its body is kept nowhere, its address only masked (F14.M4).

    `event_id` is set for a letter, which an event brings forth by itself; `kind` for a mail that tells of what is in
    the inbox, `digest` among them, whose rows point here. `failed`: not taken so far. `suppressed`: the address is
    known to take none. `dropped`: there was nothing to say any more. `abandoned`: not taken for too long.
    """

    __tablename__ = "mail_delivery"
    __table_args__ = (
        of_a_practice(),
        one_of("state", DELIVERY_STATES),
        Index("ix_mail_delivery_subject", "practice_id", "subject_id", "id"),
        Index("ix_mail_delivery_state", "practice_id", "state", "id"),
        Index("ix_mail_delivery_recipient", "practice_id", "recipient_id", "kind", "id"),
        Index(
            "uq_mail_delivery_event",
            "practice_id",
            "event_id",
            unique=True,
            postgresql_where=text("event_id IS NOT NULL"),
        ),
        Index(
            "ix_mail_delivery_open",
            "practice_id",
            "created_at",
            postgresql_where=text("state IN ('queued', 'sending', 'failed')"),
        ),
    )

    template: Mapped[str]
    subject_id: Mapped[UUID]
    """The row that the mail is about: an invitation, a one-time secret, an account."""
    account_id: Mapped[UUID | None]
    event_id: Mapped[UUID | None]
    kind: Mapped[str | None]
    recipient_id: Mapped[UUID | None]
    """The account, or the client who is reached by the chart's address."""
    address: Mapped[str | None]
    """Masked: g***@h***.example."""
    address_mac: Mapped[bytes | None]
    state: Mapped[str] = mapped_column(default="queued", server_default=text("'queued'"))
    smtp_code: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    attempted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    def begin(self, at: datetime) -> None:
        """Somebody talks to the mail server about it now."""
        self.state, self.attempted_at = "sending", at
        self.attempts += 1

    def finish(self, state: str, at: datetime, smtp_code: int | None = None) -> None:
        """Write down how it went; what has failed is tried again."""
        self.state, self.finished_at, self.smtp_code = state, at, smtp_code

    def busy_until(self, at: datetime) -> datetime | None:
        """Until when it is somebody else's who has begun to send it; None where nobody has, or who did has died."""
        if self.state != "sending" or self.attempted_at is None or at - self.attempted_at >= LEASE:
            return None
        return self.attempted_at + LEASE


class SuppressedAddress(PracticeScoped, Base):
    """An address whose mail server said that it takes no mail (F14.M4). Kept as a keyed hash.

    Letters that somebody asks for are tried all the same, and one that is taken ends this.
    """

    __tablename__ = "suppressed_address"
    __table_args__ = (of_a_practice(),)

    address_mac: Mapped[bytes] = mapped_column(primary_key=True)
    smtp_code: Mapped[int]
    since: Mapped[datetime]
    until: Mapped[datetime]


class UnsubscribeLink(PracticeScoped, Base):
    """What the link in a mail's header ends (RFC 8058, F14.B3). The secret is derived; its hash finds it again."""

    __tablename__ = "unsubscribe_link"
    __table_args__ = (
        of_a_practice(),
        UniqueConstraint("practice_id", "recipient_id", "kind", name="uq_unsubscribe_link_kind"),
    )

    secret_hash: Mapped[bytes] = mapped_column(primary_key=True)
    recipient_id: Mapped[UUID]
    kind: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
