"""Appointments as staff and integrations see them."""

import re
from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from portal_api.models.scheduling import Mode
from portal_api.schemas.base import (
    Change,
    Input,
    Instant,
    Minute,
    Money,
    Output,
    PageQuery,
    Paragraphs,
    Query,
    TimeZone,
)
from portal_api.schemas.scheduling.availability import Day

State = Literal["booked", "checked_in", "attended", "no_show", "cancelled", "late_cancelled"]
ActorKind = Literal["client", "staff", "system"]
Attendees = Annotated[list[UUID], Field(max_length=20)]
_OVERLAP = "Book although something else is there; the appointment is then marked so."
_CONFIDENTIAL = "Keep it from guardians: they do not learn that it exists."
_FOLLOWING = "Also those that follow in its series and are still booked."


_DAY = r"(?:MO|TU|WE|TH|FR|SA|SU)"
_ENDS = r"(?:COUNT=(?:[1-9]|[1-9]\d|10[0-4])|UNTIL=\d{8})"
_PARTS = {
    "DAILY": rf"BYDAY={_DAY}(?:,{_DAY}){{0,6}}",
    "WEEKLY": rf"BYDAY={_DAY}(?:,{_DAY}){{0,6}}",
    "MONTHLY": rf"BYDAY=(?:[1-5]|-[1-5])?{_DAY}|BYMONTHDAY=(?:-1|[1-9]|[12]\d|3[01])",
}


def _recurs(value: str) -> str:
    """A rule that ends, and that is never without a day for long."""
    rule = value.strip().upper().removeprefix("RRULE:")
    name, *parts = rule.split(";")
    given = dict(part.split("=", 1) for part in parts if "=" in part)
    of_its_kind = _PARTS.get(name.removeprefix("FREQ="))
    allowed = rf"INTERVAL=[1-9]\d?|WKST={_DAY}|{_ENDS}|{of_its_kind}"
    fits = name.startswith("FREQ=") and of_its_kind and all(re.fullmatch(allowed, part) for part in parts)
    if not fits or len(given) < len(parts) or len({"COUNT", "UNTIL"} & given.keys()) != 1:
        raise PydanticCustomError(
            "rrule", "Begin with FREQ=DAILY, WEEKLY or MONTHLY and say when it ends: FREQ=WEEKLY;COUNT=6."
        )
    if {"BYDAY", "BYMONTHDAY"} <= given.keys():
        raise PydanticCustomError("rrule", "Give days of the week or a day of the month, not both.")
    if "UNTIL" in given and not _is_date(given["UNTIL"]):
        raise PydanticCustomError("rrule", "UNTIL is a date: UNTIL=20310401.")
    return rule


def _is_date(digits: str) -> bool:
    try:
        date.fromisoformat(digits)
    except ValueError:
        return False
    return True


Rule = Annotated[str, Field(max_length=200), AfterValidator(_recurs)]


class AppointmentCreate(Input):
    client_id: UUID = Field(description="For whom it is booked.")
    additional_client_ids: Attendees = Field(
        default_factory=list[UUID], description="Who else comes: a partner, family."
    )
    guardian_account_ids: Attendees = Field(
        default_factory=list[UUID],
        description="Accounts of guardians who come along; they may see the appointments of one of the clients.",
    )
    practitioner_id: UUID
    service_id: UUID
    starts_at: Minute
    mode: Mode
    location_id: UUID | None = Field(None, description="A room tells its own.")
    room_id: UUID | None = None
    note: Paragraphs | None = Field(None, description="For staff; clients do not see it.")
    confidential: bool = Field(False, description=_CONFIDENTIAL)
    allow_overlap: bool = Field(False, description=_OVERLAP)

    @property
    def client_ids(self) -> tuple[UUID, ...]:
        """Everybody once, the one for whom it is booked first."""
        return tuple(dict.fromkeys((self.client_id, *self.additional_client_ids)))


class SeriesCreate(AppointmentCreate):
    """Appointments at the same time of the day, on the days of a rule."""

    rrule: Rule = Field(
        description="RFC 5545: `FREQ` daily, weekly or monthly, with `INTERVAL`, `BYDAY`, `BYMONTHDAY`, and `COUNT` or"
        " `UNTIL` (a date, included). `starts_at` is the first.",
        examples=["FREQ=WEEKLY;COUNT=6"],
    )
    time_zone: TimeZone | None = Field(None, description="Whose clock it keeps to; without it the practitioner's.")
    on_clash: Literal["refuse", "skip"] = Field(
        "refuse", description="When some times are taken: book none of them, or those that are free."
    )


class AppointmentUpdate(Change):
    mode: Mode | None = None
    location_id: UUID | None = None
    room_id: UUID | None = None
    note: Paragraphs | None = None
    additional_client_ids: Attendees | None = None
    guardian_account_ids: Attendees | None = None
    confidential: bool | None = Field(None, description=_CONFIDENTIAL)
    allow_overlap: bool | None = Field(None, description="Take the room although something else is there.")


class AppointmentScope(Query):
    following: bool = Field(False, description=_FOLLOWING)


class AppointmentCancel(Input):
    reason: Paragraphs | None = Field(None, description="Kept with the appointment; clients who come to it see it.")
    late: bool = Field(False, description="Whether it counts as cancelled late by the client, with the fee for that.")
    following: bool = Field(False, description=_FOLLOWING)


class AppointmentReschedule(Input):
    starts_at: Minute
    room_id: UUID | None = Field(None, description="Another room; without it the same.")
    allow_overlap: bool = Field(False, description=_OVERLAP)
    following: bool = Field(
        False, description="Move those that follow in its series by as many days, to the same time of the day."
    )


class AppointmentFilters(PageQuery):
    practitioner_id: UUID | None = None
    client_id: UUID | None = None
    series_id: UUID | None = None
    state: list[State] = Field(default_factory=list[State], description="May be repeated.")
    from_: Instant | Day | None = Field(
        None, alias="from", description="Starts at or after this instant, or on or after this date of the practice."
    )
    to: Instant | Day | None = Field(None, description="Starts before this instant, or on or before this date.")
    updated_since: Instant | None = Field(None, description="Oldest change first; cancelled ones included.")

    @model_validator(mode="after")
    def _changes_are_unfiltered(self) -> Self:
        others = (self.practitioner_id, self.client_id, self.series_id, self.state, self.from_, self.to)
        if self.updated_since and any(others):
            raise PydanticCustomError("combination", "updated_since goes with no other filter.")
        return self


class AppointmentSeries(Output):
    """The rule as it was made; its appointments say what has become of it."""

    id: UUID
    practitioner_id: UUID
    service_id: UUID
    time_zone: str
    first_date: date
    start_time: str = Field(description="What the zone's clock shows.", examples=["15:00"])
    rrule: str
    appointments: list["Appointment"]
    created_by: UUID | None
    created_at: datetime
    version: int


class CreatedSeries(AppointmentSeries):
    skipped: list[datetime] = Field(description="What was taken and is not booked.")


class CancellationPolicy(Output):
    """Frozen when it was booked."""

    late_from: datetime = Field(description="From here on, cancelling counts as late.")
    closed_from: datetime = Field(description="From here on, clients cannot cancel any more.")
    late_fee: Money | None = Field(description="What cancelling late costs.")


class Appointment(Output):
    id: UUID
    state: State
    state_changed_at: datetime | None
    practitioner_id: UUID
    service_id: UUID
    client_id: UUID = Field(description="For whom it was booked.")
    client_ids: list[UUID] = Field(description="All who come, that one first.")
    guardian_account_ids: list[UUID]
    mode: Mode
    location_id: UUID | None
    room_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    time_zone: str = Field(description="The practitioner's, when it was booked.")
    allow_overlap: bool = Field(description="Whether it was booked over something else on purpose.")
    confidential: bool = Field(description="Whether it is kept from guardians.")
    series_id: UUID | None
    request_id: UUID | None = Field(description="The request that it was made of.")
    price: Money | None = Field(description="As it was when it was booked.")
    cancellation: CancellationPolicy
    fee_due: Money | None = Field(description="The fee for having been cancelled late.")
    cancelled_at: datetime | None
    cancelled_by: UUID | None = Field(description="The account.")
    cancelled_by_kind: ActorKind | None
    cancellation_reason: str | None
    note: str | None
    uid: str = Field(description="Of its calendar entry (RFC 5545); never changes.")
    sequence: int = Field(description="Counts what a calendar must know of (RFC 5545).")
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int
