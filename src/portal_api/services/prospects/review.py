"""Verifying a prospect's address for them, turning them down, taking that back."""

from typing import Any
from uuid import UUID

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.prospects import Prospect
from portal_api.schemas.prospects import ProspectDecision
from portal_api.services import audit
from portal_api.services.auth import vouching
from portal_api.services.prospects import reading
from portal_api.services.scheduling.requests import of_prospects


async def verify(
    session: Session, principal: Principal, prospect_id: UUID, decision: ProspectDecision | None
) -> dict[str, Any]:
    """Vouch for the address (F4.M3); what the person asked for is told. Raises NotFound, InvalidState unless new."""
    prospect = await reading.locked(session, prospect_id)
    prospect.must_be("new")
    await vouching.vouch(session, principal, prospect.account, reason_of(decision))
    await of_prospects.confirm(session, principal, prospect.account_id)
    return await recorded(session, principal, prospect, "prospect.verified", decision)


async def reject(
    session: Session, principal: Principal, prospect_id: UUID, decision: ProspectDecision | None
) -> dict[str, Any]:
    """Turn the person down, and what they ask for; nothing is deleted. Raises NotFound, InvalidState."""
    prospect = await reading.locked(session, prospect_id)
    prospect.reject(await clock.now(session), by=acting(principal))
    await of_prospects.decline_all(session, principal, prospect.id)
    return await recorded(session, principal, prospect, "prospect.rejected", decision)


async def restore(
    session: Session, principal: Principal, prospect_id: UUID, decision: ProspectDecision | None
) -> dict[str, Any]:
    """Take back a rejection or an expiry. Raises NotFound, InvalidState."""
    prospect = await reading.locked(session, prospect_id)
    prospect.restore(await clock.now(session))
    return await recorded(session, principal, prospect, "prospect.restored", decision)


async def recorded(
    session: Session,
    principal: Principal,
    prospect: Prospect,
    type: str,
    decision: ProspectDecision | None = None,
    *,
    client_id: UUID | None = None,
) -> dict[str, Any]:
    """Write and record the decision; returns the prospect as it is read now."""
    await session.flush()
    await audit.record(
        session,
        principal,
        type,
        resource=("prospect", prospect.id),
        clients=[client_id] if client_id else [],
        reason=reason_of(decision),
    )
    return await reading.get(session, prospect.id)


def reason_of(decision: ProspectDecision | None) -> str | None:
    return decision.reason if decision else None


def acting(principal: Principal) -> UUID:
    """The account of the staff member who decides."""
    assert principal.account_id is not None  # noqa: S101 - only staff hold prospects:manage
    return principal.account_id
