"""What has been recorded in a practice since somebody last looked, in the order in which it was committed."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    String,
    bindparam,
    column,
    func,
    or_,
    select,
    true,
    union_all,
)

from portal_api.core.db import Read, Reader, Snapshot
from portal_api.core.db.base import UUIDS
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

    @property
    def shown(self) -> tuple[str | None, UUID | None]:
        """What is to be fetched anew: a message is read in its thread."""
        if self.resource_type == "message":
            return "thread", UUID(self.details["thread_id"])
        return self.resource_type, self.resource_id


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
    return await _read(reader, _SINCE, seen, most)


async def about(
    reader: Reader,
    seen: Snapshot,
    most: int,
    kinds: Collection[str],
    types: Collection[str],
    account_id: UUID | None,
    mine: Collection[UUID] | None,
) -> News:
    """The same, of these kinds of objects and these types of events; mine: of these clients, or of nobody's.

    Of what only says that inboxes are others now, no more than of this account's.
    """
    about = {"kinds": list(kinds), "types": list(types), "account_id": str(account_id)}
    if mine is None:
        return await _read(reader, _ABOUT, seen, most, **about)
    return await _read(reader, _ABOUT_MINE, seen, most, **about, mine=list(mine))


async def _read(reader: Reader, read: Read, seen: Snapshot, most: int, **about: Any) -> News:
    rows = await reader.rows(read, seen=seen.xmax, running=[*seen.running], limit=most + 1, **about)
    stand = News(Snapshot.parse(rows[0]["snapshot"]), rows[0]["at"])
    names = Happening.__dataclass_fields__
    events = [Happening(**{name: row[name] for name in names}) for row in rows if row["id"] is not None]
    return News(stand.snapshot, stand.at, events[:most], len(events) <= most)


def is_ahead(seen: Snapshot, news: News) -> bool:
    """Whether somebody says to have seen what has not happened: the database was restored from a copy meanwhile."""
    return seen.xmax > news.snapshot.xmax


_stand = select(func.pg_current_snapshot().cast(Event.type.type).label("snapshot"), func.now().label("at"))
_NOW = Read(_stand)


def _ended(limit: Any, *of: ColumnElement[bool]) -> CompoundSelect[*tuple[Any, ...]]:
    """Those of transactions that began later, or that were running then: each by one range of an index."""
    began = select(*_COLUMNS).where(Event.xact >= bindparam("seen", type_=BigInteger()), *of)
    was_running = (
        func.unnest(bindparam("running", type_=ARRAY(BigInteger())))
        .table_valued(column("xact", BigInteger()))
        .render_derived(name="was_running")
    )
    ended = select(*_COLUMNS).select_from(was_running).join(Event, Event.xact == was_running.c.xact).where(*of)
    return union_all(*(each.order_by(Event.xact, Event.id).limit(limit) for each in (began, ended)))


def _since(*of: ColumnElement[bool]) -> Read:
    limit = bindparam("limit")
    found, stand = _ended(limit, *of).subquery("found"), _stand.subquery("stand")
    statement = select(stand, found).select_from(stand).outerjoin(found, true())
    return Read(statement.order_by(found.c.xact, found.c.id).limit(limit))


_inboxes = Event.details["notifications"]
_about = or_(Event.resource_type == func.any(bindparam("kinds")), Event.type == func.any(bindparam("types")))
_mine = Event.client_ids.overlap(bindparam("mine", type_=UUIDS))
_SINCE = _since()
_own_inbox = or_(_inboxes.is_(None), _inboxes.has_key(bindparam("account_id", type_=String())))
_ABOUT = _since(_about, _own_inbox)
_ABOUT_MINE = _since(_about, _own_inbox, or_(_mine, func.cardinality(Event.client_ids) == 0))
