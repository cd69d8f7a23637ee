"""Staff who are away: what writes back for them, once for each thread and period (F12.M7)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import Forbidden, NotFound, invalid
from portal_api.models.messages import AuthorKind, OutOfOffice, OutOfOfficeReply, Thread, ThreadParticipant
from portal_api.models.staff import StaffMember
from portal_api.schemas.messages import OutOfOfficeSet
from portal_api.services import audit
from portal_api.services.messages import writing

ONE = Read(
    select(
        OutOfOffice.starts_at, OutOfOffice.ends_at, OutOfOffice.reply, OutOfOffice.set_by, OutOfOffice.updated_at
    ).where(OutOfOffice.staff_id == bindparam("of"))
)
KNOWN = Read(
    select(StaffMember.id).where(StaffMember.id == bindparam("of"), StaffMember.state.in_(("active", "suspended")))
)


async def get(source: Source, principal: Principal, staff_id: UUID) -> dict[str, Any]:
    """When they are away next, or last were; nothing where never. Raises NotFound, Forbidden."""
    await _must_manage(source, principal, staff_id)
    return await source.row(ONE, of=staff_id) or dict.fromkeys(
        ("starts_at", "ends_at", "reply", "set_by", "updated_at")
    )


async def put(session: Session, principal: Principal, staff_id: UUID, data: OutOfOfficeSet) -> dict[str, Any]:
    """Be away, or have somebody be away: oneself; owners and admins anybody. Raises NotFound, Forbidden, Invalid."""
    await _must_manage(session, principal, staff_id)
    if data.starts_at >= data.ends_at:
        raise invalid("/ends_at", "range", "One is back after one has left.")
    values = data.model_dump() | {"set_by": principal.account_id}
    row = insert(OutOfOffice).values(practice_id=session.binding.practice_id, staff_id=staff_id, **values)
    key = ["practice_id", "staff_id"]
    again = values | {"updated_at": func.now(), "version": OutOfOffice.version + 1}
    await session.execute(row.on_conflict_do_update(index_elements=key, set_=again))
    await audit.record(session, principal, "out_of_office.set", resource=("staff_member", staff_id))
    return await get(session, principal, staff_id)


async def remove(session: Session, principal: Principal, staff_id: UUID) -> None:
    """Be back. Raises NotFound, Forbidden."""
    await _must_manage(session, principal, staff_id)
    ended = await session.execute(
        delete(OutOfOffice).where(OutOfOffice.staff_id == staff_id).returning(OutOfOffice.staff_id)
    )
    if ended.first() is not None:
        await audit.record(session, principal, "out_of_office.ended", resource=("staff_member", staff_id))


async def answer(session: Session, thread: Thread) -> None:
    """Write back for each participant who is away and has not yet done so in this thread and period."""
    away = (
        select(OutOfOffice, ThreadParticipant.account_id)
        .join(ThreadParticipant, ThreadParticipant.staff_id == OutOfOffice.staff_id)
        .where(
            ThreadParticipant.thread_id == thread.id,
            ThreadParticipant.left_at.is_(None),
            OutOfOffice.starts_at <= func.now(),
            OutOfOffice.ends_at > func.now(),
        )
        .order_by(OutOfOffice.staff_id)
    )
    for absence, account_id in (await session.execute(away)).all():
        first = insert(OutOfOfficeReply).values(
            practice_id=session.binding.practice_id,
            thread_id=thread.id,
            staff_id=absence.staff_id,
            starts_at=absence.starts_at,
        )
        made = await session.execute(first.on_conflict_do_nothing().returning(OutOfOfficeReply.thread_id))
        if made.first() is not None:
            await writing.add(
                session, thread, AuthorKind.AUTOMATIC, account_id, UUID(str(absence.staff_id)), absence.reply
            )


async def _must_manage(source: Source, principal: Principal, staff_id: UUID) -> None:
    if staff_id != principal.staff_id and not principal.may(Permission.STAFF_MANAGE):
        raise Forbidden("Owners and admins do this for others.")
    if await source.row(KNOWN, of=staff_id) is None:
        raise NotFound
