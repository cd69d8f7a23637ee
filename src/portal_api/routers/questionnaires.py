"""Forms and what was answered as FHIR R4, and forms from it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanReadForms, CanReadFormTemplates, CanWriteFormTemplates, ReaderDep, SessionDep
from portal_api.schemas.forms.templates import FormTemplate
from portal_api.schemas.questionnaires import ImportQuery, QuestionnaireImport
from portal_api.services import questionnaires
from portal_api.web.replies import Reply, encode
from portal_api.web.route import PortalRouter

FHIR_JSON = "application/fhir+json"
router = PortalRouter(prefix="/v1", tag="forms")


def _resource(name: str) -> Any:
    content = {FHIR_JSON: {"schema": {"type": "object", "properties": {"resourceType": {"const": name}}}}}
    return {200: {"description": f"A FHIR R4 {name}.", "content": content}}


@router.post("/form-templates/import", status_code=201, response_model=FormTemplate)
async def import_form_template(
    data: QuestionnaireImport,
    query: Annotated[ImportQuery, Query()],
    session: SessionDep,
    principal: CanWriteFormTemplates,
) -> Any:
    """Make a draft of a form from a FHIR R4 Questionnaire. What forms do not have is refused, by pointer."""
    return await questionnaires.create(session, principal, data.root, query)


@router.get("/form-templates/{form_template_id}/fhir", response_model=None, responses=_resource("Questionnaire"))
async def get_form_template_fhir(form_template_id: UUID, reader: ReaderDep, principal: CanReadFormTemplates) -> Any:
    """The newest version of a form as a FHIR R4 Questionnaire."""
    return _fhir(await questionnaires.questionnaire(reader, form_template_id))


@router.get(
    "/form-assignments/{form_assignment_id}/fhir",
    response_model=None,
    responses=_resource("QuestionnaireResponse"),
)
async def get_form_assignment_fhir(form_assignment_id: UUID, reader: ReaderDep, principal: CanReadForms) -> Any:
    """What a client answered as a FHIR R4 QuestionnaireResponse."""
    return _fhir(await questionnaires.response(reader, principal, form_assignment_id))


def _fhir(resource: dict[str, Any]) -> Reply:
    """As bytes: a Questionnaire's own `version` is not that of the copy."""
    return Reply(encode(resource), media_type=FHIR_JSON, tagged=True)
