"""The sealer: gives committed events their place in the chain, away from every request."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert, select

from portal_api.core.db import Binding, Database, Read, Session
from portal_api.models.audit import Event, EventSeal, EventSubject
from portal_api.models.clients import Client
from portal_api.models.portal import PortalSettings
from portal_api.services.audit.chain import GENESIS, link, unsealed

BATCH = 500
WAITING = Read(select(Event.id).where(unsealed()).limit(1))


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link of a chain."""

    seq: int
    hash: bytes


async def seal(database: Database, practice_id: UUID) -> int:
    """Seal what has committed in one practice; returns how many events that was. A practice at rest costs one read."""
    binding, sealed = Binding.system(practice_id), 0
    async with database.reader(binding) as reader:
        row = await reader.row(WAITING)
    more = row is not None
    while more:
        async with database.session(binding) as session:
            batch = await _seal_batch(session)
        sealed += batch
        more = batch == BATCH
    return sealed


async def head(session: Session) -> Head:
    """The newest link; seq 0 before the first."""
    newest = select(EventSeal.seq, EventSeal.hash).order_by(EventSeal.seq.desc()).limit(1)
    row = (await session.execute(newest)).first()
    return Head(row.seq, row.hash) if row else Head(0, GENESIS)


async def _seal_batch(session: Session) -> int:
    await _take_turn(session)
    waiting = select(Event).where(unsealed()).order_by(Event.occurred_at, Event.id).limit(BATCH)
    events = (await session.scalars(waiting)).all()
    if events:
        await _chain(session, await head(session), events)
        await _note_subjects(session, events)
    return len(events)


async def _take_turn(session: Session) -> None:
    """One sealer a practice. What follows sees what the sealer before has committed: each statement looks anew."""
    await session.execute(select(PortalSettings.practice_id).with_for_update(key_share=True))


async def _chain(session: Session, newest: Head, events: Sequence[Event]) -> None:
    links: list[dict[str, object]] = []
    previous = newest.hash
    for seq, event in enumerate(events, newest.seq + 1):
        previous = link(previous, event)
        links.append({"practice_id": event.practice_id, "seq": seq, "event_id": event.id, "hash": previous})
    await session.execute(insert(EventSeal), links)


async def _note_subjects(session: Session, events: Sequence[Event]) -> None:
    """Index the events by client. An id that is no client's (a mistyped filter) concerns nobody."""
    named = {client_id for event in events for client_id in event.client_ids}
    known = {UUID(str(found)) for found in await session.scalars(select(Client.id).where(Client.id.in_(named)))}
    subjects = [
        {
            "practice_id": event.practice_id,
            "client_id": client_id,
            "occurred_at": event.occurred_at,
            "event_id": event.id,
        }
        for event in events
        for client_id in known.intersection(event.client_ids)
    ]
    if subjects:
        await session.execute(insert(EventSubject), subjects)
