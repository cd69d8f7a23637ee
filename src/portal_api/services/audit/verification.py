"""The verifier: walks a chain from its beginning and names the first place that is not as it was sealed."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Row, exists, select

from portal_api.core.db import Binding, Database
from portal_api.core.tools import Tools
from portal_api.models.audit import Event, EventSeal
from portal_api.services.audit.anchors import Anchor, anchors
from portal_api.services.audit.chain import GENESIS, link, watermark
from portal_api.services.directory import practice_ids

CHUNK = 1000
MISSING: Final = "a link was taken out"
NO_EVENT: Final = "the event of this link was taken out"
CHANGED: Final = "the event, its place or its link was changed"
TAIL: Final = "the chain was longer once: its tail was taken off"
REWRITTEN: Final = "the chain was written anew: an anchor says otherwise"
FORGED: Final = "an anchor of this installation was changed"
INSERTED: Final = "an event was put in among older ones, without a link"


@dataclass(frozen=True, slots=True)
class Break:
    """The first bad place: its seq in the chain, and what is wrong there."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """How far a practice's chain was read, and where it broke, if it did."""

    practice_id: UUID
    sealed: int
    found: Break | None = None

    @property
    def intact(self) -> bool:
        return self.found is None

    def __str__(self) -> str:
        if self.found is None:
            return f"practice {self.practice_id}: {self.sealed} events, unbroken"
        return f"practice {self.practice_id}: broken at seq {self.found.seq}: {self.found.what}"


async def verify(tools: Tools, practice_id: UUID) -> Report:
    """Compare every event of the practice with its link, the links with each other and with the anchors."""
    anchored = await anchors(tools, practice_id)
    expected, previous = 1, GENESIS
    at_seq: dict[int, list[Anchor]] = {}
    for anchor in anchored:
        at_seq.setdefault(anchor.seq, []).append(anchor)
    async for seal, event in _links(tools.database, practice_id):
        previous = link(previous, event) if event is not None else previous
        what = _wrong(seal, event, expected, previous, at_seq.get(expected, ()))
        if what is not None:
            return Report(practice_id, expected - 1, Break(expected, what))
        expected += 1
    return Report(practice_id, expected - 1, await _after_the_end(tools.database, practice_id, expected, anchored))


async def verify_all(tools: Tools, report: Callable[[Report], None]) -> bool:
    """Verify every practice, telling of each as it is done; True when all are intact."""
    intact = True
    for practice_id in await practice_ids(tools.database):
        found = await verify(tools, practice_id)
        report(found)
        intact = intact and found.intact
    return intact


def _wrong(
    seal: EventSeal, event: Event | None, expected: int, calculated: bytes, anchored: Sequence[Anchor]
) -> str | None:
    if seal.seq != expected:
        return MISSING
    if event is None:
        return NO_EVENT
    if seal.hash != calculated:
        return CHANGED
    if not all(anchor.genuine for anchor in anchored):
        return FORGED
    return REWRITTEN if any(anchor.hash != calculated.hex() for anchor in anchored) else None


async def _after_the_end(
    database: Database, practice_id: UUID, next_seq: int, anchored: Sequence[Anchor]
) -> Break | None:
    """What the links cannot say: that there were more of them, that an event has none."""
    if any(anchor.seq >= next_seq for anchor in anchored):
        return Break(next_seq, TAIL)
    if not all(anchor.genuine for anchor in anchored):
        return Break(next_seq, FORGED)
    stray = (
        select(Event.id)
        .where(Event.occurred_at < watermark(), ~exists().where(EventSeal.event_id == Event.id))
        .limit(1)
    )
    async with database.session(Binding.system(practice_id)) as session:
        return Break(next_seq, INSERTED) if (await session.execute(stray)).first() else None


async def _links(database: Database, practice_id: UUID) -> AsyncIterator[tuple[EventSeal, Event | None]]:
    """The chain in order, a chunk at a time, each in a short transaction."""
    last, chunk = 0, CHUNK
    while chunk == CHUNK:
        rows = await _read_chunk(database, practice_id, last)
        for row in rows:
            yield row[0], row[1]
            last = row[0].seq
        chunk = len(rows)


async def _read_chunk(database: Database, practice_id: UUID, last: int) -> Sequence[Row[EventSeal, Event]]:
    after = select(EventSeal, Event).outerjoin(Event, Event.id == EventSeal.event_id).where(EventSeal.seq > last)
    async with database.session(Binding.system(practice_id)) as session:
        return (await session.execute(after.order_by(EventSeal.seq).limit(CHUNK))).all()
