"""Who of the staff is in a thread, and who could be."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from portal_api.core import clock
from portal_api.core.access import Principal, Role
from portal_api.core.db import Session
from portal_api.models.clients import ClientAssignment
from portal_api.models.messages import AUDIENCE_ROLES, Thread, ThreadAudience, ThreadParticipant
from portal_api.models.staff import StaffMember
from portal_api.services import audit


async def active(
    session: Session, roles: Collection[Role], *, among: Collection[UUID] | None = None
) -> dict[UUID, UUID]:
    """Active staff with one of the roles: the account of each."""
    statement = select(StaffMember.id, StaffMember.account_id).where(
        StaffMember.state == "active", StaffMember.roles.overlap([role.value for role in roles])
    )
    if among is not None:
        statement = statement.where(StaffMember.id.in_(among))
    rows = (await session.execute(statement.order_by(StaffMember.id).limit(50))).all()
    return {UUID(str(staff_id)): UUID(str(account_id)) for staff_id, account_id in rows}


async def treating(session: Session, client_id: UUID, audience: str) -> dict[UUID, UUID]:
    """Those of them who work with the client, of an audience's roles."""
    assigned = select(ClientAssignment.practitioner_id).where(ClientAssignment.client_id == client_id)
    among = {UUID(str(each)) for each in await session.scalars(assigned)}
    return await active(session, AUDIENCE_ROLES[ThreadAudience(audience)], among=among)


async def inside(session: Session, thread: Thread) -> set[UUID]:
    """The staff who take part, whether or not they can answer now."""
    there = select(ThreadParticipant.staff_id).where(
        ThreadParticipant.thread_id == thread.id,
        ThreadParticipant.staff_id.is_not(None),
        ThreadParticipant.left_at.is_(None),
    )
    return {UUID(str(each)) for each in await session.scalars(there)}


async def attending(session: Session, thread: Thread, staff_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Those of these participants who can answer: they are let in, and their roles are the audience's."""
    return await active(session, AUDIENCE_ROLES[ThreadAudience(thread.audience)], among=staff_ids)


async def join(session: Session, thread: Thread, members: dict[UUID, UUID]) -> None:
    """Who comes has everything to read; who comes back goes on where they were."""
    if not members:
        return
    of_thread = {
        "practice_id": session.binding.practice_id,
        "thread_id": thread.id,
        "client_id": thread.client_id,
        "confidential": thread.confidential,
    }
    rows = [of_thread | {"account_id": account, "staff_id": staff} for staff, account in members.items()]
    key = ["practice_id", "thread_id", "account_id"]
    joined = insert(ThreadParticipant).values(rows)
    await session.execute(joined.on_conflict_do_update(index_elements=key, set_={"left_at": None}))


async def leave(session: Session, principal: Principal, thread: Thread, staff_id: UUID) -> None:
    """Somebody takes part no longer."""
    this = ThreadParticipant.thread_id == thread.id, ThreadParticipant.staff_id == staff_id
    await session.execute(update(ThreadParticipant).where(*this).values(left_at=await clock.now(session)))
    await record(session, principal, "thread.left", thread, staff_id)


async def attended(session: Session, principal: Principal, thread: Thread) -> None:
    """Somebody answers for a thread that waited for somebody; it is held by the caller."""
    if thread.unattended_since is not None:
        thread.unattended_since = None
        await session.flush()
        await record(session, principal, "thread.attended", thread)


async def record(
    session: Session, principal: Principal, type: str, thread: Thread, staff_id: UUID | None = None
) -> None:
    resource, details = ("thread", thread.id), {"staff_id": str(staff_id)} if staff_id else {}
    await audit.record(session, principal, type, resource=resource, clients=[thread.client_id], details=details)
