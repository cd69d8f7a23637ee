"""Free times, and why a time is not free."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from portal_api.models.scheduling import Mode
from portal_api.schemas.base import Minute, Money, Output, Query
from portal_api.schemas.scheduling.availability import Day

MOST_DAYS = 31
MOST_SLOTS = 5000


class SlotQuery(Query):
    service_id: UUID
    practitioner_id: Annotated[list[UUID], Field(max_length=50)] = Field(
        default_factory=list[UUID], description="May be repeated. Without it: everybody who offers the service."
    )
    from_: Day = Field(alias="from", description="The first day, of the practitioner's zone.")
    to: Day = Field(description=f"The last day, at most {MOST_DAYS} days later.")
    mode: Mode | None = None
    location_id: UUID | None = None
    limit: int = Field(
        MOST_SLOTS,
        ge=1,
        le=MOST_SLOTS,
        description="So many at most: 1 finds the first free time of all that are asked.",
    )

    @model_validator(mode="after")
    def _covers_some_days(self) -> Self:
        if self.to < self.from_:
            raise PydanticCustomError("range", "`to` is not before `from`.")
        if (self.to - self.from_).days > MOST_DAYS:
            raise PydanticCustomError("range", "Ask for at most 31 days at once.")
        return self


class MySlotQuery(SlotQuery):
    client_id: UUID | None = Field(None, description="For whom; needed where the account acts for several.")


class Slot(Output):
    starts_at: datetime
    ends_at: datetime
    practitioner_id: UUID
    service_id: UUID
    location_id: UUID | None = Field(description="Where, if the practitioner's hours name a place.")
    modes: list[Mode] = Field(description="The ways in which it can be had at this time.")


class Slots(Output):
    """Free times in order."""

    data: list[Slot]
    more: bool = Field(description="Whether `limit` left some out.")


class ExplainQuery(Query):
    service_id: UUID
    practitioner_id: UUID
    starts_at: Minute
    client_id: UUID | None = Field(None, description="For this client; else for anybody of the audience.")
    audience: Literal["existing", "new"] = Field("existing", description="For people with a chart, or without.")
    mode: Mode | None = None
    location_id: UUID | None = None


Rule = Literal[
    "portal",
    "feature",
    "service",
    "client_bookable",
    "audience",
    "practitioner",
    "practitioner_feature",
    "hours",
    "mode",
    "location",
    "window_audience",
    "grid",
    "notice",
    "horizon",
    "day_cap",
    "client_cap",
    "time_off",
    "busy",
    "appointment",
    "request",
]


class RuleResult(Output):
    """One rule, in the order in which they are asked."""

    rule: Rule
    passed: bool
    detail: str


class SlotExplanation(Output):
    """Why a client is, or is not, offered a time."""

    starts_at: datetime
    ends_at: datetime
    practitioner_id: UUID
    service_id: UUID
    time_zone: str
    local_date: date
    local_time: str = Field(description="What the practitioner's clock shows at the start.", examples=["15:00"])
    offered: bool
    rules: list[RuleResult]


class PortalPractitioner(Output):
    id: UUID
    display_name: str
    credentials: str | None


class PortalService(Output):
    """What a person without a chart can ask for."""

    id: UUID
    name: str
    description: str | None
    duration_minutes: int
    modes: list[Mode]
    price: Money | None
    practitioners: list[PortalPractitioner]
