"""Calendar feeds, and calendars that busy times come from."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from portal_api.models.scheduling import BusyState, Privacy
from portal_api.schemas.base import Change, Input, Name, Output, WebAddress

_PRIVACY = (
    "What an entry says of whose time it is. Calendars are copied to devices and to other companies: initials are safe"
    " for most, full names for few."
)


class CalendarFeedCreate(Input):
    privacy: Privacy | None = Field(None, description=_PRIVACY + " Left out, it stays as it is: `initials` at first.")


class CalendarFeedUpdate(Change):
    privacy: Privacy | None = Field(None, description=_PRIVACY)


class CalendarFeed(Output):
    """The link itself is not shown again: make a new one where it was lost. `version` is 0 before the first."""

    active: bool = Field(description="Whether there is a link that works.")
    privacy: Privacy
    created_at: datetime | None = Field(description="Since when the present link works.")
    updated_at: datetime | None
    version: int


class CalendarFeedLink(CalendarFeed):
    url: str = Field(description="For a calendar program to subscribe to. Whoever has it reads the calendar.")


class BusyCalendarCreate(Input):
    url: WebAddress = Field(
        description="The private iCalendar address of the practitioner's own calendar: https, http or webcal.",
        examples=["https://calendar.example/private-5f2c/basic.ics"],
    )
    name: Name = Field("Calendar", examples=["My own calendar"])


class BusyCalendar(Output):
    """The address is kept sealed and not shown again, only its host."""

    id: UUID
    practitioner_id: UUID
    name: str
    host: str
    state: BusyState = Field(
        description="`failing`: the busy times are those of `read_at`, until it can be read again."
    )
    failure: str | None = Field(
        description="Why it fails: invalid_url, unknown_host, private_address, port_not_allowed, unreachable, timeout,"
        " redirected, denied, not_found, server_error, too_large, unreadable, not_a_calendar, too_complex."
    )
    polled_at: datetime | None = Field(description="When it was last asked for.")
    read_at: datetime | None = Field(description="When it was last read, or found unchanged.")
    next_poll_at: datetime
    created_at: datetime
    version: int
