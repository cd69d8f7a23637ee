"""Whose objects somebody reaches, and what reading them is recorded as, for both kinds of account."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Reader, Row
from portal_api.services import audit
from portal_api.services.notifications import inbox
from portal_api.services.stream.log import Happening
from portal_api.services.stream.viewers import Viewer
from portal_api.services.sync.tables import EVERYTHING, OWN, Units, ids_of, unit


def acting(viewer: Viewer, client_ids: Iterable[UUID], *marks: str) -> Units:
    own = viewer.principal.own_client_ids
    return frozenset(unit(each, *((OWN,) if each in own else ()), *marks) for each in client_ids)


def reach(viewer: Viewer, permission: Permission, everyones: Permission, some: Iterable[UUID]) -> Units:
    """Everything of the practice, some of it, or nothing."""
    if not viewer.may(permission):
        return frozenset()
    return frozenset({EVERYTHING}) if viewer.may(everyones) else frozenset(map(unit, some))


def charts(permission: Permission) -> Callable[[Viewer], Units]:
    """What is kept with the clients of whom one sees the chart."""

    def units(viewer: Viewer) -> Units:
        return reach(viewer, permission, Permission.CLIENTS_READ_ALL, viewer.clients)

    return units


def account(principal: Principal, units: Units) -> dict[str, Any]:
    return {"account_id": principal.account_id, "mine": ids_of(units)}


def nothing(_principal: Principal, _units: Units) -> dict[str, Any]:
    return {}


def of_inbox(principal: Principal, units: Units) -> dict[str, Any]:
    """Of staff whether they see every client decides whose initials are shown."""
    return inbox.values(principal) | {"acts_for": ids_of(units), "sees_all": EVERYTHING in units}


def its_clients(event: Happening) -> list[UUID]:
    return event.client_ids


def its_notifications(event: Happening) -> list[UUID]:
    """Of everybody: what is somebody else's is not found in the caller's inbox. And whose initials may be others."""
    told = event.details.get("notifications", {})
    return [UUID(each) for ids in told.values() for each in ids] or event.client_ids


def listed(type: str, column: str) -> Any:
    def record(reader: Reader, principal: Principal, rows: Sequence[Row]) -> None:
        found = (row[column] for row in rows)
        seen = {each for one in found if one for each in (one if isinstance(one, list) else [one])}
        audit.viewed(reader, principal, type, seen)

    return record
