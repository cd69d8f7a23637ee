"""How far those see who listen: their authority and their scope, read for many of them together."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, cast, func, select

from portal_api.core.access import ActorKind, Feature, GrantPermission, Permission, Principal, Profile
from portal_api.core.db import Read, Row, Source
from portal_api.core.db.base import UUIDS
from portal_api.models.clients import ClientAssignment
from portal_api.models.staff import StaffMember, Supervision
from portal_api.services.auth import authority
from portal_api.services.features import effective
from portal_api.services.features.switchboard import Switchboard


@dataclass(frozen=True)
class Viewer:
    """A caller as the database knew them a moment ago.

    clients: staff who do not see all, those whom they are assigned to or supervise the care of; others, those they act
    for.
    calendars: of staff, their own and those whom they supervise. features: of each client that the caller acts for.
    """

    principal: Principal
    clients: frozenset[UUID] = frozenset()
    calendars: frozenset[UUID] = frozenset()
    features: Mapping[UUID, frozenset[Feature]] = field(default_factory=dict)

    def may(self, permission: Permission) -> bool:
        return self.principal.may(permission)

    def acting(
        self, permission: GrantPermission | None = None, feature: Feature | None = None, *, own: bool = False
    ) -> frozenset[UUID]:
        """The clients for whom the caller may do this; own: only those who the caller is."""
        return frozenset(
            profile.client_id
            for profile in self.principal.profiles
            if (permission is None or profile.may(permission))
            and (feature is None or feature in self.features[profile.client_id])
            and (profile.is_own or not own)
        )

    @cached_property
    def mark(self) -> str:
        """Of everything that bears on what is seen: another mark, and other things are seen."""
        principal = self.principal
        parts = (
            sorted(principal.permissions),
            sorted((str(p.client_id), p.relationship, sorted(p.permissions)) for p in principal.profiles),
            sorted(map(str, self.clients)),
            sorted(map(str, self.calendars)),
            sorted((str(client_id), sorted(features)) for client_id, features in self.features.items()),
        )
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]


async def load(source: Source, kind: ActorKind, session_ids: Collection[UUID]) -> dict[UUID, Viewer]:
    """Those of one kind who are still let in, by their session: at most two statements, however many they are."""
    principals = await authority.principals(source, kind, session_ids) if session_ids else {}
    if not principals:
        return {}
    scoped = _of_staff if kind is ActorKind.STAFF else _of_clients
    return await scoped(source, principals)


async def one(source: Source, principal: Principal) -> Viewer:
    """The caller of a request."""
    scoped = _of_clients if principal.is_client else _of_staff
    return next(iter((await scoped(source, {UUID(int=0): principal})).values()))


async def _of_staff(source: Source, principals: Mapping[UUID, Principal]) -> dict[UUID, Viewer]:
    rows = await source.rows(_SCOPES, staff_ids=[each.staff_id for each in principals.values()])
    scopes = {row["id"]: row for row in rows}
    return {
        session_id: _staff(each, scopes[each.staff_id])
        for session_id, each in principals.items()
        if each.staff_id in scopes
    }


def _staff(principal: Principal, scope: Row) -> Viewer:
    """Whoever sees every client needs no list of them, and notices nothing when it becomes another."""
    clients = () if principal.may(Permission.CLIENTS_READ_ALL) else scope["clients"]
    return Viewer(principal, frozenset(clients), frozenset(scope["calendars"]))


async def _of_clients(source: Source, principals: Mapping[UUID, Principal]) -> dict[UUID, Viewer]:
    everybody = {client_id for each in principals.values() for client_id in each.client_ids}
    board = await Switchboard.read(source, clients=sorted(everybody)) if everybody else None
    return {
        session_id: Viewer(
            each,
            frozenset(each.client_ids),
            features={profile.client_id: _features(board, profile) for profile in each.profiles} if board else {},
        )
        for session_id, each in principals.items()
    }


def _features(board: Switchboard, profile: Profile) -> frozenset[Feature]:
    facts = board.of_client(profile.client_id, profile.permissions)
    return frozenset(feature for feature in Feature if effective(feature, facts).allowed)


def _array(statement: Any) -> Any:
    return func.coalesce(statement.correlate(StaffMember).scalar_subquery(), cast([], UUIDS))


_supervised = select(func.array_agg(Supervision.supervised_id)).where(Supervision.supervisor_id == StaffMember.id)
_calendars = func.array_append(_array(_supervised), StaffMember.id, type_=UUIDS)
_clients = select(func.array_agg(ClientAssignment.client_id.distinct())).where(
    ClientAssignment.practitioner_id == _calendars.any_()
)
_SCOPES = Read(
    select(StaffMember.id, _array(_clients).label("clients"), _calendars.label("calendars")).where(
        StaffMember.id == bindparam("staff_ids", type_=UUIDS).any_()
    )
)
