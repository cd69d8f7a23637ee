"""What has been recorded in a practice since somebody last looked, in the order in which it was committed."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CompoundSelect, bindparam, column, func, select, true, union_all

from portal_api.core.db import Read, Reader, Snapshot
from portal_api.models.audit import Event

_COLUMNS = (
    Event.xact,
    Event.id,
    Event.type,
    Event.actor_id,
    Event.resource_type,
    Event.resource_id,
    Event.client_ids,
    Event.changed,
    Event.details,
)


@dataclass(frozen=True)
class Happening:
    """One event of the log: ids and names of fields only."""

    xact: int
    id: UUID
    type: str
    actor_id: UUID | None
    resource_type: str | None
    resource_id: UUID | None
    client_ids: list[UUID]
    changed: list[str]
    details: dict[str, Any]

    @cached_property
    def clients(self) -> frozenset[UUID]:
        """Whom it concerns."""
        return frozenset(self.client_ids)


@dataclass(frozen=True, slots=True)
class News:
    """Everything that `snapshot` sees and the one before did not. `complete`: false when it was more than was asked."""

    snapshot: Snapshot
    at: datetime
    events: list[Happening] = field(default_factory=list)
    complete: bool = True


async def now(reader: Reader) -> News:
    """Where the log stands; nothing of what is in it."""
    row = await reader.row(_NOW)
    assert row is not None  # noqa: S101 - a select without a table
    return News(Snapshot.parse(row["snapshot"]), row["at"])


async def since(reader: Reader, seen: Snapshot, most: int) -> News:
    """What was committed since, at most so many events. Whoever reads it is bound to the practice."""
    rows = await reader.rows(_SINCE, seen=seen.xmax, running=[*seen.running], limit=most + 1)
    stand = News(Snapshot.parse(rows[0]["snapshot"]), rows[0]["at"])
    names = Happening.__dataclass_fields__
    events = [Happening(**{name: row[name] for name in names}) for row in rows if row["id"] is not None]
    return News(stand.snapshot, stand.at, events[:most], len(events) <= most)


def is_ahead(seen: Snapshot, news: News) -> bool:
    """Whether somebody says to have seen what has not happened: the database was restored from a copy meanwhile."""
    return seen.xmax > news.snapshot.xmax


_stand = select(func.pg_current_snapshot().cast(Event.type.type).label("snapshot"), func.now().label("at"))
_NOW = Read(_stand)


def _ended(limit: Any) -> CompoundSelect[*tuple[Any, ...]]:
    """Those of transactions that began later, or that were running then: each by one range of an index."""
    began = select(*_COLUMNS).where(Event.xact >= bindparam("seen", type_=BigInteger()))
    was_running = (
        func.unnest(bindparam("running", type_=ARRAY(BigInteger())))
        .table_valued(column("xact", BigInteger()))
        .render_derived(name="was_running")
    )
    ended = select(*_COLUMNS).select_from(was_running).join(Event, Event.xact == was_running.c.xact)
    return union_all(*(each.order_by(Event.xact, Event.id).limit(limit) for each in (began, ended)))


_limit = bindparam("limit")
_found = _ended(_limit).subquery("found")
_now_is = _stand.subquery("stand")
_SINCE = Read(
    select(_now_is, _found)
    .select_from(_now_is)
    .outerjoin(_found, true())
    .order_by(_found.c.xact, _found.c.id)
    .limit(_limit)
)
