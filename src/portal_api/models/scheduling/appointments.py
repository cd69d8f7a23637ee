"""Appointments: one row an occurrence, with the people who come to it."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Confidential, Id, Mutable, PracticeScoped, one_of, refers_to
from portal_api.core.errors import InvalidState
from portal_api.models.scheduling.services import Mode

APPOINTMENT_STATES = ("booked", "checked_in", "attended", "no_show", "cancelled", "late_cancelled")
ACTIVE_STATES = ("booked", "checked_in", "attended", "no_show")
"""Those that take their time: each has a Claim, and the others have none."""
TO_COME = ("booked", "checked_in")
"""Those that have not been kept, missed or called off."""
_MOVES = {
    "booked": {"checked_in", "no_show", "attended"},
    "checked_in": {"booked"},
    "attended": {"booked", "checked_in", "no_show"},
    "no_show": {"booked", "checked_in", "attended"},
    "cancelled": {"booked", "checked_in"},
    "late_cancelled": {"booked", "checked_in"},
}


class CancellationStage(StrEnum):
    """How close to its start an appointment is, by the policy that was frozen when it was booked (F10.M7)."""

    FREE = "free"
    LATE = "late"
    CLOSED = "closed"


class AppointmentSeries(PracticeScoped, Id, Mutable, Base):
    """A rule that appointments were made from: RFC 5545 RRULE over local wall time in an IANA zone."""

    __tablename__ = "appointment_series"
    __table_args__ = (refers_to("staff_member", "practitioner_id"), refers_to("service", "service_id"))

    practitioner_id: Mapped[UUID]
    service_id: Mapped[UUID]
    time_zone: Mapped[str]
    first_date: Mapped[date]
    start_minute: Mapped[int]
    rrule: Mapped[str]
    created_by: Mapped[UUID | None]


class Appointment(PracticeScoped, Confidential, Id, Mutable, Base):
    """A session at a time. Its time is held by a Claim of the same practitioner while the state is active.

    `client_ids` says whose it is: row-level security shows it to callers who act for one of them. The same clients
    are its attendees, where a query for a client begins: array comparisons are no index conditions under RLS.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        refers_to("staff_member", "practitioner_id"),
        refers_to("service", "service_id"),
        refers_to("location", "location_id"),
        refers_to("room", "room_id"),
        refers_to("appointment_series", "series_id"),
        refers_to("appointment_request", "request_id"),
        one_of("state", APPOINTMENT_STATES),
        one_of("mode", Mode),
        one_of("cancelled_by_kind", ("client", "staff", "system")),
        CheckConstraint("starts_at < ends_at", name="range"),
        CheckConstraint("cardinality(client_ids) > 0", name="clients"),
        CheckConstraint("late_within_minutes >= 0 AND closed_within_minutes >= 0", name="cancellation"),
        CheckConstraint("(cancelled_at IS NOT NULL) = (state IN ('cancelled', 'late_cancelled'))", name="cancelled_at"),
        CheckConstraint("(price_amount IS NULL) = (price_currency IS NULL)", name="price"),
        CheckConstraint("(late_fee_amount IS NULL) = (late_fee_currency IS NULL)", name="late_fee"),
        UniqueConstraint("practice_id", "id", "starts_at", name="uq_appointment_start"),
        Index("ix_appointment_practitioner", "practice_id", "practitioner_id", "starts_at", "id"),
        Index("ix_appointment_start", "practice_id", "starts_at", "id"),
        Index("ix_appointment_updated", "practice_id", "updated_at", "id"),
        Index("ix_appointment_series", "practice_id", "series_id", "starts_at"),
        Index("ix_appointment_request", "practice_id", "request_id"),
    )

    practitioner_id: Mapped[UUID]
    service_id: Mapped[UUID]
    location_id: Mapped[UUID | None]
    room_id: Mapped[UUID | None]
    client_ids: Mapped[list[UUID]]
    mode: Mapped[str]
    state: Mapped[str] = mapped_column(default="booked", server_default=text("'booked'"))
    state_changed_at: Mapped[datetime | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    time_zone: Mapped[str]
    """The practitioner's zone when it was booked: a change of the zone's rules can then be found and told."""
    allow_overlap: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    series_id: Mapped[UUID | None]
    request_id: Mapped[UUID | None]
    price_amount: Mapped[int | None]
    price_currency: Mapped[str | None]
    late_within_minutes: Mapped[int]
    closed_within_minutes: Mapped[int]
    late_fee_amount: Mapped[int | None]
    late_fee_currency: Mapped[str | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[UUID | None]
    cancelled_by_kind: Mapped[str | None]
    cancellation_reason: Mapped[str | None]
    uid: Mapped[str]
    """Of its calendar entry (RFC 5545): never changes."""
    sequence: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    note: Mapped[str | None]
    """For staff."""
    created_by: Mapped[UUID | None]

    @classmethod
    def is_of(cls, client_ids: BindParameter[Any]) -> ColumnElement[bool]:
        return cls.client_ids.overlap(client_ids)

    def cancellation_stage(self, at: datetime) -> CancellationStage:
        """Where `at`, the database's now, lies before the start. The farther threshold may be either."""
        # In UTC: between two times of one zone, Python counts what the clock on the wall shows.
        ahead = self.starts_at.astimezone(UTC) - at.astimezone(UTC)
        if ahead < timedelta(minutes=self.closed_within_minutes) or ahead <= timedelta(0):
            return CancellationStage.CLOSED
        late = ahead < timedelta(minutes=self.late_within_minutes)
        return CancellationStage.LATE if late else CancellationStage.FREE

    def cancel(self, at: datetime, by: UUID | None, kind: str, *, late: bool, reason: str | None) -> None:
        """End it. The caller releases its Claim. kind: client, staff or system."""
        self.move("late_cancelled" if late else "cancelled", at)
        self.cancelled_at, self.cancelled_by, self.cancelled_by_kind = at, by, kind
        self.cancellation_reason = reason

    def move(self, to: str, at: datetime) -> None:
        """Change the state (features.md section 22). Raises InvalidState for a move that there is not."""
        if self.state not in _MOVES[to]:
            raise InvalidState(f"An appointment that is {self.state} cannot become {to}.", state=self.state)
        self.state, self.state_changed_at = to, at
        self.sequence += 1

    def relocate(self, mode: str, location_id: UUID | None, room_id: UUID | None) -> None:
        """Another way or place for it. The caller moves its Claim where the room changes."""
        if self.state not in TO_COME:
            raise InvalidState(f"An appointment that is {self.state} takes place nowhere else.", state=self.state)
        self.mode, self.location_id, self.room_id = mode, location_id, room_id
        self.sequence += 1

    def reschedule(self, starts_at: datetime, ends_at: datetime) -> None:
        """Another time for the same entry in everybody's calendar. The caller moves its Claim."""
        self.must_be_movable()
        self.starts_at, self.ends_at = starts_at, ends_at
        self.sequence += 1

    def must_be_movable(self) -> None:
        if self.state != "booked":
            raise InvalidState(f"An appointment that is {self.state} is not moved.", state=self.state)


class AppointmentAttendee(ClientOwned, Id, Base):
    """Somebody who comes: a client, or a guardian (`account_id`) at a client's side.

    `starts_at` is the appointment's, kept equal by the foreign key, so that one index serves a client's history.
    """

    __tablename__ = "appointment_attendee"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("account", "account_id"),
        ForeignKeyConstraint(
            ["practice_id", "appointment_id", "starts_at"],
            ["appointment.practice_id", "appointment.id", "appointment.starts_at"],
            name="fk_appointment_attendee_appointment",
            onupdate="CASCADE",
        ),
        Index(
            "uq_appointment_attendee_client",
            "practice_id",
            "appointment_id",
            "client_id",
            unique=True,
            postgresql_where=text("account_id IS NULL"),
        ),
        Index(
            "uq_appointment_attendee_guardian",
            "practice_id",
            "appointment_id",
            "client_id",
            "account_id",
            unique=True,
            postgresql_where=text("account_id IS NOT NULL"),
        ),
        Index("ix_appointment_attendee_client", "practice_id", "client_id", "starts_at", "appointment_id"),
    )

    client_id: Mapped[UUID]
    appointment_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    account_id: Mapped[UUID | None]
    is_primary: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """The client for whom it was booked."""
