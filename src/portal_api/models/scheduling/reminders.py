"""Reminders of appointments: what the practice chose, what a person wants, and what was sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Id, Mutable, PracticeScoped, of_a_practice, one_of, refers_to

CHANNELS = ("email",)
REMINDER_STATES = ("planned", "sending", "sent", "bounced", "dropped")
OPEN_REMINDERS = ("planned", "sending")


class ReminderSettings(PracticeScoped, Mutable, Base):
    """When a practice reminds: minutes before the start, and the hours of a person's day when nobody is disturbed.

    A practice without a row, or without offsets, reminds nobody. Quiet hours are minutes of the day; they may reach
    over midnight.
    """

    __tablename__ = "reminder_settings"
    __table_args__ = (
        of_a_practice(),
        CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from <> quiet_until", name="quiet"),
        CheckConstraint("quiet_from BETWEEN 0 AND 1439 AND quiet_until BETWEEN 0 AND 1439", name="quiet_minutes"),
    )

    offsets: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list, server_default=text("'{}'"))
    quiet_from: Mapped[int | None]
    quiet_until: Mapped[int | None]


class ReminderPreference(PracticeScoped, Base):
    """By which channels somebody is reminded. Who said nothing is reminded by all of them.

    `recipient_id` is an account, for what its holder chose, or a client, for what staff were told.
    """

    __tablename__ = "reminder_preference"
    __table_args__ = (of_a_practice(),)

    recipient_id: Mapped[UUID] = mapped_column(primary_key=True)
    channels: Mapped[list[str]]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Reminder(ClientOwned, Id, Base):
    """One reminder of one start to one recipient: the unique key is what makes it once.

    `starts_at` is the start that it reminds of: moved, an appointment is reminded of anew. `recipient_id` is the
    client, or the account of a guardian, which `account_id` is then too. `reason`: why it was dropped.
    """

    __tablename__ = "reminder"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("appointment", "appointment_id"),
        refers_to("account", "account_id"),
        one_of("channel", CHANNELS),
        one_of("state", REMINDER_STATES),
        UniqueConstraint(
            "practice_id",
            "appointment_id",
            "starts_at",
            "offset_minutes",
            "recipient_id",
            "channel",
            name="uq_reminder_once",
        ),
        Index("ix_reminder_open", "practice_id", "due_at", postgresql_where=text("state IN ('planned', 'sending')")),
        Index("ix_reminder_client", "practice_id", "client_id"),
    )

    client_id: Mapped[UUID]
    appointment_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    offset_minutes: Mapped[int]
    recipient_id: Mapped[UUID]
    account_id: Mapped[UUID | None]
    channel: Mapped[str]
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="planned", server_default=text("'planned'"))
    reason: Mapped[str | None]
    attempted_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    def finish(self, state: str, at: datetime, reason: str | None = None) -> None:
        """sent, bounced or dropped: nothing more becomes of it."""
        self.state, self.finished_at, self.reason = state, at, reason
