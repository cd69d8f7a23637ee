"""Onboarding: what a practice asks of new clients, in order, and how far a client has come."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from portal_api.schemas.base import Change, Ids, Input, Line, Output, Paragraphs, Query
from portal_api.schemas.client_information import Group, GroupRule, GroupRuleUpdate, ProfileField, ProfileUpdate

MOST_STEPS = 40
StepKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]
StepKind = Literal[
    "profile",
    "demographics",
    "contact",
    "preferences",
    "insurance",
    "consent",
    "intake",
    "assessment",
    "document",
    "upload",
    "statement",
]
Audience = Literal["adult", "minor", "new", "existing", "self", "guardian"]
StepState = Literal["open", "in_progress", "waiting", "done", "skipped", "declined", "expired"]
OnboardingState = Literal["not_given", "pending", "in_progress", "completed"]
FORMS = ("consent", "intake", "assessment")
APPLIES_TO = (
    "Empty: everybody. Of adult and minor, new and existing (who has had an appointment), and of who fills it in (self"
    " or guardian), a pair of which nothing is named excludes nobody."
)
OF_SERVICES = "Empty: everybody. Else those who have had, or have booked, an appointment of one of these services."


class FlowStep(Input):
    """A step as the practice defines it. A form kind names its form, `document` a shared resource of the practice."""

    key: StepKey = Field(examples=["telehealth"])
    kind: StepKind = Field(examples=["statement"])
    title: Line | None = Field(None, description="Without one, the kind's or the form's own.", examples=["House rules"])
    text: Paragraphs | None = Field(None, description="What a statement says.", examples=["Please be on time."])
    enabled: bool = True
    required: bool = True
    skippable: bool = Field(False, description="Required, but the client may say that they leave it out.")
    applies_to: Annotated[list[Audience], Field(max_length=6, description=APPLIES_TO)] = []
    service_ids: Annotated[Ids, Field(description=OF_SERVICES)] = []
    form_template_id: UUID | None = None
    practice_document_id: UUID | None = None

    @model_validator(mode="after")
    def _names_what_it_needs(self) -> Self:
        for name, wanted in (
            ("form_template_id", self.kind in FORMS),
            ("practice_document_id", self.kind == "document"),
        ):
            if (getattr(self, name) is not None) != wanted:
                verb = "needs" if wanted else "takes no"
                raise PydanticCustomError("reference", "A {kind} step {verb} {name}.", _words(self.kind, verb, name))
        if self.kind == "statement" and not (self.title and self.text):
            raise PydanticCustomError("reference", "A statement step needs a title and a text.")
        return self


def _words(kind: str, verb: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "verb": verb, "name": name}


class FlowUpdate(Change):
    steps: Annotated[list[FlowStep], Field(max_length=MOST_STEPS)] | None = Field(None, description="All, in order.")
    client_information: dict[Group, GroupRuleUpdate] | None = None
    adult_age: Annotated[int, Field(ge=12, le=30)] | None = Field(
        None, description="From when a client counts as an adult here; without a date of birth, always."
    )


class FlowStepView(Output):
    key: str
    kind: StepKind
    title: str
    text: str | None
    enabled: bool
    required: bool
    skippable: bool
    applies_to: list[Audience]
    service_ids: list[UUID]
    form_template_id: UUID | None
    practice_document_id: UUID | None


class Flow(Output):
    """What the practice asks of clients who have not finished; `version` 0 is what ships."""

    steps: list[FlowStepView]
    client_information: dict[Group, GroupRule]
    adult_age: int
    updated_at: datetime | None
    version: int


class MyOnboardingQuery(Query):
    client_id: UUID | None = Field(None, description="Needed where the account acts for several clients.")


class StepSave(Change):
    """What is entered in a step, in part or whole; only what the step's kind takes."""

    values: ProfileUpdate | None = Field(None, description="Of an information step: its fields.")
    acknowledged: Literal[True] | None = Field(None, description="Of a document or a statement: it was read.")
    document_id: UUID | None = Field(None, description="Of an upload: a document of the client.")
    skipped: bool | None = Field(None, description="Leave the step out, or take it up again.")


class MyCompletion(Input):
    client_id: UUID | None = Field(None, description="Needed where the account acts for several clients.")


class StepField(Output):
    name: ProfileField
    required: bool


class Step(Output):
    """One step of one client. `missing`: what it still needs, by the names of its fields, or what is to be done."""

    key: str
    kind: StepKind
    title: str
    text: str | None
    required: bool
    skippable: bool
    state: StepState
    missing: list[str] = Field(examples=[["date_of_birth"]])
    fields: list[StepField]
    form_assignment_id: UUID | None
    practice_document_id: UUID | None
    document_id: UUID | None
    saved_at: datetime | None
    acknowledged_at: datetime | None
    skipped_at: datetime | None


class MyStep(Step):
    values: dict[ProfileField, Any] = Field(description="Of an information step, as the caller last wrote them.")


class MyOnboarding(Output):
    """The steps that the caller may fill in, for themselves or for a child."""

    client_id: UUID
    relationship: str
    state: OnboardingState
    progress: int = Field(ge=0, le=100, description="Per cent of the steps that are done or left out.")
    current_step: str | None = Field(description="The first that waits for the caller.")
    can_complete: bool
    waits_for_others: bool = Field(description="Somebody else has steps left that are needed.")
    steps: list[MyStep]
    started_at: datetime | None
    completed_at: datetime | None
    version: int


class StaffStep(Step):
    filled_in_by: Literal["self", "guardian"] | None
    saved_by: UUID | None
    skipped_by: UUID | None
    skipped_by_staff: bool


class ClientOnboarding(Output):
    """How far a client has come. `audience`: what they were when the steps were given to them."""

    client_id: UUID
    state: OnboardingState
    source: Literal["invitation", "credentials", "association", "guardian", "staff"] | None
    audience: list[Audience]
    progress: int = Field(ge=0, le=100)
    steps: list[StaffStep]
    given_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    completed_by: UUID | None
    version: int
