"""The waiting room: who is in it, and letting them in (F11.M3)."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows, Session
from portal_api.core.errors import NotFound, invalid
from portal_api.models.scheduling import Appointment
from portal_api.models.video import VideoParticipant
from portal_api.schemas.base import PageQuery
from portal_api.schemas.video import Admission
from portal_api.services import audit
from portal_api.services.paging import Pager
from portal_api.services.video import sessions

PRACTITIONER = Read(select(Appointment.practitioner_id).where(Appointment.id == bindparam("appointment_id")))
COLUMNS = (
    VideoParticipant.id,
    VideoParticipant.client_id,
    VideoParticipant.is_host,
    VideoParticipant.display_name,
    VideoParticipant.state_now().label("state"),
    VideoParticipant.asked_at,
    VideoParticipant.admitted_at,
    VideoParticipant.joined_at,
    VideoParticipant.left_at,
)


async def page(reader: Reader, principal: Principal, appointment_id: UUID, query: PageQuery) -> dict[str, Any]:
    """Who came to this occurrence, first come first. Raises NotFound, Forbidden, FeatureDisabled."""
    row = await reader.row(PRACTITIONER, appointment_id=appointment_id)
    if row is None:
        raise NotFound
    await sessions.must_host(reader, principal, row["practitioner_id"])
    pager = Pager(reader, principal, f"video/{appointment_id}", query, "id")
    after = UUID(pager.position[0]) if pager.position else None
    read = _many(resumed=after is not None)
    return pager.envelope(await reader.rows(read, appointment_id=appointment_id, after_id=after, limit=pager.limit + 1))


async def admit(session: Session, principal: Principal, appointment_id: UUID, data: Admission) -> dict[str, Any]:
    """Let in those who are named, or everybody who waits. Who was let in before stays so.

    Raises NotFound, Forbidden, FeatureDisabled, InvalidState, NotByVideo, TooEarly, Ended, Invalid for a stranger.
    """
    appointment = await sessions.of_host(session, principal, appointment_id)
    meeting = await sessions.opened(session, appointment)
    for participant in await _chosen(session, appointment, data.participant_ids):
        participant.admit(meeting.now, principal.account_id)
        await audit.record(
            session,
            principal,
            "video.admitted",
            resource=("appointment", appointment.id),
            clients=[participant.client_id] if participant.client_id else (),
            details={"participant_id": str(participant.id)},
        )
    return await everybody(session, appointment_id)


async def everybody(session: Session, appointment_id: UUID) -> dict[str, Any]:
    """Who came to this occurrence, as it now is: the first hundred."""
    await session.flush()
    rows = await session.rows(_many(resumed=False), appointment_id=appointment_id, limit=100)
    return {"data": rows, "next_cursor": None}


async def named(session: Session, appointment: Appointment, participant_ids: list[UUID]) -> list[VideoParticipant]:
    """These people of this occurrence, held in the order of their ids. Raises Invalid."""
    found = list(await session.scalars(_held(appointment).where(VideoParticipant.id.in_(participant_ids))))
    if len(found) < len(set(participant_ids)):
        raise invalid("/participant_ids", "unknown_participant", "Name people who came to this session.")
    return found


async def _chosen(
    session: Session, appointment: Appointment, participant_ids: list[UUID] | None
) -> list[VideoParticipant]:
    """Those who are let in now. Raises Invalid."""
    if participant_ids is None:
        return list(await session.scalars(_held(appointment).where(VideoParticipant.waits_now())))
    return [each for each in await named(session, appointment, participant_ids) if each.admitted_at is None]


def _held(appointment: Appointment) -> Select[Any]:
    of_this = VideoParticipant.appointment_id == appointment.id, VideoParticipant.starts_at == appointment.starts_at
    return select(VideoParticipant).where(*of_this).order_by(VideoParticipant.id).with_for_update()


@cache
def _many(*, resumed: bool) -> Read:
    """Of the occurrence that the appointment is now: who came before it was moved is not in it."""
    statement: Rows = (
        select(*COLUMNS)
        .join(Appointment, Appointment.id == VideoParticipant.appointment_id)
        .where(
            VideoParticipant.appointment_id == bindparam("appointment_id"),
            VideoParticipant.starts_at == Appointment.starts_at,
        )
    )
    if resumed:
        statement = statement.where(VideoParticipant.id > bindparam("after_id"))
    return Read(statement.order_by(VideoParticipant.id).limit(bindparam("limit")))
