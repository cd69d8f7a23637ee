"""Onboarding as staff follow it: how far a client has come, and help where somebody is stuck."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core import clock
from portal_api.core.access import SELF, Principal, Profile
from portal_api.core.db import Reader, Session, Source
from portal_api.core.errors import NotFound
from portal_api.models.onboarding import OnboardingStep
from portal_api.services import audit, clients
from portal_api.services.onboarding import giving, standing
from portal_api.services.onboarding.mine import SHOWN

STAFFS = ("filled_in_by", "saved_by", "skipped_by", "skipped_by_staff")


async def get(source: Source, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """How far the client has come, in all steps, whoever fills them in. Raises NotFound."""
    await clients.must_see(source, principal, client_id)
    now = await standing.read(source, Profile(client_id, SELF, frozenset()), None)
    if isinstance(source, Reader):
        audit.viewed(source, principal, "onboarding.viewed", [client_id])
    told = ("client_id", "source", "given_at", "started_at", "completed_at", "completed_by")
    return {name: now.head[name] for name in told} | {
        "state": now.state,
        "audience": now.head["audience"] or [],
        "progress": standing.per_cent(now.steps, completed=now.state == "completed") if now.steps else 0,
        "steps": [{name: step[name] for name in (*SHOWN, *STAFFS)} for step in now.steps],
        "version": now.head["version"] or 0,
    }


async def give(session: Session, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """Ask a client who was never asked. Raises NotFound, InvalidState."""
    await giving.give(session, principal, client_id)
    return await get(session, principal, client_id)


async def skip(session: Session, principal: Principal, client_id: UUID, key: str) -> dict[str, Any]:
    """Let a client go on without a step. Raises NotFound, InvalidState once all is completed."""
    step = await _held(session, principal, client_id, key)
    step.skip(await clock.now(session), principal.account_id, by_staff=True)
    return await _changed(session, principal, step, "onboarding.step_skipped")


async def reset(session: Session, principal: Principal, client_id: UUID, key: str) -> dict[str, Any]:
    """Open a step again. What was entered stays in the chart. Raises NotFound, InvalidState once all is completed."""
    step = await _held(session, principal, client_id, key)
    step.reset()
    return await _changed(session, principal, step, "onboarding.step_reset")


async def _held(session: Session, principal: Principal, client_id: UUID, key: str) -> OnboardingStep:
    await clients.locked(session, principal, client_id)
    onboarding = await giving.locked(session, client_id)
    this = select(OnboardingStep).where(OnboardingStep.client_id == client_id, OnboardingStep.key == key)
    step = (await session.execute(this)).scalar_one_or_none()
    if onboarding is None or step is None:
        raise NotFound
    onboarding.must_be_open()
    onboarding.updated_at = func.now()
    return step


async def _changed(session: Session, principal: Principal, step: OnboardingStep, type: str) -> dict[str, Any]:
    await session.flush()
    about = {"resource": ("client", step.client_id), "clients": [step.client_id]}
    await audit.record(session, principal, type, **about, details={"step": step.key})
    return await get(session, principal, step.client_id)
