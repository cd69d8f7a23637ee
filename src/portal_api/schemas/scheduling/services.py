"""Services: what can be booked, and by which rules."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from portal_api.models.scheduling import Audience, AutoAccept, Mode
from portal_api.schemas.base import Change, Input, Money, Name, Output, PageQuery, Paragraphs
from portal_api.schemas.scheduling.reminders import Offsets

Duration = Annotated[int, Field(ge=1, le=1440)]
Buffer = Annotated[int, Field(ge=0, le=720)]
Notice = Annotated[int, Field(ge=0, le=525_600)]
Horizon = Annotated[int, Field(ge=0, le=730)]
Interval = Annotated[int, Field(ge=1, le=1440)]
MinuteOfHour = Annotated[int, Field(ge=0, le=59)]
Cap = Annotated[int, Field(ge=1, le=1000)]


def _each_once(values: list[Mode]) -> list[Mode]:
    return sorted(set(values))


Modes = Annotated[list[Mode], Field(min_length=1, max_length=len(Mode)), AfterValidator(_each_once)]
Practitioners = Annotated[list[UUID], Field(min_length=1, max_length=100)]
_INTERVAL = (
    "Minutes between possible starts, counted on the wall clock. Null: one after the other, with nothing but the"
    " buffers between."
)
_FIXED = (
    "Starts are counted from this minute after midnight instead of from the start of the hours: with 30 and an interval"
    " of 60, or none, sessions start at half past."
)
_AUTO_ACCEPT = (
    "Whose requests become appointments at once, without an answer. `usual_time`: of a client who came to this"
    " practitioner for this service in the last eight weeks, on the same weekday at the same local time; `existing`: of"
    " every client. Whoever has ten appointments to come with the practitioner waits for an answer, and so do people"
    " without a chart."
)


class ServiceCreate(Input):
    name: Name = Field(examples=["Individual session"])
    description: Paragraphs | None = None
    duration_minutes: Duration = Field(examples=[50])
    buffer_before_minutes: Buffer = Field(0, description="Kept free before a session.")
    buffer_after_minutes: Buffer = Field(0, description="Kept free after a session.")
    modes: Modes = Field(examples=[["in_person", "video"]])
    min_notice_minutes: Notice = Field(1440, description="How long before its start a client may still ask for it.")
    horizon_days: Horizon = Field(60, description="How many days ahead clients see times, today not counted.")
    slot_interval_minutes: Interval | None = Field(None, description=_INTERVAL, examples=[15])
    fixed_start_minute: MinuteOfHour | None = Field(None, description=_FIXED)
    max_per_day: Cap | None = Field(None, description="So many of it a practitioner and day, of their zone.")
    max_open_per_client: Cap | None = Field(None, description="So many to come a client, requests included.")
    price: Money | None = None
    late_cancellation_fee: Money | None = Field(None, description="What cancelling late costs.")
    audience: Audience = Field(Audience.ALL, description="Who may book: people with a chart, without, or both.")
    client_bookable: bool = Field(False, description="Whether clients see times for it at all.")
    auto_accept: AutoAccept = Field(AutoAccept.NONE, description=_AUTO_ACCEPT)
    practitioner_ids: Practitioners | None = Field(None, description="Who offers it; null: everybody who has hours.")
    reminder_offsets_minutes: Offsets | None = Field(None, description="Null: as the practice has it.")


class ServiceUpdate(Change):
    name: Name | None = None
    description: Paragraphs | None = None
    duration_minutes: Duration | None = None
    buffer_before_minutes: Buffer | None = None
    buffer_after_minutes: Buffer | None = None
    modes: Modes | None = None
    min_notice_minutes: Notice | None = None
    horizon_days: Horizon | None = None
    slot_interval_minutes: Interval | None = None
    fixed_start_minute: MinuteOfHour | None = None
    max_per_day: Cap | None = None
    max_open_per_client: Cap | None = None
    price: Money | None = None
    late_cancellation_fee: Money | None = None
    audience: Audience | None = None
    client_bookable: bool | None = None
    auto_accept: AutoAccept | None = None
    practitioner_ids: Practitioners | None = None
    reminder_offsets_minutes: Offsets | None = None


class ServiceFilters(PageQuery):
    practitioner_id: UUID | None = Field(None, description="What this practitioner offers.")
    archived: bool = Field(False, description="The archived ones, for staff.")


class Service(Output):
    id: UUID
    name: str
    description: str | None
    duration_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    modes: list[Mode]
    min_notice_minutes: int
    horizon_days: int
    slot_interval_minutes: int | None
    fixed_start_minute: int | None
    max_per_day: int | None
    max_open_per_client: int | None
    price: Money | None
    late_cancellation_fee: Money | None
    audience: Audience
    client_bookable: bool
    auto_accept: AutoAccept
    practitioner_ids: list[UUID] | None
    reminder_offsets_minutes: list[int] | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
