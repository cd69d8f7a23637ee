"""Templates: found, written, published, copied, put away. Nothing that is published ever changes (F8.M1, F8.M4)."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, case, func, or_, select, tuple_

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import Conflict, NotFound, PreconditionFailed, invalid
from portal_api.core.ids import new_id
from portal_api.models.forms import FormKind, FormTemplate, FormVersion, SignerRole
from portal_api.schemas.forms.definition import FormDefinition
from portal_api.schemas.forms.templates import (
    FormTemplateCopy,
    FormTemplateCreate,
    FormTemplateFilters,
    FormTemplateUpdate,
)
from portal_api.services import audit
from portal_api.services.forms import versions
from portal_api.services.forms.checking import check
from portal_api.services.paging import Pager

CLEARABLE = ("description",)
_published = and_(FormVersion.form_template_id == FormTemplate.id, FormVersion.number == FormTemplate.published_number)
_signers = case(
    (FormVersion.id.is_not(None), func.to_jsonb(FormVersion.signers)), else_=FormTemplate.draft.op("->")("signers")
)
_description = case(
    (FormVersion.id.is_not(None), FormVersion.description),
    else_=FormTemplate.draft.op("->>")("description"),
)
SUMMARY = (
    FormTemplate.id,
    FormTemplate.kind,
    FormTemplate.key,
    FormTemplate.system,
    FormTemplate.title,
    _description.label("description"),
    FormTemplate.state,
    FormTemplate.published_number,
    FormTemplate.draft.is_not(None).label("has_draft"),
    _signers.label("signers"),
    FormTemplate.copied_from,
    FormTemplate.created_at,
    FormTemplate.updated_at,
    FormTemplate.version,
)
ONE = Read(
    select(*SUMMARY, FormVersion.definition, FormVersion.about, FormTemplate.draft)
    .outerjoin(FormVersion, _published)
    .where(FormTemplate.id == bindparam("form_template_id"))
)


class InstrumentReadOnly(Conflict):
    code, title = "instrument_read_only", "An assessment is used as it was published, and is not copied to be edited"


async def page(reader: Reader, principal: Principal, filters: FormTemplateFilters) -> dict[str, Any]:
    """The practice's forms by title; without a state all but the archived ones."""
    pager = Pager(reader, principal, "form-templates", filters, "title", "id")
    title, after = pager.position or (None, None)
    rows = await reader.rows(
        _many(
            kind=filters.kind is not None,
            state=filters.state is not None,
            system=filters.system is not None,
            searching=filters.q is not None,
            resumed=pager.position is not None,
        ),
        kind=filters.kind,
        state=filters.state,
        system=filters.system,
        q=filters.q and filters.q.lower(),
        after_title=title,
        after_id=after and UUID(after),
        limit=pager.limit + 1,
    )
    return pager.envelope(rows)


async def get(source: Source, form_template_id: UUID) -> dict[str, Any]:
    """One form with its newest version and its draft. Raises NotFound."""
    row = await source.row(ONE, form_template_id=form_template_id)
    if row is None:
        raise NotFound
    return row


async def create(session: Session, principal: Principal, data: FormTemplateCreate) -> dict[str, Any]:
    """Begin a form of the practice's own: a draft. Raises Invalid where it does not fit together."""
    check(data.definition)
    template = FormTemplate(id=new_id(), kind=data.kind, title=data.title, created_by=principal.account_id)
    template.write(_draft(data.kind, data.title, data.description, data.definition.stored(), data.signers))
    return await _added(session, principal, template, "form_template.created")


async def copy(
    session: Session, principal: Principal, form_template_id: UUID, data: FormTemplateCopy | None
) -> dict[str, Any]:
    """A form of the practice's own with the same content, as a draft. Raises NotFound, InstrumentReadOnly."""
    source = await get(session, form_template_id)
    if source["system"] and source["kind"] == FormKind.ASSESSMENT:
        raise InstrumentReadOnly("A changed instrument would not score as it was validated.")
    content = source["draft"] if source["published_number"] is None else source
    title = (data.title if data else None) or source["title"]
    template = FormTemplate(
        id=new_id(), kind=source["kind"], title=title, copied_from=form_template_id, created_by=principal.account_id
    )
    template.write(_draft(template.kind, title, content["description"], content["definition"], content["signers"]))
    return await _added(session, principal, template, "form_template.created")


async def update(
    session: Session, principal: Principal, form_template_id: UUID, data: FormTemplateUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change the draft, or open one from the newest version.

    Raises NotFound, PreconditionFailed with the current copy, InvalidState for a system form, Invalid.
    """
    template = await _locked(session, form_template_id)
    current = await get(session, form_template_id)
    if if_match is not None and template.version != if_match:
        raise PreconditionFailed(current=current)
    changes = data.given()
    for name, value in changes.items():
        if value is None and name not in CLEARABLE:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    if data.definition is not None:
        check(data.definition)
        changes["definition"] = data.definition.stored()
    template.must_be_editable()
    names = ("title", "description", "definition", "signers")
    content = current["draft"] or {name: current[name] for name in names}
    template.write(_draft(template.kind, **{name: changes.get(name, content[name]) for name in names}))
    return await _changed(session, principal, template, "form_template.updated", changed=changes)


async def discard_draft(session: Session, principal: Principal, form_template_id: UUID) -> None:
    """Drop the draft of the next version. Raises NotFound, InvalidState."""
    template = await _locked(session, form_template_id)
    template.discard()
    await _changed(session, principal, template, "form_template.draft_discarded")


async def publish(
    session: Session, principal: Principal, form_template_id: UUID, if_match: int | None
) -> dict[str, Any]:
    """Make the draft the next version: what is given to clients from now on.

    Raises NotFound, PreconditionFailed with the current copy, InvalidState, Invalid for a form without items.
    """
    template = await _locked(session, form_template_id)
    if if_match is not None and template.version != if_match:
        raise PreconditionFailed(current=await get(session, form_template_id))
    number, content = template.publish()
    if not any(section["items"] for section in content["definition"]["sections"]):
        raise invalid("/definition", "no_items", "Add at least one item before you publish the form.")
    session.add(versions.made(template.id, number, content, by=principal.account_id))
    return await _changed(session, principal, template, "form_template.published", details={"number": number})


async def archive(session: Session, principal: Principal, form_template_id: UUID) -> None:
    """Take it out of use: nobody is given it any more; what was given stays. Raises NotFound, InvalidState."""
    template = await _locked(session, form_template_id)
    template.archive()
    await _changed(session, principal, template, "form_template.archived")


async def restore(session: Session, principal: Principal, form_template_id: UUID) -> dict[str, Any]:
    """Take it into use again. Raises NotFound, InvalidState."""
    template = await _locked(session, form_template_id)
    template.restore()
    return await _changed(session, principal, template, "form_template.restored")


def _draft(
    kind: str, title: str, description: str | None, definition: dict[str, Any], signers: list[SignerRole]
) -> dict[str, Any]:
    """Signed by the client where it is a consent or has a place to sign, and nobody is named."""
    items = FormDefinition.model_validate(definition).items()
    asks = kind == FormKind.CONSENT or any(item.type == "signature" for item in items)
    signed = [str(role) for role in signers] or ([str(SignerRole.CLIENT)] if asks else [])
    return {"title": title, "description": description, "definition": definition, "signers": signed}


async def _added(session: Session, principal: Principal, template: FormTemplate, event: str) -> dict[str, Any]:
    session.add(template)
    await session.flush()
    await audit.record(session, principal, event, resource=("form_template", template.id))
    return await get(session, template.id)


async def _changed(
    session: Session, principal: Principal, template: FormTemplate, event: str, **facts: Any
) -> dict[str, Any]:
    await session.flush()
    await audit.record(session, principal, event, resource=("form_template", template.id), **facts)
    return await get(session, template.id)


async def _locked(session: Session, form_template_id: UUID) -> FormTemplate:
    held = select(FormTemplate).where(FormTemplate.id == form_template_id).with_for_update(key_share=True)
    template = (await session.execute(held)).scalar_one_or_none()
    if template is None:
        raise NotFound
    return template


@cache
def _many(*, kind: bool, state: bool, system: bool, searching: bool, resumed: bool) -> Read:
    wanted = FormTemplate.state == bindparam("state") if state else FormTemplate.state != "archived"
    statement: Rows = select(*SUMMARY).outerjoin(FormVersion, _published).where(wanted)
    if kind:
        statement = statement.where(FormTemplate.kind == bindparam("kind"))
    if system:
        statement = statement.where(FormTemplate.system == bindparam("system"))
    if searching:
        found = func.strpos(func.lower(FormTemplate.title), bindparam("q")) > 0
        statement = statement.where(or_(found, func.strpos(FormTemplate.key, bindparam("q")) > 0))
    if resumed:
        after = tuple_(bindparam("after_title"), bindparam("after_id"))
        statement = statement.where(tuple_(FormTemplate.title, FormTemplate.id) > after)
    return Read(statement.order_by(FormTemplate.title, FormTemplate.id).limit(bindparam("limit")))
