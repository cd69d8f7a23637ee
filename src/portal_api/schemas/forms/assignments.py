"""Forms that clients were given, as staff see them."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from portal_api.models.forms import FormKind, FormState, SignerRole
from portal_api.schemas.base import CalendarDate, Change, Input, Output, PageQuery, Paragraphs
from portal_api.schemas.forms.definition import Answers
from portal_api.schemas.forms.templates import Signers
from portal_api.schemas.scoring import Score

_FOR = (
    "The one person who fills it in: an account that acts for the client. Nobody else who does so sees it; another"
    " person's copy is another assignment. Null: whoever may complete forms for the client."
)
_CONFIDENTIAL = "Kept from everybody who acts for the client without being the client."
_EXPIRES = "The last day, in the practice's zone, on which it can be answered."


class Recurrence(Input):
    rule: Literal["every_days", "before_appointment"]
    days: int = Field(ge=1, le=365, description="Between two; or so many days before the start of each appointment.")


class FormAssignmentCreate(Input):
    form_template_id: UUID
    due_on: CalendarDate | None = None
    expires_on: CalendarDate | None = Field(None, description=_EXPIRES)
    recurrence: Recurrence | None = Field(None, description="Give the form again, by this rule.")
    confidential: bool = Field(False, description=_CONFIDENTIAL)
    signers: Signers | None = Field(None, description="Who signs, in this order; null: as the form says.")
    for_account_id: UUID | None = Field(None, description=_FOR)


class FormAssignmentUpdate(Change):
    due_on: CalendarDate | None = None
    expires_on: CalendarDate | None = Field(None, description=_EXPIRES)
    confidential: bool | None = Field(None, description=_CONFIDENTIAL)
    recurrence: None = Field(None, description="Null ends the rule: the form is not given again.")


class FormReason(Input):
    reason: Paragraphs | None = None


class FormAnswers(Input):
    """A JSON Merge Patch (RFC 7396) of answers by item: what is not named stays, null takes an answer back."""

    answers: Answers = Field(examples=[{"q1": "A friend told me of you."}])


class FormAssignmentFilters(PageQuery):
    state: FormState | None = None
    kind: FormKind | None = None
    form_template_id: UUID | None = None


class Signer(Output):
    role: SignerRole


class AssignedForm(Output):
    """What every view of an assignment has."""

    id: UUID
    client_id: UUID
    form_template_id: UUID
    kind: FormKind
    key: str | None = Field(description="Of a system form.", examples=["phq-9"])
    title: str
    version_number: int = Field(description="The version of the form that it is pinned to.")
    state: FormState
    state_changed_at: datetime | None
    state_reason: str | None
    due_on: date | None
    overdue: bool = Field(description="It waits for answers, and the day on which it was due is over.")
    expires_on: date | None = Field(description=_EXPIRES)
    confidential: bool
    signers: list[Signer] = Field(description="Who signs, in this order.")
    submitted_at: datetime | None
    submitted_by_kind: Literal["client", "staff"] | None = Field(description="`staff`: on the client's behalf.")
    signed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class FormAssignmentSummary(AssignedForm):
    for_account_id: UUID | None = Field(description=_FOR)
    recurrence: Recurrence | None
    assigned_by: UUID | None
    submitted_by: UUID | None


class FormContent(Output):
    """A form and what was answered. `definition`: with the practice's and the client's names in its texts."""

    description: str | None
    definition: dict[str, Any]
    answers: dict[str, Any]
    missing: list[str] = Field(description="Items that are shown, are required and have no answer yet.")
    progress: int = Field(ge=0, le=100, description="In per cent, of what is required and shown.")
    score: Score | None = Field(
        description="Of a form that is scored, once it is handed in; clients do not see it where the practice says so."
    )


class FormAssignment(FormAssignmentSummary, FormContent):
    pass
