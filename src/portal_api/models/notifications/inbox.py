"""What somebody is told: a row an event and recipient, from which the inbox, mails, the digest and pushes are made."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, PracticeScoped, one_of, refers_to

EMAIL_MODES = ("immediate", "digest", "off")


class Notification(PracticeScoped, Id, Base):
    """One event, told to one recipient. No words: they follow from the type (F14.M1).

    `recipient_id` is an account, which `account_id` is then too, or a client without a login, who has no inbox.
    `email` and `push` are how it is told besides. `delivery_id` is the mail that carries it, `pushed_at` when it was
    handed to the pushes: each is set once, by whoever takes the row, so nothing is told twice or left out.
    """

    __tablename__ = "notification"
    __table_args__ = (
        refers_to("event", "event_id"),
        refers_to("account", "account_id"),
        refers_to("mail_delivery", "delivery_id"),
        one_of("email", EMAIL_MODES),
        UniqueConstraint("practice_id", "event_id", "recipient_id", name="uq_notification_once"),
        Index("ix_notification_inbox", "practice_id", "account_id", "id", postgresql_where=text("in_app")),
        Index(
            "ix_notification_unread",
            "practice_id",
            "account_id",
            "id",
            postgresql_where=text("in_app AND read_at IS NULL"),
        ),
        Index(
            "ix_notification_unmailed",
            "practice_id",
            "recipient_id",
            "email",
            "kind",
            postgresql_where=text("delivery_id IS NULL AND email <> 'off'"),
        ),
        Index(
            "ix_notification_unpushed",
            "practice_id",
            "recipient_id",
            "kind",
            postgresql_where=text("push AND pushed_at IS NULL"),
        ),
        Index("ix_notification_delivery", "practice_id", "delivery_id"),
        Index("ix_notification_created", "practice_id", "created_at"),
    )

    event_id: Mapped[UUID]
    event_type: Mapped[str]
    kind: Mapped[str]
    recipient_id: Mapped[UUID]
    account_id: Mapped[UUID | None]
    about_client_id: Mapped[UUID | None]
    """Whose matter it is. Who may no longer act for the client no longer sees the row."""
    resource_type: Mapped[str | None]
    resource_id: Mapped[UUID | None]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    in_app: Mapped[bool]
    email: Mapped[str]
    push: Mapped[bool]
    delivery_id: Mapped[UUID | None]
    pushed_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
