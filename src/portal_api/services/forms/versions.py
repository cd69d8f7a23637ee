"""Versions of a form: made once, read for ever."""

import hashlib
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, func, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows
from portal_api.core.errors import NotFound
from portal_api.core.ids import new_id
from portal_api.models.forms import FormTemplate, FormVersion
from portal_api.schemas.forms.templates import FormVersionQuery
from portal_api.services.paging import Pager

SUMMARY = (
    FormVersion.id,
    FormVersion.number,
    FormVersion.title,
    func.encode(FormVersion.sha256, "hex").label("sha256"),
    FormVersion.published_at,
    FormVersion.published_by,
)
_template = Read(select(FormTemplate.id).where(FormTemplate.id == bindparam("form_template_id")))
_one = Read(
    select(
        *SUMMARY,
        FormVersion.form_template_id,
        FormVersion.description,
        FormVersion.definition,
        FormVersion.signers,
        FormVersion.scoring,
        FormVersion.about,
    ).where(FormVersion.form_template_id == bindparam("form_template_id"), FormVersion.number == bindparam("number"))
)


async def page(reader: Reader, principal: Principal, form_template_id: UUID, query: FormVersionQuery) -> dict[str, Any]:
    """The published versions, newest first. Raises NotFound."""
    if await reader.row(_template, form_template_id=form_template_id) is None:
        raise NotFound
    pager = Pager(reader, principal, f"form-templates/{form_template_id}/versions", query, "number")
    rows = await reader.rows(
        _many(resumed=pager.position is not None),
        form_template_id=form_template_id,
        before=pager.position[0] if pager.position else None,
        limit=pager.limit + 1,
    )
    return pager.envelope(rows)


async def get(reader: Reader, form_template_id: UUID, number: int) -> dict[str, Any]:
    """One published version. Raises NotFound."""
    row = await reader.row(_one, form_template_id=form_template_id, number=number)
    if row is None:
        raise NotFound
    return row


def made(form_template_id: UUID, number: int, content: dict[str, Any], *, by: UUID | None) -> FormVersion:
    """A version to be added. content: title, description, definition, signers, and for system forms scoring, about."""
    nothing: dict[str, Any] = {"scoring": None, "about": {}}
    whole = nothing | content
    return FormVersion(
        id=new_id(), form_template_id=form_template_id, number=number, sha256=digest(whole), published_by=by, **whole
    )


def digest(content: dict[str, Any]) -> bytes:
    """SHA-256 of the content as JSON with sorted keys."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


@cache
def _many(*, resumed: bool) -> Read:
    statement: Rows = select(*SUMMARY).where(FormVersion.form_template_id == bindparam("form_template_id"))
    if resumed:
        statement = statement.where(FormVersion.number < bindparam("before"))
    return Read(statement.order_by(FormVersion.number.desc()).limit(bindparam("limit")))
