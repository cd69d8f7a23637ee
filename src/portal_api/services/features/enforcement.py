"""What a caller may do now: told as capabilities, and enforced on every route that has a feature (F2.M2)."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from portal_api.core.access import Feature, GrantPermission, Permission, Principal, Profile
from portal_api.core.db import Source
from portal_api.core.errors import FeatureDisabled
from portal_api.services.features.decision import GRANT_PERMISSION, Decision, Facts, allowed, effective
from portal_api.services.features.switchboard import Switchboard

_FEATURE_OF = {permission: feature for feature, permission in GRANT_PERMISSION.items()}


async def narrowed(source: Source, principal: Principal, feature: Feature) -> Principal:
    """The caller with only those profiles that have the feature. Raises FeatureDisabled where none has it.

    Staff and integrations come back as they are: a client's features do not bind them (A12).
    """
    if not principal.is_client:
        return principal
    board = await Switchboard.read(source, clients=principal.client_ids)
    having = tuple(profile for profile in principal.profiles if effective(feature, _facts(board, profile)).allowed)
    if not having:
        raise FeatureDisabled(feature=feature)
    withheld = tuple(profile for profile in principal.profiles if profile not in having)
    return replace(principal, profiles=having, withheld=withheld, feature=feature)


async def has(source: Source, client_id: UUID, feature: Feature) -> bool:
    """Whether the client has the feature; what is theirs to see of it, a grant says besides."""
    board = await Switchboard.read(source, clients=[client_id])
    return effective(feature, board.of_client(client_id)).allowed


async def require(source: Source, principal: Principal, client_id: UUID, feature: Feature) -> None:
    """Raise FeatureDisabled unless the client has the feature; staff are told the gate that is off."""
    board = await Switchboard.read(source, clients=[client_id])
    decision = effective(feature, board.of_client(client_id, _permissions(principal, client_id)))
    if not decision.allowed:
        raise _refusal(principal, feature, decision)


async def capabilities(source: Source, principal: Principal) -> dict[str, Any]:
    """Every feature and permission of the caller as a boolean."""
    board = await Switchboard.read(source, clients=principal.client_ids) if principal.profiles else None
    profiles = [_profile(_facts(board, profile), profile) for profile in principal.profiles] if board else []
    return {"profiles": profiles, "permissions": {p.value: principal.may(p) for p in Permission}}


def _facts(board: Switchboard, profile: Profile) -> Facts:
    return board.of_client(profile.client_id, profile.permissions)


def _profile(facts: Facts, profile: Profile) -> dict[str, Any]:
    features = allowed(facts)
    return {
        "client_id": profile.client_id,
        "relationship": profile.relationship,
        "features": features,
        "permissions": {p.value: p in profile.permissions and _is_on(p, features) for p in GrantPermission},
    }


def _is_on(permission: GrantPermission, features: dict[str, bool]) -> bool:
    """Whether the permission's feature is on; most permissions belong to none."""
    feature = _FEATURE_OF.get(permission)
    return feature is None or features[feature]


def _permissions(principal: Principal, client_id: UUID) -> frozenset[str] | None:
    if not principal.is_client:
        return None
    held = (profile.permissions for profile in principal.profiles if profile.client_id == client_id)
    return next(held, frozenset())


def _refusal(principal: Principal, feature: Feature, decision: Decision) -> FeatureDisabled:
    if principal.is_client:
        return FeatureDisabled(feature=feature)
    return FeatureDisabled(feature=feature, gate=decision.closed)
