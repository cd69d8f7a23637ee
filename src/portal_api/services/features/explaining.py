"""Why a client has a feature or has it not: every gate, its value, who set it and when (F2.B1)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import aliased

from portal_api.core.access import Feature, GrantPermission, Principal
from portal_api.core.db import Read, Reader, Row
from portal_api.models.auth import Account
from portal_api.models.clients import SELF, Client, ClientAssignment, ClientGrant
from portal_api.models.features import FeatureSetting, Scope
from portal_api.models.portal import PortalSettings
from portal_api.models.staff import StaffMember
from portal_api.services import audit
from portal_api.services.features.decision import Facts, Gate, effective
from portal_api.services.features.switchboard import Switchboard
from portal_api.services.features.switches import visible_board

_setter = aliased(Account)


def _named(account: Any) -> Any:
    return account.given_name + " " + account.family_name


_team = select(ClientAssignment.practitioner_id).where(ClientAssignment.client_id == bindparam("client_id"))

STATE = Read(
    select(PortalSettings.enabled.label("portal_enabled"), Client.portal_state)
    .select_from(Client)
    .join(PortalSettings, PortalSettings.practice_id == Client.practice_id)
    .where(Client.id == bindparam("client_id"))
)
TEAM = Read(
    select(StaffMember.id, _named(StaffMember).label("name")).where(StaffMember.id.in_(_team)).order_by(StaffMember.id)
)
HISTORY = Read(
    select(
        FeatureSetting.scope,
        FeatureSetting.subject_id,
        FeatureSetting.feature,
        FeatureSetting.updated_at.label("set_at"),
        _setter.id.label("set_by"),
        _named(_setter).label("set_by_name"),
    )
    .outerjoin(_setter, _setter.id == FeatureSetting.set_by)
    .where(
        or_(
            FeatureSetting.scope == Scope.PRACTICE,
            (FeatureSetting.scope == Scope.CLIENT) & (FeatureSetting.subject_id == bindparam("client_id")),
            (FeatureSetting.scope == Scope.PRACTITIONER) & FeatureSetting.subject_id.in_(_team),
        )
    )
)
GRANTS = Read(
    select(
        Account.id,
        _named(Account).label("name"),
        ClientGrant.relationship,
        ClientGrant.permissions_now().label("permissions"),
        ClientGrant.valid_from.label("set_at"),
        _setter.id.label("set_by"),
        _named(_setter).label("set_by_name"),
    )
    .select_from(ClientGrant)
    .join(Account, Account.id == ClientGrant.account_id)
    .outerjoin(_setter, _setter.id == ClientGrant.granted_by)
    .where(
        ClientGrant.client_id == bindparam("client_id"),
        ClientGrant.is_live(),
    )
    .order_by(ClientGrant.id)
)


async def explain(reader: Reader, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """For each feature, how every gate stands for this client. Raises NotFound."""
    board = await visible_board(reader, principal, client_id)
    state = await reader.row(STATE, client_id=client_id) or {}
    account = _Account(
        board,
        client_id,
        await reader.rows(TEAM, client_id=client_id),
        await reader.rows(HISTORY, client_id=client_id),
        await reader.rows(GRANTS, client_id=client_id),
    )
    audit.viewed(reader, principal, "client.features_explained", [client_id])
    return {"client_id": client_id, **state, "features": {feature.value: account.of(feature) for feature in Feature}}


class _Account:
    """What is known of one client's switches, told feature by feature."""

    def __init__(self, board: Switchboard, client_id: UUID, team: list[Row], history: list[Row], grants: list[Row]):
        self._board = board
        self._client_id = client_id
        self._facts = board.of_client(client_id)
        self._team = [row for row in team if row["id"] in board.team.get(client_id, ())]
        self._history = {(row["scope"], row["subject_id"], row["feature"]): row for row in history}
        self._grants = grants

    def of(self, feature: Feature) -> dict[str, Any]:
        decision = effective(feature, self._facts)
        gates = [
            self._switch(feature, Gate.PRACTICE, self._board.practice_id, decision.gates[Gate.PRACTICE]),
            *(self._practitioner(feature, member) for member in self._team),
            self._switch(feature, Gate.CLIENT, self._client_id, decision.gates[Gate.CLIENT]),
            *(self._grant(feature, grant) for grant in self._grants),
        ]
        return {"allowed": decision.allowed, "gates": gates}

    def _practitioner(self, feature: Feature, member: Row) -> dict[str, Any]:
        alone = effective(feature, self._board.of_practitioner(member["id"])).gates[Gate.PRACTITIONER]
        subject = {"id": member["id"], "name": member["name"]}
        return self._switch(feature, Gate.PRACTITIONER, member["id"], alone) | {"subject": subject}

    def _grant(self, feature: Feature, grant: Row) -> dict[str, Any]:
        own = grant["relationship"] == SELF
        held = frozenset(GrantPermission) if own else frozenset(grant["permissions"])
        value = effective(feature, Facts(frozenset(), permissions=held)).gates[Gate.GRANT]
        return {
            "gate": Gate.GRANT,
            "value": value,
            "subject": {"id": grant["id"], "name": grant["name"]},
            **_provenance(grant),
        }

    def _switch(self, feature: Feature, gate: Gate, subject_id: UUID, value: bool) -> dict[str, Any]:
        row = self._history.get((gate, subject_id, feature))
        return {"gate": gate, "value": value, "subject": None, **_provenance(row)}


def _provenance(row: Row | None) -> dict[str, Any]:
    by = {"id": row["set_by"], "name": row["set_by_name"]} if row and row["set_by"] else None
    return {"set_by": by, "set_at": row["set_at"] if row else None}
