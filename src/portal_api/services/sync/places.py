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
from portal_api.services.sync.tables import EVERYTHING, FIRST, Units

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
    """seen, at: up to where the copy goes when the run is over. scope: whose objects are in it, or its fingerprint."""

    seen: Snapshot
    at: datetime
    scope: Scope | str
    run: Run | None = None


def fingerprint(scope: Scope) -> str:
    said = ";".join(f"{type}:{','.join(sorted(units))}" for type, units in sorted(scope.items()))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def fits(scope: Scope) -> bool:
    return sum(map(len, scope.values())) <= MOST_UNITS


def write(vault: Vault, principal: Principal, place: Place) -> str:
    scope = place.scope if isinstance(place.scope, str) else _packed(place.scope)
    run = place.run and [_numbers(place.run.since), _packed(place.run.gained), place.run.step, _short(place.run.after)]
    position = [_numbers(place.seen), place.at.isoformat(), scope, run]
    return encode_cursor(vault, _owner(principal), position, valid_seconds=VALID_SECONDS)


def read(vault: Vault, principal: Principal, cursor: str) -> Place:
    """Raises BadCursor for one that was not handed out to this account, or is too old."""
    seen, at, scope, run = decode_cursor(vault, _owner(principal), cursor)
    known = scope if isinstance(scope, str) else _unpacked(scope)
    going = Run(_snapshot(run[0]), _unpacked(run[1]), run[2], _long(run[3])) if run else None
    return Place(Snapshot(seen[0], tuple(seen[1:])), datetime.fromisoformat(at), known, going)


def _owner(principal: Principal) -> tuple[str, ...]:
    return str(principal.practice_id), str(principal.account_id), "sync"


def _numbers(snapshot: Snapshot | None) -> list[int] | None:
    return None if snapshot is None else [snapshot.xmax, *snapshot.running]


def _snapshot(numbers: list[int] | None) -> Snapshot | None:
    return None if numbers is None else Snapshot(numbers[0], tuple(numbers[1:]))


def _packed(scope: Scope) -> dict[str, list[str]]:
    return {type: sorted(map(_pack, units)) for type, units in scope.items() if units}


def _unpacked(packed: dict[str, list[str]]) -> dict[str, Units]:
    return {type: frozenset(map(_unpack, units)) for type, units in packed.items()}


def _pack(unit: str) -> str:
    identity, *marks = unit.split(".")
    return unit if unit == EVERYTHING else ".".join((_short(UUID(identity)), *marks))


def _unpack(packed: str) -> str:
    identity, *marks = packed.split(".")
    return packed if packed == EVERYTHING else ".".join((str(_long(identity)), *marks))


def _short(identity: UUID) -> str:
    """22 characters instead of 36."""
    return base64.urlsafe_b64encode(identity.bytes).decode().rstrip("=")


def _long(short: Any) -> UUID:
    return UUID(bytes=base64.urlsafe_b64decode(short + "=="))
