"""Templates of forms and their versions."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import Field

from portal_api.routers.deps import CanReadFormTemplates, CanWriteFormTemplates, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.base import Page
from portal_api.schemas.forms.templates import (
    FormTemplate,
    FormTemplateCopy,
    FormTemplateCreate,
    FormTemplateFilters,
    FormTemplateSummary,
    FormTemplateUpdate,
    FormVersion,
    FormVersionQuery,
    FormVersionSummary,
)
from portal_api.services.forms import templates, versions
from portal_api.web.route import PortalRouter

VersionNumber = Annotated[int, Field(ge=1, le=1_000_000)]
router = PortalRouter(prefix="/v1/form-templates", tag="forms")


@router.get("", response_model=Page[FormTemplateSummary])
async def list_form_templates(
    filters: Annotated[FormTemplateFilters, Query()], reader: ReaderDep, principal: CanReadFormTemplates
) -> Any:
    """The practice's forms by title, with those that come with the product."""
    return await templates.page(reader, principal, filters)


@router.post("", status_code=201, response_model=FormTemplate)
async def create_form_template(data: FormTemplateCreate, session: SessionDep, principal: CanWriteFormTemplates) -> Any:
    """Begin a form of the practice's own. It is a draft until it is published."""
    return await templates.create(session, principal, data)


@router.get("/{form_template_id}", response_model=FormTemplate)
async def get_form_template(form_template_id: UUID, reader: ReaderDep, _principal: CanReadFormTemplates) -> Any:
    """One form: its newest version, and the draft of the next."""
    return await templates.get(reader, form_template_id)


@router.patch("/{form_template_id}", response_model=FormTemplate)
async def update_form_template(
    form_template_id: UUID,
    data: FormTemplateUpdate,
    session: SessionDep,
    principal: CanWriteFormTemplates,
    if_match: IfMatch,
) -> Any:
    """Write the draft. Of a published form this is its next version; what is published stays as it is."""
    return await templates.update(session, principal, form_template_id, data, if_match)


@router.delete("/{form_template_id}", status_code=204, response_model=None)
async def archive_form_template(form_template_id: UUID, session: SessionDep, principal: CanWriteFormTemplates) -> Any:
    """Take a form out of use: nobody is given it any more, and what was given stays."""
    return await templates.archive(session, principal, form_template_id)


@router.post("/{form_template_id}/restore", response_model=FormTemplate)
async def restore_form_template(form_template_id: UUID, session: SessionDep, principal: CanWriteFormTemplates) -> Any:
    """Take an archived form into use again."""
    return await templates.restore(session, principal, form_template_id)


@router.post("/{form_template_id}/publish", response_model=FormTemplate)
async def publish_form_template(
    form_template_id: UUID, session: SessionDep, principal: CanWriteFormTemplates, if_match: IfMatch
) -> Any:
    """Make the draft the next version. Forms that clients have already keep theirs."""
    return await templates.publish(session, principal, form_template_id, if_match)


@router.delete("/{form_template_id}/draft", status_code=204, response_model=None)
async def discard_form_draft(form_template_id: UUID, session: SessionDep, principal: CanWriteFormTemplates) -> Any:
    """Drop the draft of a published form."""
    return await templates.discard_draft(session, principal, form_template_id)


@router.post("/{form_template_id}/copy", status_code=201, response_model=FormTemplate)
async def copy_form_template(
    form_template_id: UUID,
    session: SessionDep,
    principal: CanWriteFormTemplates,
    data: FormTemplateCopy | None = None,
) -> Any:
    """A form of the practice's own with the same content, to be edited. The product's assessments are not copied."""
    return await templates.copy(session, principal, form_template_id, data)


@router.get("/{form_template_id}/versions", response_model=Page[FormVersionSummary])
async def list_form_versions(
    form_template_id: UUID,
    query: Annotated[FormVersionQuery, Query()],
    reader: ReaderDep,
    principal: CanReadFormTemplates,
) -> Any:
    """The published versions, newest first."""
    return await versions.page(reader, principal, form_template_id, query)


@router.post("/{form_template_id}/versions", status_code=201, response_model=FormTemplate)
async def create_form_version(
    form_template_id: UUID, data: FormTemplateUpdate, session: SessionDep, principal: CanWriteFormTemplates
) -> Any:
    """Write the draft of the next version, as changing the form does; `publish` makes it the newest."""
    return await templates.update(session, principal, form_template_id, data, None)


@router.get("/{form_template_id}/versions/{number}", response_model=FormVersion)
async def get_form_version(
    form_template_id: UUID, number: VersionNumber, reader: ReaderDep, _principal: CanReadFormTemplates
) -> Any:
    """One published version. It never changes."""
    return await versions.get(reader, form_template_id, number)
