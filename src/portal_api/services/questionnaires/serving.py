"""Templates and what was answered, as FHIR; and templates from FHIR (F8.B4)."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import bindparam, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session
from portal_api.core.errors import Fault, Invalid
from portal_api.models.forms import FormKind, FormVersion
from portal_api.models.practices import Practice
from portal_api.schemas.forms.definition import FormDefinition
from portal_api.schemas.forms.templates import FormTemplateCreate
from portal_api.schemas.questionnaires import ImportQuery
from portal_api.services import forms
from portal_api.services.forms import templates
from portal_api.services.questionnaires import exporting, importing
from portal_api.services.questionnaires.vocabulary import Json

_PRACTICE = Read(select(Practice.name).where(Practice.id == bindparam("practice_id")))
_VERSION = Read(
    select(FormVersion.definition, FormVersion.title, FormVersion.description, FormVersion.about).where(
        FormVersion.form_template_id == bindparam("form_template_id"), FormVersion.number == bindparam("number")
    )
)


async def questionnaire(reader: Reader, form_template_id: UUID) -> Json:
    """The newest published version of a form as a Questionnaire; before there is one, its draft. Raises NotFound."""
    template = await templates.get(reader, form_template_id)
    content = template["draft"] if template["published_number"] is None else template
    number = template["published_number"] or 0
    return exporting.questionnaire(await _form(reader, template, content, number, template["id"]))


async def response(reader: Reader, principal: Principal, form_assignment_id: UUID) -> Json:
    """What a client answered as a QuestionnaireResponse. Raises NotFound."""
    assignment = await forms.get(reader, principal, form_assignment_id)
    number, template_id = assignment["version_number"], assignment["form_template_id"]
    version = await reader.row(_VERSION, form_template_id=template_id, number=number)
    assert version is not None  # noqa: S101 - a foreign key
    form = await _form(reader, assignment | {"state": "published"}, version, number, template_id)
    return exporting.response(form, assignment | {"changed_at": assignment["updated_at"]})


async def create(session: Session, principal: Principal, resource: Json, query: ImportQuery) -> dict[str, Any]:
    """A draft of a form from a Questionnaire. Raises Invalid with a pointer to each thing that forms do not have."""
    definition = importing.definition_of(resource)
    kind = query.kind or importing.kind_of(resource)
    said = {
        "kind": kind if kind in tuple(FormKind) else FormKind.INTAKE,
        "title": resource.get("title") or resource.get("name") or "Imported form",
        "description": resource.get("description"),
        "definition": definition,
    }
    try:
        data = FormTemplateCreate.model_validate(said)
    except ValidationError as error:
        faults = tuple(Fault(f"/{fault['loc'][0]}", fault["type"], fault["msg"]) for fault in error.errors())
        raise Invalid("This questionnaire cannot become a form.", faults=faults) from None
    return await templates.create(session, principal, data)


async def _form(
    reader: Reader, about: dict[str, Any], content: dict[str, Any], number: int, template_id: UUID
) -> exporting.Form:
    practice = await reader.row(_PRACTICE)
    assert practice is not None  # noqa: S101 - it is the caller's
    return exporting.Form(
        base=reader.tools.settings.public_url.rstrip("/"),
        template_id=template_id,
        key=about["key"],
        kind=about["kind"],
        state=about["state"],
        number=number,
        title=content["title"],
        description=content["description"],
        about=content.get("about") or {},
        dated=about["updated_at"],
        publisher=practice["name"],
        definition=FormDefinition.model_validate(content["definition"]),
    )
