"""Reminders: when a practice reminds, how somebody wants to be reminded, and what was sent."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from portal_api.schemas.base import Change, ClockTime, Input, Output

MOST = 10
Offset = Annotated[int, Field(ge=5, le=43_200)]


def _farthest_first(values: list[int]) -> list[int]:
    return sorted(set(values), reverse=True)


Offsets = Annotated[list[Offset], Field(max_length=MOST), AfterValidator(_farthest_first)]


class Channel(StrEnum):
    EMAIL = "email"


class QuietHours(Input):
    """By the client's own clock, and over midnight where `start` is after `end`.

    What falls into them is sent when they end, if half of the offset is still left by then; else half an hour before
    they begin.
    """

    start: ClockTime
    end: ClockTime

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if self.start == self.end:
            raise PydanticCustomError("range", "Quiet hours end at another time than they start.")
        return self


class ReminderSettingsUpdate(Change):
    offsets_minutes: Offsets | None = Field(
        None, description="Minutes before the start; none: nobody is reminded.", examples=[[1440, 60]]
    )
    quiet_hours: QuietHours | None = None


class ReminderSettings(Output):
    """`version` is 0 before they are first set: nobody is reminded."""

    offsets_minutes: list[int]
    quiet_hours: QuietHours | None
    updated_at: datetime | None
    version: int


class ReminderPreferencePut(Input):
    channels: Annotated[list[Channel], Field(max_length=len(Channel))] = Field(
        description="How to be reminded; an empty list: not at all.", examples=[["email"]]
    )


class ReminderPreference(Output):
    channels: list[Channel]


class Reminder(Output):
    """`recipient`: the client, by their own address, or a guardian, whose account `account_id` is."""

    id: UUID
    client_id: UUID
    recipient: Literal["client", "guardian"]
    account_id: UUID | None
    channel: Channel
    offset_minutes: int
    due_at: datetime
    state: Literal["planned", "sending", "sent", "bounced", "dropped"]
    reason: str | None = Field(
        description="Why it was dropped: booked_later, overtaken, not_booked, started, no_address, unwanted,"
        " portal_off, quiet_hours."
    )
    finished_at: datetime | None
