"""Reading the trail back, for owners and admins."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    bindparam,
    literal_column,
    select,
    tuple_,
    union_all,
)

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader
from portal_api.models.audit import Event, EventSeal, EventSubject
from portal_api.models.auth import Account
from portal_api.schemas.audit import EventFilters
from portal_api.services.audit.chain import unsealed
from portal_api.services.audit.recording import viewed
from portal_api.services.paging import Pager

_name = (Account.given_name + " " + Account.family_name).label("actor_name")
COLUMNS = (
    Event.id,
    Event.occurred_at,
    Event.type,
    Event.outcome,
    Event.actor_kind,
    Event.actor_id,
    Event.session_id,
    Event.on_behalf_of,
    Event.resource_type,
    Event.resource_id,
    Event.client_ids,
    Event.reason,
    Event.request_id,
    Event.ip,
    Event.changed,
    Event.details,
)
_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "actor_id": Event.actor_id == bindparam("actor_id"),
    "type": Event.type == bindparam("type"),
    "since": Event.occurred_at >= bindparam("since"),
    "until": Event.occurred_at < bindparam("until"),
}


async def page(reader: Reader, principal: Principal, filters: EventFilters) -> dict[str, Any]:
    """The practice's events, newest first. Who reads them is recorded as well."""
    pager = Pager(reader, principal, "audit_events", filters, "occurred_at", "id")
    given = filters.model_dump(exclude={"limit", "cursor"}, exclude_none=True)
    read = _events(frozenset(given), given.pop("outcome", None), resumed=pager.position is not None)
    rows = await reader.rows(read, **given, **position(pager), limit=pager.limit + 1)
    clients = [filters.client_id] if filters.client_id else []
    viewed(reader, principal, "audit.listed", clients, details={"filters": sorted(filters.model_fields_set)})
    return pager.envelope(rows)


def position(pager: Pager) -> dict[str, Any]:
    at, after = pager.position or (None, None)
    return {"after_at": at and datetime.fromisoformat(at), "after_id": after and UUID(after)}


@cache
def _events(given: frozenset[str], outcome: str | None, *, resumed: bool) -> Read:
    """`outcome` is part of the statement, so that the index of refusals, which are few, can serve it."""
    conditions = [_CONDITIONS[name] for name in sorted(given & _CONDITIONS.keys())]
    if outcome is not None:
        conditions.append(Event.outcome == literal_column(f"'{outcome}'"))
    if "client_id" in given:
        found = _of_client(conditions, resumed=resumed)
    else:
        found = newest(select(*COLUMNS).where(*conditions), Event.occurred_at, Event.id, resumed=resumed)
    events = found.subquery()
    statement = (
        select(*events.c, EventSeal.seq, _name)
        .outerjoin(EventSeal, EventSeal.event_id == events.c.id)
        .outerjoin(Account, Account.id == events.c.actor_id)
        .order_by(events.c.occurred_at.desc(), events.c.id.desc())
        .limit(bindparam("limit"))
    )
    return Read(statement)


def _of_client(conditions: Sequence[ColumnElement[bool]], *, resumed: bool) -> Any:
    """Events about one client: the sealed ones by their index, and the few that are not sealed yet."""
    sealed = select(*COLUMNS).join(EventSubject, EventSubject.event_id == Event.id)
    sealed = sealed.where(EventSubject.client_id == bindparam("client_id"), *conditions)
    fresh = select(*COLUMNS).where(bindparam("client_id") == Event.client_ids.any_(), unsealed(), *conditions)
    return union_all(
        newest(sealed, EventSubject.occurred_at, EventSubject.event_id, resumed=resumed),
        newest(fresh, Event.occurred_at, Event.id, resumed=resumed),
    )


def newest(statement: Any, at: Any, identity: Any, *, resumed: bool) -> Any:
    """Newest first, after the position that the cursor names."""
    if resumed:
        statement = statement.where(tuple_(at, identity) < tuple_(bindparam("after_at"), bindparam("after_id")))
    return statement.order_by(at.desc(), identity.desc()).limit(bindparam("limit"))
