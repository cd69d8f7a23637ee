"""The practice's log of mails: what was sent, how it went, and nothing of what it said (F14.M4)."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader
from portal_api.models.notifications import MailDelivery
from portal_api.schemas.notifications import LogQuery
from portal_api.services import audit
from portal_api.services.paging import Pager


async def page(reader: Reader, principal: Principal, query: LogQuery) -> dict[str, Any]:
    """Newest first. Who reads it is recorded."""
    pager = Pager(reader, principal, "notification_log", query, "id")
    read = _many(query.state, of_one=query.recipient_id is not None, resumed=pager.position is not None)
    rows = await reader.rows(
        read,
        recipient_id=query.recipient_id,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    audit.viewed(reader, principal, "notification_log.listed", [])
    return pager.envelope(rows)


@cache
def _many(state: str | None, *, of_one: bool, resumed: bool) -> Read:
    """`state` is part of the statement: one of eight, and so the index of what is rare can serve it."""
    statement = select(
        MailDelivery.id,
        literal_column("'email'").label("channel"),
        MailDelivery.template,
        MailDelivery.kind,
        MailDelivery.account_id,
        MailDelivery.recipient_id,
        MailDelivery.address,
        MailDelivery.state,
        MailDelivery.smtp_code,
        MailDelivery.attempts,
        MailDelivery.created_at,
        MailDelivery.finished_at,
    )
    if state is not None:
        statement = statement.where(MailDelivery.state == literal_column(f"'{state}'"))
    if of_one:
        statement = statement.where(MailDelivery.recipient_id == bindparam("recipient_id"))
    if resumed:
        statement = statement.where(MailDelivery.id < bindparam("after_id"))
    return Read(statement.order_by(MailDelivery.id.desc()).limit(bindparam("limit")))
