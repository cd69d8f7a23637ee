"""Whom an account may act for: a collection that is the caller's authority itself."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from portal_api.core.access import Principal, Profile
from portal_api.core.db import Reader, Row
from portal_api.services.stream.log import Happening
from portal_api.services.stream.viewers import Viewer
from portal_api.services.sync.tables import Change, Units, ids_of, unit


class Profiles:
    """A unit names a profile and what it allows: one that allows something else is another."""

    type = "profile"
    types: frozenset[str] = frozenset()
    names_units = False

    def units(self, viewer: Viewer) -> Units:
        return frozenset(map(_unit, viewer.principal.profiles))

    async def page(self, reader: Reader, viewer: Viewer, change: Change, after: UUID, limit: int) -> list[Row]:
        del reader
        wanted = {
            each.client_id: each
            for each in viewer.principal.profiles
            if each.client_id > after and (change.everything or _unit(each) in change.gained)
        }
        return [_shown(each) for _, each in sorted(wanted.items())[:limit]]

    async def lost(self, reader: Reader, viewer: Viewer, units: Units, before: datetime, most: int) -> list[UUID]:
        del reader, before, most
        return sorted(set(ids_of(units)) - set(viewer.principal.client_ids))

    async def still_seen(self, reader: Reader, viewer: Viewer, ids: Sequence[UUID]) -> set[UUID]:
        del reader
        return set(ids).intersection(viewer.principal.client_ids)

    def touched(self, _event: Happening) -> set[UUID]:
        return set()

    def hidden(self, _event: Happening) -> set[UUID]:
        return set()

    def is_about(self, _event: Happening) -> bool:
        return False

    def shape(self, row: Row) -> Row:
        return {name: value for name, value in row.items() if name != "id"}

    def record(self, reader: Reader, principal: Principal, rows: Sequence[Row]) -> None:
        """It is the caller's own."""


def _unit(profile: Profile) -> str:
    said = ",".join((profile.relationship, *sorted(profile.permissions)))
    return unit(profile.client_id, hashlib.sha256(said.encode()).hexdigest()[:8])


def _shown(profile: Profile) -> dict[str, Any]:
    return {
        "id": profile.client_id,
        "client_id": profile.client_id,
        "relationship": profile.relationship,
        "permissions": sorted(profile.permissions),
    }
