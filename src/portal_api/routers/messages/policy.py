"""What a practice says about messages, and who is away."""

from typing import Any
from uuid import UUID

from portal_api.routers.deps import CanReadMessages, CanReadPortal, CanWritePortal, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.messages import MessagingPolicy, MessagingPolicyUpdate, OutOfOffice, OutOfOfficeSet
from portal_api.services.messages import absence, policy
from portal_api.web.replies import Reply
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/practice", tag="messages")


@router.get("/messaging", response_model=MessagingPolicy)
async def get_messaging_policy(reader: ReaderDep, _principal: CanReadPortal) -> Any:
    """Who may begin a thread, when clients can write, and what messages are not for."""
    return Reply(await policy.get(reader), tagged=True)


@router.patch("/messaging", response_model=MessagingPolicy)
async def update_messaging_policy(
    data: MessagingPolicyUpdate, session: SessionDep, principal: CanWritePortal, if_match: IfMatch
) -> Any:
    """Change it."""
    return Reply(await policy.update(session, principal, data, if_match), tagged=True)


@router.get("/staff/{staff_id}/out-of-office", response_model=OutOfOffice)
async def get_out_of_office(staff_id: UUID, reader: ReaderDep, principal: CanReadMessages) -> Any:
    """When somebody is away, and what writes back meanwhile."""
    return await absence.get(reader, principal, staff_id)


@router.put("/staff/{staff_id}/out-of-office", response_model=OutOfOffice)
async def set_out_of_office(
    staff_id: UUID, data: OutOfOfficeSet, session: SessionDep, principal: CanReadMessages
) -> Any:
    """Be away: each for themselves, owners and admins for anybody. Once in each thread it is written back."""
    return await absence.put(session, principal, staff_id, data)


@router.delete("/staff/{staff_id}/out-of-office", status_code=204, response_model=None)
async def end_out_of_office(staff_id: UUID, session: SessionDep, principal: CanReadMessages) -> Any:
    """Be back."""
    await absence.remove(session, principal, staff_id)
