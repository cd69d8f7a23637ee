"""Onboarding: what a practice asks of new clients, and how far they have come."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanManageOnboarding,
    CanReadOnboarding,
    CanWriteOnboarding,
    HasOnboarding,
    IfMatch,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.onboarding import (
    ClientOnboarding,
    Flow,
    FlowUpdate,
    MyCompletion,
    MyOnboarding,
    MyOnboardingQuery,
    StepSave,
)
from portal_api.services import onboarding
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="onboarding")


@router.get("/practice/onboarding", response_model=Flow)
async def get_onboarding_flow(reader: ReaderDep, principal: CanReadOnboarding) -> Any:
    """What the practice asks of new clients: steps in order, and the fields of its information groups."""
    return await onboarding.flow.get(reader)


@router.patch("/practice/onboarding", response_model=Flow)
async def update_onboarding_flow(
    data: FlowUpdate, session: SessionDep, principal: CanManageOnboarding, if_match: IfMatch
) -> Any:
    """Change it. A new step reaches the clients who have not finished; what they have already stays as it was."""
    return await onboarding.flow.update(session, principal, data, if_match)


@router.get("/clients/{client_id}/onboarding", response_model=ClientOnboarding)
async def get_client_onboarding(client_id: UUID, reader: ReaderDep, principal: CanReadOnboarding) -> Any:
    """How far a client has come."""
    return await onboarding.followed.get(reader, principal, client_id)


@router.post("/clients/{client_id}/onboarding", status_code=201, response_model=ClientOnboarding)
async def give_client_onboarding(client_id: UUID, session: SessionDep, principal: CanWriteOnboarding) -> Any:
    """Give the steps to a client who came in before there were any."""
    return await onboarding.followed.give(session, principal, client_id)


@router.post("/clients/{client_id}/onboarding/steps/{key}/skip", response_model=ClientOnboarding)
async def skip_onboarding_step(client_id: UUID, key: str, session: SessionDep, principal: CanWriteOnboarding) -> Any:
    """Let a client go on without a step, also a required one."""
    return await onboarding.followed.skip(session, principal, client_id, key)


@router.post("/clients/{client_id}/onboarding/steps/{key}/reset", response_model=ClientOnboarding)
async def reset_onboarding_step(client_id: UUID, key: str, session: SessionDep, principal: CanWriteOnboarding) -> Any:
    """Open a step again for the client. What was entered stays in the chart."""
    return await onboarding.followed.reset(session, principal, client_id, key)


@router.get("/me/onboarding", response_model=MyOnboarding)
async def get_my_onboarding(
    query: Annotated[MyOnboardingQuery, Query()], reader: ReaderDep, principal: HasOnboarding
) -> Any:
    """The steps that wait for the caller, for themselves or for a child, and how far they are."""
    return await onboarding.mine.get(reader, principal, query.client_id)


@router.patch("/me/onboarding/steps/{key}", response_model=MyOnboarding)
async def save_my_onboarding_step(
    key: str,
    query: Annotated[MyOnboardingQuery, Query()],
    data: StepSave,
    session: SessionDep,
    principal: HasOnboarding,
    if_match: IfMatch,
) -> Any:
    """Save a step, in part or whole, or leave it out where that is allowed."""
    return await onboarding.mine.save(session, principal, query.client_id, key, data, if_match)


@router.post("/me/onboarding/complete", response_model=MyOnboarding)
async def complete_my_onboarding(
    session: SessionDep, principal: HasOnboarding, data: MyCompletion | None = None
) -> Any:
    """Say that all is done. The practitioner is told."""
    return await onboarding.mine.complete(session, principal, data or MyCompletion())
