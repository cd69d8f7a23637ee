"""Beginning a thread, and who takes part in it."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import Feature, GrantPermission, Principal, Role
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, InvalidState, NotFound, invalid
from portal_api.core.ids import new_id
from portal_api.models.clients import ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.models.messages import AUDIENCE_ROLES, Thread, ThreadAudience
from portal_api.schemas.messages import MyThreadCreate, ThreadCreate
from portal_api.services import features
from portal_api.services.clients import reading as clients
from portal_api.services.messages import policy, reading, sending, taking_part, writing

OWNERS = frozenset({Role.OWNER, Role.ADMIN})


class NobodyToWriteTo(Conflict):
    code, title = "nobody_to_write_to", "Nobody at the practice takes such messages now"


async def by_client(session: Session, principal: Principal, data: MyThreadCreate) -> dict[str, Any]:
    """Write to the practice about something new: to one practitioner, or to all whom it concerns.

    Raises NotFound, FeatureDisabled, OnlyReplies, OutsideOfficeHours, NobodyToWriteTo, Invalid.
    """
    profile = principal.profile(data.client_id)
    await policy.must_allow_starting(session)
    audience, members = await _addressees(session, profile.client_id, data)
    guardian = None if profile.is_own else principal.account_id
    thread = await _begin(session, profile.client_id, guardian, data.subject, audience)
    await taking_part.join(session, thread, members)
    await sending.write(session, principal, thread, data)
    return await reading.visible(session, principal, thread.id)


async def by_staff(session: Session, principal: Principal, data: ThreadCreate) -> dict[str, Any]:
    """Write to a client or to one of their guardians.

    Raises NotFound, FeatureDisabled, Invalid for colleagues whom the audience does not concern.
    """
    await clients.must_see(session, principal, data.client_id)
    await features.require(session, principal, data.client_id, Feature.SECURE_MESSAGING)
    if not reading.may_take_part(principal.roles, data.audience):
        raise invalid("/audience", "not_your_audience", "Your roles take no part in such threads.")
    members = await _colleagues(session, {*data.participant_ids}, data.audience, "/participant_ids")
    guardian = await _guardian_account(session, data)
    thread = await _begin(session, data.client_id, guardian, data.subject, data.audience)
    await taking_part.join(session, thread, members)
    await sending.write(session, principal, thread, data)
    return await reading.visible(session, principal, thread.id)


async def add_participant(session: Session, principal: Principal, thread_id: UUID, staff_id: UUID) -> dict[str, Any]:
    """Let a colleague take part. Raises NotFound, Invalid for one whom the audience does not concern."""
    await reading.visible(session, principal, thread_id)
    thread = await writing.locked(session, thread_id)
    members = await _colleagues(session, {staff_id}, thread.audience, "/staff_id")
    await taking_part.join(session, thread, members)
    await taking_part.record(session, principal, "thread.joined", thread, staff_id)
    await taking_part.attended(session, principal, thread)
    return await reading.visible(session, principal, thread_id)


async def remove_participant(session: Session, principal: Principal, thread_id: UUID, staff_id: UUID) -> None:
    """Somebody takes part no longer; the last one stays. Raises NotFound, InvalidState."""
    await reading.visible(session, principal, thread_id)
    thread = await writing.locked(session, thread_id)
    there = await taking_part.inside(session, thread)
    if staff_id not in there:
        raise NotFound
    if not await taking_part.attending(session, thread, there - {staff_id}):
        raise InvalidState("Somebody must answer: add a colleague first.", state="alone")
    await taking_part.leave(session, principal, thread, staff_id)


async def _addressees(
    session: Session, client_id: UUID, data: MyThreadCreate
) -> tuple[ThreadAudience, dict[UUID, UUID]]:
    """Who of the staff is written to, and as what. What is clinical and has no clinician goes to the owners."""
    if data.practitioner_id is not None:
        found = await _colleagues(session, {data.practitioner_id}, data.audience, "/practitioner_id")
        return data.audience, found
    if data.audience is ThreadAudience.CLINICAL:
        found = await taking_part.treating(session, client_id, data.audience)
        if found:
            return data.audience, found
    audience = ThreadAudience.ADMINISTRATIVE if data.audience is ThreadAudience.CLINICAL else data.audience
    roles = AUDIENCE_ROLES[audience] - AUDIENCE_ROLES[ThreadAudience.CLINICAL]
    found = await taking_part.active(session, roles or OWNERS)
    if not found:
        raise NobodyToWriteTo("Call the practice.")
    return audience, found


async def _colleagues(session: Session, staff_ids: Collection[UUID], audience: str, pointer: str) -> dict[UUID, UUID]:
    found = await taking_part.active(session, AUDIENCE_ROLES[ThreadAudience(audience)], among=staff_ids)
    if set(staff_ids) - found.keys():
        raise invalid(pointer, "cannot_take_part", "Name active staff whose roles take part in such threads.")
    return found


async def _guardian_account(session: Session, data: ThreadCreate) -> UUID | None:
    if data.guardian_id is None:
        return None
    known = (
        select(Guardian.account_id)
        .join(ClientGrant, ClientGrant.account_id == Guardian.account_id)
        .where(
            Guardian.id == data.guardian_id,
            Guardian.client_id == data.client_id,
            Guardian.revoked_at.is_(None),
            ClientGrant.client_id == data.client_id,
            ClientGrant.is_live(),
            ClientGrant.allows(GrantPermission.MESSAGES),
        )
    )
    account_id = await session.scalar(known)
    if account_id is None:
        why = "Name a guardian of this client who has accepted the invitation and may have messages."
        raise invalid("/guardian_id", "unknown_guardian", why)
    return UUID(str(account_id))


async def _begin(session: Session, client_id: UUID, guardian: UUID | None, subject: str, audience: str) -> Thread:
    thread = Thread(
        id=new_id(),
        client_id=client_id,
        guardian_account_id=guardian,
        confidential=guardian is None,
        subject=subject,
        audience=audience,
        last_seq=0,
    )
    session.add(thread)
    await session.flush()
    return thread
