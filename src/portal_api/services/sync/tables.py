"""Collections that are read from a table: all of it, what changed, and what somebody no longer sees."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, or_, select, union

from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Read, Reader, Row, Rows
from portal_api.core.db.base import UUIDS
from portal_api.services.stream.log import Happening
from portal_api.services.stream.viewers import Viewer

Units = frozenset[str]
"""Whose objects a caller sees: ids, each maybe with marks of how far; or all of the practice's."""
EVERYTHING = "*"
"""So begins a unit, too, that is about no client: one that comes or goes is another copy."""
OWN, ALSO_SHARED = "own", "shared"
FIRST = UUID(int=0)
HIDING_FIELDS = frozenset({"additional_client_ids", "confidential"})
Condition = ColumnElement[bool]
_whose, _gained, _touched = (bindparam(name, type_=UUIDS) for name in ("whose", "gained", "touched"))


def unit(identity: UUID, *marks: str) -> str:
    return ".".join((str(identity), *marks))


def whole(mark: str) -> str:
    """A unit that says how far the caller sees of whatever there is."""
    return EVERYTHING + mark


def is_whole(unit: str) -> bool:
    return unit.startswith(EVERYTHING)


def ids_of(units: Iterable[str], mark: str = "") -> list[UUID]:
    """The ids of the units, or of those that carry the mark."""
    parts = (each.split(".") for each in units if not is_whole(each))
    return [UUID(identity) for identity, *marks in parts if not mark or mark in marks]


@contextmanager
def bound_as(reader: Reader, binding: Binding) -> Iterator[None]:
    """Read as somebody else for the time of the block."""
    own, reader.binding = reader.binding, binding
    try:
        yield
    finally:
        reader.binding = own


def nothing_else(_event: Happening) -> Iterable[UUID]:
    return ()


def unrecorded(_reader: Reader, _principal: Principal, _rows: Sequence[Row]) -> None:
    """Who reads their own record is not noted each time."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is asked for: whose objects are new to the caller, and which changed; `everything`: all that they see."""

    gained: Units = frozenset()
    touched: frozenset[UUID] = frozenset()
    everything: bool = False


@dataclass(frozen=True)
class Table:
    """One collection for one kind of account.

    rows: the objects as their list shows them, ordered by `id`. seen: from rows of the ids alone, narrowed to those
    that the caller sees of the units in a parameter, or of all where there is none.
    """

    type: str
    rows: Rows
    id: Any
    created_at: Any
    seen: Callable[[Any], Rows]
    units: Callable[[Viewer], Units]
    """Whose objects the caller sees now."""
    values: Callable[[Principal, Units], Mapping[str, Any]]
    """Parameters of the statements besides `whose`."""
    of_units: Callable[[Any], Rows] | None = None
    """Where there are objects that the caller sees by no unit: those that go with the units in a parameter."""
    everyones: bool = False
    """Whether there are callers who see all of the practice's."""
    shape: Callable[[Row], Row] = dict
    shows: tuple[Any, ...] = ()
    """Ids of what the object shows of others; when those change, so does it."""
    names_units: bool = False
    """Whether an object of several units names those that the caller sees: without one of them it reads otherwise."""
    types: frozenset[str] = frozenset()
    """Further types of events that change an object."""
    also: Callable[[Happening], Iterable[UUID]] = nothing_else
    """Objects that such an event changes, besides the one that it is about."""
    hiding: frozenset[str] = frozenset()
    """Types of events after which somebody may no longer see the object."""
    record: Callable[[Reader, Principal, Sequence[Row]], None] = unrecorded

    async def page(self, reader: Reader, viewer: Viewer, change: Change, after: UUID, limit: int) -> list[Row]:
        """Objects as they are now, in the order of their ids."""
        units = self.units(viewer)
        if not units:
            return []
        read = self._pages[EVERYTHING in units, change.everything]
        gained = change.gained if self.of_units else change.gained & units
        changed = {"gained": ids_of(gained), "touched": list(change.touched)}
        given = self._given(viewer.principal, units)
        return await reader.rows(read, **given, **changed, after_id=after, limit=limit)

    async def lost(self, reader: Reader, viewer: Viewer, units: Units, before: datetime, most: int) -> list[UUID]:
        """What the caller saw of units that are lost, and does not see by others: at most so many ids, and one.

        It is read as the caller would have read it: what was kept from them then, they learn nothing of now.
        """
        then = reader.binding
        if viewer.principal.is_client:
            then = Binding(then.practice_id, ActorKind.CLIENT, tuple(ids_of(units)), tuple(ids_of(units, OWN)))
        with bound_as(reader, then):
            given = self._given(viewer.principal, units)
            rows = await reader.rows(self._had, **given, before=before, limit=most + 1)
        ids = [UUID(str(row["id"])) for row in rows]
        still = await self.still_seen(reader, viewer, ids)
        return [each for each in ids if each not in still]

    async def still_seen(self, reader: Reader, viewer: Viewer, ids: Sequence[UUID]) -> set[UUID]:
        """Those of the ids that the caller sees now."""
        units = self.units(viewer)
        if not units or not ids:
            return set()
        read = self._some[EVERYTHING in units]
        rows = await reader.rows(read, **self._given(viewer.principal, units), touched=list(ids))
        return {UUID(str(row["id"])) for row in rows}

    def touched(self, event: Happening) -> set[UUID]:
        """What is to be read again because of the event: the object, or what shows something of it."""
        if not self.is_about(event):
            return set()
        _, identity = event.shown
        own = {identity} if identity else set[UUID]()
        return own | set(self.also(event))

    def hidden(self, event: Happening) -> set[UUID]:
        """Objects that somebody may have lost by this event, having had them until then."""
        if event.type not in self.hiding and HIDING_FIELDS.isdisjoint(event.changed):
            return set()
        kind, identity = event.shown
        if kind == self.type and identity is not None:
            return {identity}
        return set(self.also(event)) if self.is_about(event) else set()

    def is_about(self, event: Happening) -> bool:
        """Whether the event's object is one of these, or shown in one of these."""
        kind, _ = event.shown
        return kind == self.type or event.type in self.types

    def _given(self, principal: Principal, units: Units) -> dict[str, Any]:
        return {"whose": ids_of(units), **self.values(principal, units)}

    @cached_property
    def _pages(self) -> Mapping[tuple[bool, bool], Read]:
        """By whether the caller sees all units, and whether all objects are asked for."""
        return {
            (everyone, all): Read(self._page(whose, all=all))
            for everyone, whose in self._reaches.items()
            for all in (False, True)
        }

    @cached_property
    def _had(self) -> Read:
        seen = (self.of_units or self.seen)(_whose)
        return Read(seen.where(self.created_at <= bindparam("before")).limit(bindparam("limit")))

    @cached_property
    def _some(self) -> Mapping[bool, Read]:
        chosen = self.id == _touched.any_()
        return {everyone: Read(self.seen(whose).where(chosen)) for everyone, whose in self._reaches.items()}

    @property
    def _reaches(self) -> dict[bool, Any]:
        return {False: _whose, True: None} if self.everyones else {False: _whose}

    def _page(self, whose: Any, *, all: bool) -> Rows:
        seen = self.seen(whose).where(self.id > bindparam("after_id"))
        if not all:
            touched = or_(*(column == _touched.any_() for column in (self.id, *self.shows)))
            if self.of_units:
                return self._first(seen.where(or_(touched, self.id.in_(self.of_units(_gained)))))
            gained = self.seen(_gained).where(self.id > bindparam("after_id"))
            candidates = union(seen.where(touched), gained).subquery("candidate")
            seen = select(candidates.c.id)
        return self._first(seen)

    def _first(self, seen: Any) -> Rows:
        chosen = seen.subquery("seen")
        first = select(chosen.c.id).distinct().order_by(chosen.c.id).limit(bindparam("limit")).subquery("chosen")
        return self.rows.join(first, first.c.id == self.id).order_by(self.id)
