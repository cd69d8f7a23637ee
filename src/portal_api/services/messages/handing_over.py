"""Threads whose staff are gone: who works with the client is in them at once; without one, they wait (F12.B2).

It follows from the events by which staff go and come back, at least once: what is done already is left as it is.
"""

from uuid import UUID

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.audit import Event
from portal_api.models.messages import Thread, ThreadParticipant
from portal_api.models.staff import StaffMember
from portal_api.services.messages import taking_part, writing

EVENTS = frozenset({"staff.removed", "staff.restored", "staff.suspended", "staff.updated"})


async def follow(session: Session, event: Event) -> None:
    """See to the threads of whom the event is about."""
    if event.type not in EVENTS or (event.type == "staff.updated" and "roles" not in event.changed):
        return
    staff = await session.scalar(select(StaffMember).where(StaffMember.id == event.resource_id))
    if staff is None:
        return
    theirs = select(ThreadParticipant.thread_id).where(
        ThreadParticipant.staff_id == staff.id, ThreadParticipant.left_at.is_(None)
    )
    for thread_id in sorted((await session.scalars(theirs)).all()):
        await _see_to(session, await writing.locked(session, UUID(str(thread_id))), staff)


async def _see_to(session: Session, thread: Thread, staff: StaffMember) -> None:
    program = Principal.program(session.binding.practice_id)
    can_answer = await taking_part.attending(session, thread, await taking_part.inside(session, thread))
    if staff.state != "suspended" and staff.id not in can_answer:  # who is only suspended comes back to it
        await taking_part.leave(session, program, thread, staff.id)
    if not can_answer:
        can_answer = await taking_part.treating(session, thread.client_id, thread.audience)
        await taking_part.join(session, thread, can_answer)
        for staff_id in can_answer:
            await taking_part.record(session, program, "thread.joined", thread, staff_id)
    if can_answer:
        await taking_part.attended(session, program, thread)
    elif thread.unattended_since is None:
        thread.unattended_since = await clock.now(session)
        await session.flush()
        await taking_part.record(session, program, "thread.unattended", thread)
