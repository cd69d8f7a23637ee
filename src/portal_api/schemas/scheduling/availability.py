"""When a practitioner can be booked: weekly windows, other windows on some dates, time off."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from portal_api.models.scheduling import Audience
from portal_api.schemas.base import (
    CalendarDate,
    ClockWindow,
    Input,
    Minute,
    Output,
    PageQuery,
    Paragraphs,
    TimeZone,
    Weekday,
)
from portal_api.schemas.scheduling.services import Cap, Modes

MAX_TIME_OFF_DAYS = 731
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


def _day(value: date) -> date:
    if not FIRST_DAY <= value <= LAST_DAY:
        raise PydanticCustomError("out_of_range", "Days lie between the years 2000 and 2199.")
    return value


Day = Annotated[CalendarDate, AfterValidator(_day)]


class DayWindow(ClockWindow):
    """From one reading of the wall clock to another, on one day. What is left out does not restrict."""

    location_id: UUID | None = Field(None, description="Where; needed to tell clients the place.")
    service_ids: Annotated[list[UUID], Field(min_length=1, max_length=50)] | None = Field(
        None, description="For these services alone."
    )
    modes: Modes | None = None
    audience: Audience = Audience.ALL


class Window(DayWindow):
    weekday: Weekday


class Override(Input):
    """One date with windows of its own in place of the weekly ones; without any, it is closed."""

    date: Day
    windows: Annotated[list[DayWindow], Field(max_length=20)]


class AvailabilityPut(Input):
    time_zone: TimeZone | None = Field(
        None,
        description="Whose wall clock the windows are read from; without it the practice's.",
        examples=["Europe/London"],
    )
    windows: Annotated[list[Window], Field(max_length=140)]
    overrides: Annotated[list[Override], Field(max_length=400)] = []
    max_per_day: Cap | None = Field(None, description="So many appointments and requests a day.")

    @model_validator(mode="after")
    def _each_date_once(self) -> Self:
        dates = [override.date for override in self.overrides]
        if len(set(dates)) < len(dates):
            raise PydanticCustomError("date_repeated", "Give each date once, with all its windows.")
        return self


class Availability(Output):
    """`version` is 0 for who never had any hours."""

    practitioner_id: UUID
    time_zone: str
    windows: list[Window]
    overrides: list[Override]
    max_per_day: int | None
    updated_at: datetime | None
    version: int


class TimeOffCreate(Input):
    starts_at: Minute
    ends_at: Minute
    reason: Paragraphs | None = Field(None, description="For staff.")

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.starts_at >= self.ends_at:
            raise PydanticCustomError("range", "Time off ends after its start.")
        if (self.ends_at - self.starts_at).days > MAX_TIME_OFF_DAYS:
            raise PydanticCustomError("range", "Give at most two years at once.")
        return self


class TimeOffFilters(PageQuery):
    past: bool = Field(False, description="Those that are over, newest first; else those to come, and running.")


class TimeOff(Output):
    id: UUID
    practitioner_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str | None
    conflicts: int = Field(description="Appointments that lie in it: they stay until somebody moves or cancels them.")
    created_at: datetime
