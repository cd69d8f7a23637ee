"""Calendars outside: feeds of ours that others subscribe to, and theirs that we read busy times from."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, one_of, refers_to


class Privacy(StrEnum):
    """What a calendar entry says of whose time it is."""

    NONE = "none"
    INITIALS = "initials"
    FIRST_NAME = "first_name"
    FULL_NAME = "full_name"


class BusyState(StrEnum):
    """How reading a calendar went. `pending`: not tried yet."""

    PENDING = "pending"
    OK = "ok"
    FAILING = "failing"


class CalendarFeed(PracticeScoped, Id, Mutable, Base):
    """An account's calendar behind a secret link (F10.M9). One each; without a secret there is no link."""

    __tablename__ = "calendar_feed"
    __table_args__ = (
        refers_to("account", "account_id"),
        one_of("privacy", Privacy),
        UniqueConstraint("practice_id", "account_id", name="uq_calendar_feed_account"),
        UniqueConstraint("practice_id", "secret_hash", name="uq_calendar_feed_secret"),
    )

    account_id: Mapped[UUID]
    secret_hash: Mapped[bytes | None]
    privacy: Mapped[str] = mapped_column(default=Privacy.INITIALS, server_default=text("'initials'"))
    linked_at: Mapped[datetime | None]
    """Since when the present link works."""


class BusyCalendar(PracticeScoped, Id, Mutable, Base):
    """A practitioner's own calendar, whose busy times are offered to nobody. The address is a secret: it is sealed.

    `etag` and `last_modified` are the server's of the copy that the busy times are from. What was read is old after
    a day, as the stretch ahead that it covers moves on.
    """

    __tablename__ = "busy_calendar"
    __table_args__ = (
        refers_to("staff_member", "practitioner_id"),
        one_of("state", BusyState),
        UniqueConstraint("practice_id", "practitioner_id", "address_mac", name="uq_busy_calendar_address"),
        Index("ix_busy_calendar_due", "practice_id", "next_poll_at"),
    )

    practitioner_id: Mapped[UUID]
    name: Mapped[str]
    host: Mapped[str]
    sealed_address: Mapped[bytes]
    address_mac: Mapped[bytes]
    state: Mapped[str] = mapped_column(default=BusyState.PENDING, server_default=text("'pending'"))
    failure: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """In a row."""
    polled_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    """When the busy times were last taken from it, or found unchanged."""
    expanded_at: Mapped[datetime | None]
    next_poll_at: Mapped[datetime]
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]
    created_by: Mapped[UUID | None]
