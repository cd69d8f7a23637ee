"""Reading the trail back: the whole of it for owners and admins, their own for clients."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

from portal_api.core.access import ActorKind, Principal, Profile
from portal_api.core.db import Base, Confidential, Read, Reader
from portal_api.core.errors import invalid
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
BETWEEN_STAFF = (
    "client.came_of_age",
    "client.grew_older",
    "client.sharing_changed",
    "custody.",
    "guardian",
    "invitation",
)
"""How the types of events begin that would tell one guardian of another."""
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

    Guardians see what the practice did and what they did themselves: not that there are others, nor what the client
    does or keeps from them (F6.M3, F6.B3).

    Raises NotFound for a client that the caller does not act for, Invalid when it has to say which one.
    """
    profile = _acting_for(principal, filters.client_id)
    pager = Pager(reader, principal, "access_history", filters, "occurred_at", "id")
    read = _history(guardians=not profile.is_own, resumed=pager.position is not None)
    whose = {"client_id": profile.client_id, "account_id": principal.account_id}
    rows = await reader.rows(read, **whose, **_position(pager), limit=pager.limit + 1)
    for row in rows:
        row["description"] = describe(row["type"])
    return pager.envelope(rows)


def _acting_for(principal: Principal, client_id: UUID | None) -> Profile:
    if client_id is None and len(principal.profiles) > 1:
        raise invalid("/query/client_id", "required", "You act for several clients: say for which one.")
    return principal.profile(client_id)


def _shown_to_guardians() -> tuple[ColumnElement[bool], ...]:
    """Whatever may be confidential shows only with its row, which is hidden from them where it is."""
    told_apart = [
        or_(Event.resource_type != model.__tablename__, exists().where(model.id == Event.resource_id))
        for model in _confidential_tables()
    ]
    return (
        or_(Event.actor_kind != ActorKind.CLIENT, Event.actor_id == bindparam("account_id")),
        *(~Event.type.startswith(beginning, autoescape=True) for beginning in BETWEEN_STAFF),
        or_(Event.resource_type.is_(None), and_(*told_apart)),
    )


def _confidential_tables() -> list[Any]:
    models: list[Any] = [mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Confidential)]
    return sorted(models, key=lambda model: model.__tablename__)


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
def _history(*, guardians: bool, resumed: bool) -> Read:
    """Sealed events by their index, and the few of the last minute that are not sealed yet."""
    shown = _shown_to_guardians() if guardians else ()
    sealed = select(EventSubject.event_id.label("id"), EventSubject.occurred_at.label("occurred_at"))
    sealed = sealed.where(EventSubject.client_id == bindparam("client_id"))
    if shown:
        sealed = sealed.join(Event, Event.id == EventSubject.event_id).where(*shown)
    fresh = select(Event.id.label("id"), Event.occurred_at.label("occurred_at"))
    fresh = fresh.where(bindparam("client_id") == Event.client_ids.any_(), unsealed(), *shown)
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
