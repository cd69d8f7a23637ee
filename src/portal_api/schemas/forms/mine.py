"""Forms as the people see them who fill them in."""

from uuid import UUID

from pydantic import Field

from portal_api.models.forms import FormKind, FormState
from portal_api.schemas.assessments import CrisisHelp
from portal_api.schemas.base import Input, PageQuery, Paragraphs
from portal_api.schemas.forms.assignments import AssignedForm, FormAnswers, FormContent


class MyFormFilters(PageQuery):
    state: FormState | None = None
    kind: FormKind | None = None
    client_id: UUID | None = Field(None, description="Of this client alone.")


class MyFormAnswers(FormAnswers):
    client_id: UUID | None = Field(None, description="For whom; the form says so itself.")


class MyFormSubmission(Input):
    client_id: UUID | None = Field(None, description="For whom; the form says so itself.")


class MyFormWithdrawal(MyFormSubmission):
    reason: Paragraphs | None = None


class MyFormSummary(AssignedForm):
    pass


class MyForm(AssignedForm, FormContent):
    crisis: CrisisHelp | None = Field(
        description="Where help is now, where an answer says that it may be needed: show it at once."
    )
