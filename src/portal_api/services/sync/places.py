"""What a device's cursor says: up to where its copy goes, whose objects were in it, and how far a run has come."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from portal_api.core.access import Principal
from portal_api.core.db import Snapshot
from portal_api.core.paging import decode_cursor, encode_cursor
from portal_api.core.sealing import Vault
from portal_api.services.sync.tables import FIRST, Units, is_whole

VALID_SECONDS = 30 * 24 * 3600
MOST_UNITS = 60
"""So many fit into a cursor. Of more only a fingerprint does, and another one means starting over."""
Scope = Mapping[str, Units]
"""Whose objects of each collection a caller sees."""


@dataclass(frozen=True, slots=True)
class Run:
    """A copy in the making, page by page: of all, or of what has changed since a snapshot and is newly seen."""

    since: Snapshot | None
    gained: Scope
    step: int = 0
    after: UUID = FIRST


@dataclass(frozen=True, slots=True)
class Place:
    """seen: up to where the copy goes when the run is over. at: of its last page. scope: whose objects are in it, or
    the fingerprint of that.
    """

    seen: Snapshot
    at: datetime
    scope: Scope | str
    run: Run | None = None


def fingerprint(scope: Scope) -> str:
    said = ";".join(f"{type}:{','.join(sorted(units))}" for type, units in sorted(scope.items()))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def fits(scope: Scope) -> bool:
    return len(frozenset[str]().union(*scope.values())) <= MOST_UNITS


def write(vault: Vault, principal: Principal, place: Place) -> str:
    mark = place.scope if isinstance(place.scope, str) else None
    units = _packed({} if isinstance(place.scope, str) else place.scope, place.run.gained if place.run else {})
    run = place.run and [_numbers(place.run.since), place.run.step, _short(place.run.after)]
    position = [_numbers(place.seen), place.at.isoformat(), mark, units, run]
    return encode_cursor(vault, _owner(principal), position, valid_seconds=VALID_SECONDS)


def read(vault: Vault, principal: Principal, cursor: str) -> Place:
    """Raises BadCursor for one that was not handed out to this account, or is too old."""
    seen, at, mark, units, run = decode_cursor(vault, _owner(principal), cursor)
    scope, gained = _unpacked(units)
    going = Run(_snapshot(run[0]), gained, run[1], _long(run[2])) if run else None
    return Place(Snapshot(seen[0], tuple(seen[1:])), datetime.fromisoformat(at), mark or scope, going)


def _owner(principal: Principal) -> tuple[str, ...]:
    """Staff who look through a client's eyes have copies of their own."""
    return str(principal.practice_id), str(principal.account_id), "copy", str(principal.viewer_id or "")


def _numbers(snapshot: Snapshot | None) -> list[int] | None:
    return None if snapshot is None else [snapshot.xmax, *snapshot.running]


def _snapshot(numbers: list[int] | None) -> Snapshot | None:
    return None if numbers is None else Snapshot(numbers[0], tuple(numbers[1:]))


def _packed(*scopes: Scope) -> list[Any]:
    """Each unit once, each set of them once, and for each scope which collection has which set."""
    sets = sorted({units for scope in scopes for units in scope.values() if units}, key=sorted)
    units = sorted(frozenset[str]().union(*sets))
    number = {unit: at for at, unit in enumerate(units)}
    of = [{type: sets.index(units) for type, units in scope.items() if units} for scope in scopes]
    return [[_pack(unit) for unit in units], [sorted(number[unit] for unit in each) for each in sets], of]


def _unpacked(packed: list[Any]) -> list[dict[str, Units]]:
    units, sets, of = packed
    known = [frozenset(_unpack(units[number]) for number in each) for each in sets]
    return [{type: known[number] for type, number in scope.items()} for scope in of]


def _pack(unit: str) -> str:
    identity, *marks = unit.split(".")
    return unit if is_whole(unit) else ".".join((_short(UUID(identity)), *marks))


def _unpack(packed: str) -> str:
    identity, *marks = packed.split(".")
    return packed if is_whole(packed) else ".".join((str(_long(identity)), *marks))


def _short(identity: UUID) -> str:
    """22 characters instead of 36."""
    return base64.urlsafe_b64encode(identity.bytes).decode().rstrip("=")


def _long(short: Any) -> UUID:
    return UUID(bytes=base64.urlsafe_b64decode(short + "=="))
