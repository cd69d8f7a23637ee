"""Reading the trail back: the whole of it for owners and admins, their own for clients."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, text, tuple_, union_all

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader
from portal_api.core.errors import NotFound, invalid
from portal_api.models.audit import Event, EventSeal, EventSubject
from portal_api.models.auth import Account
from portal_api.models.clients import ClientGrant
from portal_api.models.staff import StaffMember
from portal_api.schemas.audit import AccessHistoryFilters, EventFilters
from portal_api.services.audit.catalogue import describe
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
_relationship = (
    select(ClientGrant.relationship)
    .where(ClientGrant.account_id == Event.actor_id, ClientGrant.client_id == bindparam("client_id"))
    .order_by(ClientGrant.id.desc())
    .limit(1)
    .correlate(Event)
    .scalar_subquery()
)


async def page(reader: Reader, principal: Principal, filters: EventFilters) -> dict[str, Any]:
    """The practice's events, newest first. Who reads them is recorded as well."""
    pager = Pager(reader, principal, "audit_events", filters, "occurred_at", "id")
    given = filters.model_dump(exclude={"limit", "cursor"}, exclude_none=True)
    read = _events(frozenset(given), given.pop("outcome", None), resumed=pager.position is not None)
    rows = await reader.rows(read, **given, **_position(pager), limit=pager.limit + 1)
    clients = [filters.client_id] if filters.client_id else []
    viewed(reader, principal, "audit.listed", clients, details={"filters": sorted(filters.model_fields_set)})
    return pager.envelope(rows)


async def access_history(reader: Reader, principal: Principal, filters: AccessHistoryFilters) -> dict[str, Any]:
    """Who opened or changed a client's record, newest first, for those who may act for the client (F18.B1).

    Raises NotFound for a client that the caller does not act for, Invalid when it has to say which one.
    """
    client_id = _acting_for(principal, filters.client_id)
    pager = Pager(reader, principal, "access_history", filters, "occurred_at", "id")
    read = _history(resumed=pager.position is not None)
    rows = await reader.rows(read, client_id=client_id, **_position(pager), limit=pager.limit + 1)
    for row in rows:
        row["description"] = describe(row["type"])
    return pager.envelope(rows)


def _acting_for(principal: Principal, client_id: UUID | None) -> UUID:
    if client_id is None and len(principal.client_ids) > 1:
        raise invalid("/query/client_id", "required", "You act for several clients: say for which one.")
    own = [mine for mine in principal.client_ids if client_id is None or mine == client_id]
    if not own:
        raise NotFound
    return own[0]


def _position(pager: Pager) -> dict[str, Any]:
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
        found = _newest(select(*COLUMNS).where(*conditions), Event.occurred_at, Event.id, resumed=resumed)
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
        _newest(sealed, EventSubject.occurred_at, EventSubject.event_id, resumed=resumed),
        _newest(fresh, Event.occurred_at, Event.id, resumed=resumed),
    )


@cache
def _history(*, resumed: bool) -> Read:
    """Sealed events by their index, and the few of the last minute that are not sealed yet."""
    sealed = select(EventSubject.event_id.label("id"), EventSubject.occurred_at.label("occurred_at"))
    sealed = sealed.where(EventSubject.client_id == bindparam("client_id"))
    fresh = select(Event.id.label("id"), Event.occurred_at.label("occurred_at"))
    fresh = fresh.where(bindparam("client_id") == Event.client_ids.any_(), unsealed())
    found = union_all(
        _newest(sealed, EventSubject.occurred_at, EventSubject.event_id, resumed=resumed),
        _newest(fresh, Event.occurred_at, Event.id, resumed=resumed),
    ).subquery()
    statement = (
        select(
            Event.id,
            Event.occurred_at,
            Event.type,
            Event.outcome,
            Event.actor_kind,
            _name,
            func.coalesce(StaffMember.roles, text("'{}'::text[]")).label("actor_roles"),
            _relationship.label("actor_relationship"),
            Event.on_behalf_of,
        )
        .select_from(found)
        .join(Event, Event.id == found.c.id)
        .outerjoin(Account, Account.id == Event.actor_id)
        .outerjoin(StaffMember, StaffMember.account_id == Event.actor_id)
        .order_by(found.c.occurred_at.desc(), found.c.id.desc())
        .limit(bindparam("limit"))
    )
    return Read(statement)


def _newest(statement: Any, at: Any, identity: Any, *, resumed: bool) -> Any:
    """Newest first, after the position that the cursor names."""
    if resumed:
        statement = statement.where(tuple_(at, identity) < tuple_(bindparam("after_at"), bindparam("after_id")))
    return statement.order_by(at.desc(), identity.desc()).limit(bindparam("limit"))
