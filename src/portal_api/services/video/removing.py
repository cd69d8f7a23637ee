"""Putting people out of a session: its host does, and the program once they may no longer be there (F11.M2).

A provider that has an interface for it ends the connection; of another one the host's own client does. The way back
leads into the waiting room in any case.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import all_, and_, func, or_, select

from portal_api.core import clock
from portal_api.core.access import GrantPermission, Principal
from portal_api.core.db import Read, Session
from portal_api.core.errors import invalid
from portal_api.models.auth import Account
from portal_api.models.scheduling import ACTIVE_STATES, Appointment
from portal_api.models.staff import StaffMember
from portal_api.models.video import VideoParticipant
from portal_api.schemas.video import Removal
from portal_api.services import audit
from portal_api.services.auth import authority
from portal_api.services.video import joining, sessions, waiting

DISCONNECT = "video.disconnect"
"""The job that has the provider end a connection."""
LAST_TOKENS = joining.TOKEN_LIFETIME + timedelta(minutes=1)
"""After so long no token that was given out before lets anybody in, whatever the provider's clock shows."""
_LONGEST = timedelta(days=1)
_UNHEARD_OF = timedelta(hours=4)
"""Who was let in and is not known to be there, as not every provider tells, has gone by then without a word."""
_has_no_right = or_(
    Appointment.starts_at != VideoParticipant.starts_at,
    Appointment.state.not_in(ACTIVE_STATES),
    Account.suspended_at.is_not(None),
    and_(VideoParticipant.is_host, StaffMember.id.is_(None)),
    and_(
        ~VideoParticipant.is_host,
        or_(
            VideoParticipant.client_id != all_(Appointment.client_ids),
            ~authority.may_act(VideoParticipant.account_id, VideoParticipant.client_id, GrantPermission.VIDEO_JOIN),
        ),
    ),
)
_without_right = (
    select(VideoParticipant.id)
    .join(Appointment, Appointment.id == VideoParticipant.appointment_id)
    .join(Account, Account.id == VideoParticipant.account_id)
    .outerjoin(StaffMember, and_(StaffMember.account_id == Account.id, StaffMember.state == "active"))
    .where(_has_no_right)
)
_strays = _without_right.where(
    VideoParticipant.admitted_at.is_not(None),
    VideoParticipant.left_at.is_(None),
    VideoParticipant.seen_at > func.now() - _LONGEST,
    VideoParticipant.joined_at.is_not(None) | (VideoParticipant.seen_at > func.now() - _UNHEARD_OF),
)
STRAYS = Read(_strays.limit(1))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a provider has somebody who was put out."""

    room: str
    participant_id: UUID


async def remove(session: Session, principal: Principal, appointment_id: UUID, data: Removal) -> dict[str, Any]:
    """Put clients and guardians out; they can wait again, and be let in again.

    Raises NotFound, Forbidden, FeatureDisabled, InvalidState, NotByVideo, TooEarly, Ended, Invalid for a stranger and
    for a host.
    """
    appointment = await sessions.of_host(session, principal, appointment_id)
    meeting = await sessions.opened(session, appointment)
    people = await waiting.named(session, appointment, data.participant_ids)
    if any(person.is_host for person in people):
        raise invalid("/participant_ids", "is_host", "Hosts come and go by themselves.")
    for person in people:
        await _put_out(session, principal, person, meeting.now)
    return await waiting.everybody(session, appointment_id)


async def may_stay(session: Session, participant_id: UUID) -> bool:
    """Whether what brought somebody to this occurrence still holds."""
    lost = _without_right.where(VideoParticipant.id == participant_id)
    return (await session.execute(lost)).first() is None


async def remove_strays(session: Session) -> None:
    """Put out who is let in and may no longer be: the appointment was moved or cancelled, or their access has ended."""
    found = select(VideoParticipant).where(VideoParticipant.id.in_(_strays)).order_by(VideoParticipant.id)
    program, now = Principal.program(session.binding.practice_id), await clock.now(session)
    for person in await session.scalars(found.with_for_update(of=VideoParticipant)):
        await _put_out(session, program, person, now)


async def still_out(session: Session, participant_id: UUID) -> Place | None:
    """Where to end somebody's connection; None for who has been let in again meanwhile."""
    found = await session.scalar(select(VideoParticipant).where(VideoParticipant.id == participant_id))
    if found is None or found.removed_at is None:
        return None
    vault = session.tools.vault
    return Place(sessions.room_at(vault, found.practice_id, found.appointment_id, found.starts_at), found.id)


async def _put_out(session: Session, principal: Principal, person: VideoParticipant, now: datetime) -> None:
    if not person.put_out(now):
        return
    await session.flush()
    # At once, and once more when no token of theirs is good any more: a provider cannot take one back.
    for at in (now, now + LAST_TOKENS):
        queue, practice_id = session.tools.queue, session.binding.practice_id
        await queue.defer(session, DISCONNECT, practice_id, at=at, participant_id=person.id)
    await audit.record(
        session,
        principal,
        "video.removed",
        resource=("appointment", person.appointment_id),
        clients=[person.client_id] if person.client_id else (),
        details={"participant_id": str(person.id)},
    )
