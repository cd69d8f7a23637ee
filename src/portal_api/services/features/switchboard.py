"""The switches that bear on some clients or practitioners, read together at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PGUUID

from portal_api.core.access import Feature
from portal_api.core.db import Read, Source
from portal_api.models.clients import ClientAssignment
from portal_api.models.features import FeatureSetting, Scope
from portal_api.models.portal import PortalSettings
from portal_api.models.staff import StaffMember
from portal_api.services.features.decision import Facts

_IDS = ARRAY(PGUUID(as_uuid=True))
_asked_clients = bindparam("asked_clients", type_=_IDS)
_asked_practitioners = bindparam("asked_practitioners", type_=_IDS)

_team = (
    select(ClientAssignment.client_id, ClientAssignment.practitioner_id)
    .join(StaffMember, StaffMember.id == ClientAssignment.practitioner_id)
    .where(ClientAssignment.client_id == func.any(_asked_clients), StaffMember.state == "active")
)
_team_pairs = _team.with_only_columns(
    func.jsonb_agg(func.jsonb_build_array(ClientAssignment.client_id, ClientAssignment.practitioner_id))
)
_settings = select(
    func.jsonb_agg(
        func.jsonb_build_array(
            FeatureSetting.scope,
            FeatureSetting.subject_id,
            FeatureSetting.feature,
            FeatureSetting.enabled,
            FeatureSetting.version,
        )
    )
).where(
    or_(
        FeatureSetting.scope == Scope.PRACTICE,
        (FeatureSetting.scope == Scope.CLIENT) & (FeatureSetting.subject_id == func.any(_asked_clients)),
        (FeatureSetting.scope == Scope.PRACTITIONER)
        & or_(
            FeatureSetting.subject_id == func.any(_asked_practitioners),
            FeatureSetting.subject_id.in_(_team.with_only_columns(ClientAssignment.practitioner_id)),
        ),
    )
)
# One row in any case: a practice has one row of portal settings.
SWITCHES = Read(
    select(
        PortalSettings.practice_id,
        _team_pairs.scalar_subquery().label("team"),
        _settings.scalar_subquery().label("settings"),
    )
)
Subject = tuple[Scope, UUID]


@dataclass(frozen=True, slots=True)
class Switchboard:
    """Who is assigned to whom, and each subject's switches. `version` counts the changes of all of them."""

    practice_id: UUID
    team: dict[UUID, tuple[UUID, ...]]
    switches: dict[Subject, dict[Feature, bool | None]]
    version: int

    @classmethod
    async def read(cls, source: Source, *, clients: Sequence[UUID] = (), practitioners: Sequence[UUID] = ()) -> Self:
        """One round trip. The practice's own switches are always among them."""
        row = await source.row(SWITCHES, asked_clients=list(clients), asked_practitioners=list(practitioners))
        assert row is not None  # noqa: S101 - made with the practice
        return cls._of(row)

    @classmethod
    def _of(cls, row: dict[str, Any]) -> Self:
        team: dict[UUID, tuple[UUID, ...]] = {}
        for client_id, practitioner_id in row["team"] or ():
            team[UUID(client_id)] = (*team.get(UUID(client_id), ()), UUID(practitioner_id))
        switches: dict[Subject, dict[Feature, bool | None]] = {}
        version = 1
        for scope, subject_id, feature, enabled, changes in row["settings"] or ():
            switches.setdefault((Scope(scope), UUID(subject_id)), {})[Feature(feature)] = enabled
            version += changes
        return cls(UUID(str(row["practice_id"])), team, switches, version)

    @property
    def offered(self) -> frozenset[Feature]:
        """What the practice has switched on; what was never touched is off."""
        found = self.switches.get((Scope.PRACTICE, self.practice_id), {})
        return frozenset(feature for feature, enabled in found.items() if enabled)

    def declined(self, scope: Scope, subject_id: UUID) -> frozenset[Feature]:
        """What a practitioner, or somebody for a client, has switched off."""
        found = self.switches.get((scope, subject_id), {})
        return frozenset(feature for feature, enabled in found.items() if enabled is False)

    def of_practitioner(self, practitioner_id: UUID) -> Facts:
        """What bears on any client of this practitioner alone."""
        return Facts(self.offered, (self.declined(Scope.PRACTITIONER, practitioner_id),))

    def of_client(self, client_id: UUID, permissions: frozenset[str] | None = None) -> Facts:
        """What bears on this client and, with `permissions`, on somebody who acts for them."""
        return Facts(
            self.offered,
            tuple(self.declined(Scope.PRACTITIONER, member) for member in self.team.get(client_id, ())),
            self.declined(Scope.CLIENT, client_id),
            permissions,
        )
