"""Assessments over time, and the alerts that their answers raise."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from portal_api.schemas.base import Input, Output, PageQuery, Paragraphs
from portal_api.schemas.scoring import Score


class AssessmentFilters(PageQuery):
    key: str | None = Field(None, max_length=64, description="Of one instrument only.", examples=["phq-9"])


class MyAssessmentFilters(AssessmentFilters):
    client_id: UUID | None = Field(None, description="Of one client; otherwise of all that you act for.")


class Difference(Output):
    """How one total differs from an earlier one of the same instrument, scored by the same rule."""

    form_assignment_id: UUID
    submitted_at: datetime
    total: int | float
    difference: int | float = Field(description="Negative where it has gone down.")
    reliable: Literal["improved", "worsened", "none"] | None = Field(
        description="Whether the difference is more than the instrument's own unreliability; null where no index of"
        " reliable change is published."
    )


class Assessment(Output):
    """One assessment that was handed in."""

    form_assignment_id: UUID
    client_id: UUID
    form_template_id: UUID
    key: str | None
    title: str
    submitted_at: datetime
    score: Score | None = Field(description="Null for clients where the practice keeps scores to itself.")
    since_previous: Difference | None
    since_first: Difference | None
    reliable_change_points: int | None = Field(description="By how much totals must differ to be a reliable change.")


class SafetyAlertFilters(PageQuery):
    state: Literal["open", "acknowledged"] | None = None
    client_id: UUID | None = None


class SafetyAlertAcknowledgement(Input):
    note: Paragraphs | None = Field(None, description="What was done about it.")


class SafetyAlert(Output):
    """An answer that somebody must look at. It stays open until somebody acknowledges it."""

    id: UUID
    state: Literal["open", "acknowledged"]
    client_id: UUID
    form_assignment_id: UUID
    form_key: str | None
    form_title: str
    rule: str = Field(examples=["phq-9-item-9"])
    item_key: str
    score: int = Field(description="The points of the item's answer, the highest that was handed in.")
    raised_at: datetime
    escalated_at: datetime | None = Field(
        description="When supervisors and owners were told, since nobody had answered."
    )
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None = Field(description="The account of whoever did.")
    note: str | None
    version: int


class CrisisHelp(Output):
    """Where help is now: shown to whoever gave an answer that raised an alert."""

    text: str
    practice_phone: str | None
