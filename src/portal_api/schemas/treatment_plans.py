"""Treatment plans."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from portal_api.models.forms import OF_CLIENT, SignerRole
from portal_api.models.treatment_plans import RevisionState
from portal_api.schemas.base import CalendarDate, Change, Input, Line, Output, PageQuery, Paragraphs
from portal_api.schemas.forms.templates import SignerRoles


def _somebody_of_the_client(signers: list[SignerRole]) -> list[SignerRole]:
    if not set(signers) & set(OF_CLIENT):
        raise PydanticCustomError("client_missing", "A plan is signed by the client, or by those who act for them.")
    return signers


Signers = Annotated[
    SignerRoles,
    Field(min_length=1, max_length=4, description="Who signs, in this order.", examples=[["client"]]),
    AfterValidator(_somebody_of_the_client),
]


class Diagnosis(Input):
    code: Annotated[Line, Field(max_length=20)] = Field(examples=["F41.1"])
    description: Line


class Objective(Input):
    description: Paragraphs = Field(examples=["Go to work by train twice a week."])
    measure: Line | None = Field(None, description="How it is seen that it is reached.")
    target_date: CalendarDate | None = None
    achieved_on: CalendarDate | None = None


class Intervention(Input):
    description: Paragraphs = Field(examples=["Graded exposure"])
    frequency: Line | None = Field(None, examples=["Weekly, 50 minutes"])


class Goal(Input):
    description: Paragraphs = Field(examples=["Feel safe in public places again."])
    target_date: CalendarDate | None = None
    objectives: list[Objective] = Field(default_factory=list, max_length=20)
    interventions: list[Intervention] = Field(default_factory=list, max_length=20)


class TreatmentPlanCreate(Input):
    title: Line = Field(examples=["Treatment plan"])
    summary: Paragraphs | None = None
    goals: list[Goal] = Field(default_factory=list, max_length=20)
    diagnoses: list[Diagnosis] = Field(
        default_factory=list, max_length=20, description="None unless they belong into what the client signs."
    )
    review_on: CalendarDate | None = None
    signers: Signers = Field(default_factory=lambda: [SignerRole.CLIENT])
    confidential: bool = Field(False, description="Kept from those who act for the client without being the client.")


class TreatmentPlanUpdate(Change):
    """Of the draft. Lists are replaced as a whole."""

    title: Line | None = None
    summary: Paragraphs | None = None
    goals: list[Goal] | None = Field(None, max_length=20)
    diagnoses: list[Diagnosis] | None = Field(None, max_length=20)
    review_on: CalendarDate | None = None
    signers: Signers | None = None
    confidential: bool | None = None


class Discontinuation(Input):
    reason: Paragraphs | None = None


class PlanFilters(PageQuery):
    state: RevisionState | None = None


class MyPlanFilters(PageQuery):
    client_id: UUID | None = None


class PlanContent(Output):
    title: str
    summary: str | None
    goals: list[Goal]
    diagnoses: list[Diagnosis]
    review_on: date | None


class TreatmentPlanRevision(PlanContent):
    number: int
    state: RevisionState
    signers: list[SignerRole]
    shared_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


class TreatmentPlan(PlanContent):
    """A plan as its newest revision has it."""

    id: UUID
    client_id: UUID
    author_id: UUID = Field(description="Who wrote it: the `practitioner_id` of a staff member.")
    revision: int
    active_revision: int | None = Field(description="The newest one that everybody has signed, while it is in force.")
    state: RevisionState
    signers: list[SignerRole]
    confidential: bool
    shared_at: datetime | None
    discontinued_at: datetime | None
    discontinued_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class MyTreatmentPlan(PlanContent):
    """A plan as the newest revision that was put before the client has it."""

    id: UUID
    client_id: UUID
    practitioner_id: UUID
    revision: int
    state: Literal["shared", "active", "declined", "discontinued"]
    shared_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
