"""Templates of forms and their versions."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from portal_api.models.forms import FormKind, SignerRole
from portal_api.schemas.base import Change, Input, Line, Output, PageQuery, Paragraphs, SearchText
from portal_api.schemas.forms.definition import FormDefinition

TemplateState = Literal["draft", "published", "archived"]
Kind = Annotated[FormKind, Field(strict=False)]


def _named_once(roles: list[SignerRole]) -> list[SignerRole]:
    if len(set(roles)) < len(roles):
        raise PydanticCustomError("repeated", "Name each signer once.")
    return roles


SignerRoles = Annotated[list[Annotated[SignerRole, Field(strict=False)]], AfterValidator(_named_once)]
Signers = Annotated[SignerRoles, Field(max_length=5, description="Who signs, in this order; nobody where it is empty.")]
_EXAMPLE = FormDefinition.model_validate(
    {
        "sections": [
            {
                "key": "about",
                "title": "About you",
                "items": [
                    {"key": "q1", "type": "text", "text": "What brings you to {practice_name}?", "required": True}
                ],
            }
        ]
    }
)


class FormTemplateCreate(Input):
    kind: Kind = Field(examples=["intake"])
    title: Line = Field(examples=["Before we meet"])
    description: Paragraphs | None = None
    definition: FormDefinition = Field(examples=[_EXAMPLE.stored()])
    signers: Signers = Field(default_factory=list)


class FormTemplateUpdate(Change):
    """Of a published form this opens the draft of its next version, or changes it; nothing published changes."""

    title: Line | None = None
    description: Paragraphs | None = None
    definition: FormDefinition | None = None
    signers: Signers | None = None


class FormTemplateCopy(Input):
    title: Line | None = Field(None, description="Null: the title of the form that is copied.")


class FormTemplateFilters(PageQuery):
    kind: FormKind | None = None
    state: TemplateState | None = Field(None, description="Without it, all but the archived ones.")
    system: bool | None = Field(None, description="Those that come with the product, or the practice's own.")
    q: SearchText | None = Field(None, description="Part of the title or the key.")


class FormTemplateSummary(Output):
    id: UUID
    kind: FormKind
    key: str | None = Field(description="Of a system form.", examples=["phq-9"])
    system: bool = Field(description="It comes with the product: read it, give it to clients, copy it.")
    title: str
    description: str | None
    state: TemplateState
    published_number: int | None = Field(description="The number of the newest published version.")
    has_draft: bool = Field(description="Whether the next version is being written.")
    signers: list[SignerRole]
    copied_from: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int


class FormDraft(Output):
    title: str
    description: str | None
    definition: dict[str, Any]
    signers: list[SignerRole]


class FormTemplate(FormTemplateSummary):
    definition: dict[str, Any] | None = Field(description="Of the newest published version.")
    about: dict[str, Any] | None = Field(description="Of a system form: its licence and where it comes from.")
    draft: FormDraft | None = Field(description="The next version, while it is being written.")


class FormVersionSummary(Output):
    id: UUID
    number: int
    title: str
    sha256: str = Field(description="Of the content's canonical JSON, in hexadecimal.")
    published_at: datetime
    published_by: UUID | None


class FormVersion(FormVersionSummary):
    form_template_id: UUID
    description: str | None
    definition: dict[str, Any]
    signers: list[SignerRole]
    scoring: dict[str, Any] | None
    about: dict[str, Any]


class FormVersionQuery(PageQuery):
    pass
