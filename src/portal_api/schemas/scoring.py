"""How an assessment is scored, and what the score says."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from portal_api.schemas.base import Output


class Rule(BaseModel):
    """A part of a scoring rule: written once with its instrument, never by a caller."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Band(Rule):
    """A range of totals, both ends included, and what it is called."""

    lowest: int = Field(alias="from")
    highest: int = Field(alias="to")
    severity: str
    label: str


class Criterion(Rule):
    """So many items of a subscale with a score of at least so much: how DSM-5 counts symptoms."""

    score_at_least: int
    items_at_least: int


class Subscale(Rule):
    key: str
    label: str
    items: tuple[str, ...]
    bands: tuple[Band, ...] = ()
    criterion: Criterion | None = None


class Missing(Rule):
    """How many items may be without an answer; each then counts as the mean of those answered."""

    allowed: int
    source: str


class Skipped(Rule):
    """The answer to one item after which the scored items are not asked, and the total is 0."""

    item: str
    equals: str
    source: str


class ReliableChange(Rule):
    """By how many points two totals must differ to be more than the instrument's own unreliability."""

    points: int
    source: str


class SafetyRule(Rule):
    """An item whose score alone calls for somebody to look at once, whatever the total is (F8.B1)."""

    rule: str
    item: str
    at_least: int


class Scoring(Rule):
    """The published rule of one instrument: a sum over `items`, read by `bands`."""

    method_version: str
    items: tuple[str, ...]
    code: dict[str, Any] | None = None
    """The code of the total, where there is one."""
    bands: tuple[Band, ...] = ()
    missing: Missing
    skipped: Skipped | None = None
    subscales: tuple[Subscale, ...] = ()
    reliable_change: ReliableChange | None = None
    safety: tuple[SafetyRule, ...] = ()


Severity = Annotated[
    str | None,
    Field(description="The band of the total, in the instrument's own words; null without a total, or without bands."),
]


Points = int | float
"""Whole numbers in every instrument of the library; a practice's own forms may count halves."""


class ItemScore(Output):
    key: str
    score: Points | None = Field(description="Null: not answered, or not asked.")


class SubscaleScore(Output):
    key: str
    label: str
    total: Points | None
    severity: Severity
    criterion_met: bool | None = Field(description="Null where the instrument counts no symptoms, or one is missing.")


class Score(Output):
    """What an assessment came to, by the version of the rule that was in force when it was submitted."""

    total: Points | None = Field(description="Null where more items are missing than the instrument allows.")
    severity: Severity
    severity_label: str | None
    lowest: Points = Field(description="The lowest total that there is.")
    highest: Points
    prorated: bool = Field(description="Whether missing items were taken as the mean of the others.")
    subscales: list[SubscaleScore]
    criteria_met: bool | None = Field(
        description="Whether all subscales meet their criterion; null where there is none."
    )
    items: list[ItemScore]
    missing: list[str] = Field(description="The keys of scored items without an answer.")
    method_version: str
