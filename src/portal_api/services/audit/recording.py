"""One event row for whatever someone may want to know of, in the transaction that changed it."""

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import Origin, Principal
from portal_api.core.db import Binding, Database, Insert, Reader, Session
from portal_api.core.ids import new_id
from portal_api.models.audit import Event
from portal_api.services.audit.views import View

_EVENT = Insert(
    Event,
    (
        "id",
        "type",
        "outcome",
        "actor_kind",
        "actor_id",
        "session_id",
        "on_behalf_of",
        "resource_type",
        "resource_id",
        "client_ids",
        "reason",
        "changed",
        "details",
        "request_id",
        "ip",
        "user_agent_hash",
    ),
)


async def record(
    session: Session,
    principal: Principal,
    type: str,
    *,
    resource: tuple[str, UUID] | None = None,
    clients: Iterable[UUID] = (),
    outcome: str = "success",
    reason: str | None = None,
    changed: Iterable[str] = (),
    details: dict[str, Any] | None = None,
) -> UUID:
    """Add the event and queue whatever derives from it. Returns its id.

    changed: names of fields, never their values. details: settings' old and new values, states, counts;
    nothing clinical, no names, no secrets (security.md section 5).
    """
    client_ids = sorted(set(clients))
    actor_kind, actor_id = principal.actor
    event_id = new_id()
    await session.insert(
        _EVENT,
        id=event_id,
        type=type,
        outcome=outcome,
        actor_kind=actor_kind,
        actor_id=actor_id,
        session_id=principal.session_id,
        on_behalf_of=_acting_for(principal, client_ids),
        resource_type=resource[0] if resource else None,
        resource_id=resource[1] if resource else None,
        client_ids=client_ids,
        reason=reason,
        changed=sorted(changed),
        details=details or {},
        **_from(principal.origin),
    )
    session.announce()
    if type in session.tools.subscriptions:
        await session.tools.queue.defer(session, "event", session.binding.practice_id, event_id=event_id)
    return event_id


async def recorded(session: Session, event_id: UUID) -> Event | None:
    """What was recorded; None where it is kept no longer."""
    event: Event | None = await session.scalar(select(Event).where(Event.id == event_id))
    return event


async def record_apart(database: Database, practice_id: UUID, principal: Principal, type: str, **facts: Any) -> None:
    """Record in a transaction of its own: a denial must outlive the rollback that it caused."""
    async with database.session(Binding.system(practice_id)) as session:
        await record(session, principal, type, **facts)


def viewed(
    reader: Reader, principal: Principal, type: str, clients: Iterable[UUID], *, details: dict[str, Any] | None = None
) -> None:
    """Note that somebody looked at these clients' data; it is written before the answer is sent (S42)."""
    client_ids = list(clients)
    actor_kind, actor_id = principal.actor
    reader.views.append(
        View(
            id=new_id(),
            practice_id=principal.practice_id,
            type=type,
            actor_kind=actor_kind,
            actor_id=actor_id,
            session_id=principal.session_id,
            on_behalf_of=_acting_for(principal, client_ids),
            client_ids=client_ids,
            details=details or {},
            **_from(principal.origin),
        )
    )


def _acting_for(principal: Principal, clients: list[UUID]) -> UUID | None:
    """A portal account never acts for itself but for a client: its own profile, or a child's (F18.M1)."""
    return clients[0] if principal.is_client and len(clients) == 1 else None


def _from(origin: Origin) -> dict[str, Any]:
    agent = hashlib.sha256(origin.user_agent.encode()).digest() if origin.user_agent else None
    return {"request_id": origin.request_id, "ip": origin.ip, "user_agent_hash": agent}
