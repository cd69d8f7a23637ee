"""What every input and output has in common."""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from portal_api.core import telephones
from portal_api.core.uploads import UploadedFile

T = TypeVar("T")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_CONTROL_OR_BREAK = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
EARLIEST_BIRTH = date(1850, 1, 2)
EARLIEST_MINUTE, LATEST_MINUTE = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Input(BaseModel):
    """A request body: unknown fields are refused, types are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Form(BaseModel):
    """A form with a file (multipart/form-data): fields are text that is parsed; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    file: UploadedFile


class Content(BaseModel):
    """A file as the whole of a body, of which everything was said before; None where it has come already."""

    model_config = ConfigDict(extra="forbid")

    file: UploadedFile | None = None


class Change(Input):
    """A JSON Merge Patch (RFC 7396): an absent field stays, null clears."""

    def given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


class Money(Input):
    """Minor units of an ISO 4217 currency: 12000 USD is 120 dollars."""

    amount: int = Field(ge=0, le=1_000_000_000, examples=[12000])
    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["USD"])


class Query(BaseModel):
    """Query parameters: text that is parsed; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """An answer. Every field is always present; null where there is nothing."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", json_schema_serialization_defaults_required=True)


class PageQuery(Query):
    limit: int = Field(20, ge=1, le=100, description="How many at most.")
    cursor: str | None = Field(None, max_length=1000, description="`next_cursor` of the page before.")


class Page(Output, Generic[T]):
    """One page of a list; `next_cursor` is null on the last."""

    data: list[T]
    next_cursor: str | None


def _line(value: str) -> str:
    if _CONTROL_OR_BREAK.search(value):
        raise PydanticCustomError("control_character", "Control characters and line breaks are not allowed.")
    return value


def _paragraphs(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("control_character", "Control characters are not allowed.")
    return value


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise PydanticCustomError("email", "{why}", {"why": str(error)}) from None


def _phone(value: str, info: ValidationInfo) -> str:
    try:
        return telephones.e164(value, (info.context or {}).get(telephones.REGION))
    except telephones.Unreadable as error:
        raise PydanticCustomError(telephones.FAULT, "{why}", {"why": str(error)}) from None


_time_zones = cache(available_timezones)
"""The library's own looks through every directory of the database, each time."""


def _time_zone(value: str) -> str:
    if value not in _time_zones():
        raise PydanticCustomError("time_zone", "Use an IANA time zone, such as America/New_York.")
    return value


def _birth(value: date) -> date:
    if not EARLIEST_BIRTH <= value <= datetime.now(UTC).date():
        raise PydanticCustomError("date_of_birth", "A date of birth lies in the past, after 1850.")
    return value


def _written(form: str, example: str) -> BeforeValidator:
    """Text in this form: digits alone would be seconds or milliseconds of an epoch, by their size."""

    def check(value: Any) -> Any:
        if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(form, value)):
            return value
        raise PydanticCustomError("not_written_out", "Write it as {example}.", {"example": example})

    return BeforeValidator(check)


def _whole_minute(value: datetime) -> datetime:
    if not EARLIEST_MINUTE <= value <= LATEST_MINUTE:
        raise PydanticCustomError("out_of_range", "Times lie between the years 2000 and 2200.")
    if value.second or value.microsecond:
        raise PydanticCustomError("whole_minute", "Give a time on a whole minute.")
    return value.astimezone(UTC)


def _line_of(length: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=length)


Name = Annotated[str, _line_of(100), AfterValidator(_line)]
Line = Annotated[str, _line_of(200), AfterValidator(_line)]
Paragraphs = Annotated[str, _line_of(4000), AfterValidator(_paragraphs)]
LongText = Annotated[str, _line_of(20_000), AfterValidator(_paragraphs)]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_line), AfterValidator(_email)
]
Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=40),
    AfterValidator(_line),
    AfterValidator(_phone),
    Field(description="Kept as E.164. Those who have signed in may leave out the country: it is the practice's."),
]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_paragraphs)]
TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_line), AfterValidator(_time_zone)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
CalendarDate = Annotated[date, Field(strict=False), _written(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "1990-01-31")]
BirthDate = Annotated[CalendarDate, AfterValidator(_birth)]
SearchText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100), AfterValidator(_line)
]
SlugText = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=200), AfterValidator(_line)
]
SecretText = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_line)]
BotCheckToken = Annotated[str, StringConstraints(min_length=1, max_length=8192), AfterValidator(_line)]
WebAddress = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), AfterValidator(_line)
]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["09:00"])]
ClockEnd = Annotated[
    str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$", examples=["17:00"], description="`24:00`: midnight.")
]
Ids = Annotated[list[UUID], Field(max_length=50)]
Instant = Annotated[
    AwareDatetime, Field(strict=False), _written(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.+", "2030-01-31T09:00:00Z, RFC 3339")
]
Minute = Annotated[Instant, AfterValidator(_whole_minute)]
"""An instant of a calendar, in UTC."""


def normal_email(email: str) -> str:
    """The form that is compared: case-folded; never shown, never mailed to."""
    return email.casefold()


def masked_email(email: str) -> str:
    """Enough to recognise an address that one knows: g***@h***.example."""
    local, _, domain = email.rpartition("@")
    head, dot, top = domain.rpartition(".")
    return f"{local[0]}***@{(head or top)[0]}***{dot}{top if dot else ''}"


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class ClockWindow(Input):
    """From one reading of the wall clock to another, on one day."""

    start: ClockTime
    end: ClockEnd

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.start >= self.end:
            raise PydanticCustomError(
                "window",
                "A window ends after its start; give one that passes midnight as two, to 24:00 and from 00:00.",
            )
        return self
