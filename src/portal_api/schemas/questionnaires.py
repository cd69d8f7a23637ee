"""Forms as FHIR R4 Questionnaires."""

from pydantic import Field, JsonValue, RootModel

from portal_api.models.forms import FormKind
from portal_api.schemas.base import Query


class QuestionnaireImport(RootModel[dict[str, JsonValue]]):
    """A FHIR R4 Questionnaire."""


class ImportQuery(Query):
    kind: FormKind | None = Field(
        None, description="What the form is for; else as the resource says, where this program wrote it, or an intake."
    )
