"""The switches as staff see and turn them: of the practice, of a practitioner, of a client."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import Feature, Permission, Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import Conflict, Forbidden, NotFound, PreconditionFailed, invalid
from portal_api.integrations.video import video_provider
from portal_api.models.clients import Client
from portal_api.models.features import FeatureSetting, Scope
from portal_api.models.portal import PortalSettings
from portal_api.models.staff import StaffMember
from portal_api.schemas.features import FeaturesUpdate
from portal_api.services import audit
from portal_api.services.clients import reading
from portal_api.services.features.decision import Facts, Gate, allowed, effective
from portal_api.services.features.payments import payments_configured
from portal_api.services.features.switchboard import Switchboard

PRACTITIONER = Read(
    select(StaffMember.id).where(StaffMember.id == bindparam("practitioner_id"), StaffMember.state != "removed")
)


class PaymentsNotConfigured(Conflict):
    code, title = "payments_not_configured", "Set up online payments in billing first"


class PracticeFeatureOff(Conflict):
    code, title = "practice_feature_off", "The practice has this feature switched off"


class PractitionerFeatureOff(Conflict):
    code, title = "practitioner_feature_off", "None of the client's practitioners offers this feature"


_WIDENED: dict[Gate, type[Conflict]] = {
    Gate.PRACTICE: PracticeFeatureOff,
    Gate.PRACTITIONER: PractitionerFeatureOff,
}


@dataclass(frozen=True, slots=True)
class Switches:
    """The effective switches, and the version that If-Match compares."""

    features: dict[str, bool]
    version: int


async def of_practice(source: Source) -> Switches:
    """What the practice has switched on."""
    board = await Switchboard.read(source)
    return Switches(allowed(Facts(board.offered)), board.version)


async def turn_practice(session: Session, principal: Principal, data: FeaturesUpdate, if_match: int | None) -> Switches:
    """Switch features on or off for the whole practice. Raises PreconditionFailed, Invalid.

    Raises PaymentsNotConfigured, VideoNotConfigured for what cannot work yet.
    """
    await session.execute(select(PortalSettings).with_for_update(key_share=True))
    _must_be_current(await of_practice(session), if_match)
    changes = data.given()
    for name, enabled in changes.items():
        if enabled is None:
            raise invalid(f"/{name}", "null_not_allowed", "Say true or false: above the practice nothing decides.")
    if changes.get(Feature.ONLINE_PAYMENTS) and not await payments_configured(session):
        raise PaymentsNotConfigured("Connect a payment provider in billing, then switch online payments on.")
    if changes.get(Feature.VIDEO):
        video_provider(session.tools.settings)
    await _turn(session, principal, Scope.PRACTICE, principal.practice_id, changes)
    return await of_practice(session)


async def of_practitioner(source: Source, practitioner_id: UUID) -> Switches:
    """What this practitioner offers, within what the practice allows. Raises NotFound."""
    if await source.row(PRACTITIONER, practitioner_id=practitioner_id) is None:
        raise NotFound
    board = await Switchboard.read(source, practitioners=[practitioner_id])
    return Switches(allowed(board.of_practitioner(practitioner_id)), board.version)


async def turn_practitioner(
    session: Session, principal: Principal, practitioner_id: UUID, data: FeaturesUpdate, if_match: int | None
) -> Switches:
    """Narrow what a practitioner offers; null takes it back.

    Raises NotFound, Forbidden for somebody else's switches, PracticeFeatureOff, PreconditionFailed.
    """
    row = select(StaffMember.id).where(StaffMember.id == practitioner_id).with_for_update(key_share=True)
    await session.execute(row)
    _must_be_current(await of_practitioner(session, practitioner_id), if_match)
    if practitioner_id != principal.staff_id and not principal.may(Permission.FEATURES_MANAGE):
        raise Forbidden("Practitioners choose for themselves; owners and admins for anybody.")
    _must_not_widen(data.given(), Facts((await Switchboard.read(session)).offered))
    await _turn(session, principal, Scope.PRACTITIONER, practitioner_id, data.given())
    return await of_practitioner(session, practitioner_id)


async def of_client(source: Source, principal: Principal, client_id: UUID) -> Switches:
    """What is on for this client, whoever acts for them. Raises NotFound; Forbidden for staff not of their team."""
    board = await visible_board(source, principal, client_id)
    works_with_them = not reading.sees_all(principal) or _is_assigned(board, principal, client_id)
    if not works_with_them and not principal.may(Permission.FEATURES_MANAGE):
        raise Forbidden("These are for the client's own practitioners, owners and admins.")
    if isinstance(source, Reader):
        audit.viewed(source, principal, "client.features_viewed", [client_id])
    return Switches(allowed(board.of_client(client_id)), board.version)


async def turn_client(
    session: Session, principal: Principal, client_id: UUID, data: FeaturesUpdate, if_match: int | None
) -> Switches:
    """Narrow what this client has; null takes it back.

    Raises NotFound, Forbidden, PracticeFeatureOff, PractitionerFeatureOff, PreconditionFailed.
    """
    await visible_board(session, principal, client_id)
    await session.execute(select(Client.id).where(Client.id == client_id).with_for_update(key_share=True))
    board = await Switchboard.read(session, clients=[client_id])
    if not _is_assigned(board, principal, client_id) and not principal.may(Permission.FEATURES_MANAGE):
        raise Forbidden("These are for the client's own practitioners, owners and admins.")
    facts = board.of_client(client_id)
    _must_be_current(Switches(allowed(facts), board.version), if_match)
    _must_not_widen(data.given(), Facts(facts.offered, facts.declined))
    await _turn(session, principal, Scope.CLIENT, client_id, data.given(), clients=[client_id])
    return await of_client(session, principal, client_id)


async def visible_board(source: Source, principal: Principal, client_id: UUID) -> Switchboard:
    """The switches that bear on a client whom the caller sees. Raises NotFound."""
    seen = reading.one(reading.sees_all(principal))
    if await source.row(seen, client_id=client_id, staff_id=principal.staff_id) is None:
        raise NotFound
    return await Switchboard.read(source, clients=[client_id])


def _is_assigned(board: Switchboard, principal: Principal, client_id: UUID) -> bool:
    return principal.staff_id in board.team.get(client_id, ())


def _must_be_current(found: Switches, if_match: int | None) -> None:
    if if_match is not None and if_match != found.version:
        raise PreconditionFailed(current=found.features)


def _must_not_widen(changes: Mapping[str, bool | None], above: Facts) -> None:
    """Raise for a switch that would be turned on under a closed gate (F2.M6)."""
    for name in (name for name, enabled in changes.items() if enabled):
        closed = effective(Feature(name), above).closed
        if closed is not None:
            raise _WIDENED[closed](feature=name)


async def _turn(
    session: Session,
    principal: Principal,
    scope: Scope,
    subject_id: UUID,
    changes: Mapping[str, bool | None],
    clients: list[UUID] | None = None,
) -> None:
    """Write what differs, and record each old and new value."""
    of_subject = FeatureSetting.scope == scope, FeatureSetting.subject_id == subject_id
    rows = {row.feature: row for row in await session.scalars(select(FeatureSetting).where(*of_subject))}
    moved: dict[str, Any] = {}
    for name, enabled in changes.items():
        row = rows.get(name) or FeatureSetting(scope=scope, subject_id=subject_id, feature=name)
        if row.enabled == enabled:
            continue
        moved[name] = {"from": row.enabled, "to": enabled}
        row.turn(enabled, principal.account_id)
        session.add(row)
    if moved:
        await session.flush()
        await audit.record(
            session,
            principal,
            "features.updated",
            resource=(scope, subject_id),
            clients=clients or (),
            changed=moved,
            details=moved,
        )
