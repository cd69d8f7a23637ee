"""Who is there: told by the provider, by the page of our own, or by the person's own front end (F11.M4)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Binding, Read, Session
from portal_api.core.errors import InvalidState, NotFound, Unauthenticated
from portal_api.integrations.video import LiveKit, Presence, WebhookRefused, video_provider
from portal_api.models.scheduling import Appointment
from portal_api.models.video import ParticipantState, VideoParticipant
from portal_api.schemas.video import PresenceReport
from portal_api.services import audit
from portal_api.services.video import removing, sessions
from portal_api.services.video.sessions import Ended

OWN_REPORT = "self"
"""The connection of who reports on themselves."""
PEOPLE = Read(
    select(
        VideoParticipant.id,
        VideoParticipant.display_name.label("name"),
        VideoParticipant.is_host,
        VideoParticipant.state_now().label("state"),
    )
    .where(
        VideoParticipant.appointment_id == bindparam("appointment_id"),
        VideoParticipant.starts_at == bindparam("starts_at"),
    )
    .order_by(VideoParticipant.id)
    .limit(100)
)


async def report(session: Session, principal: Principal, appointment_id: UUID, data: PresenceReport) -> None:
    """A person says that they are there, or gone: of themselves only.

    Raises NotFound, InvalidState for who says to be there and was never let in.
    """
    found = await _held(session, data.participant_id)
    if found is None or found.account_id != principal.account_id or found.appointment_id != appointment_id:
        raise NotFound
    if data.state == "joined" and found.admitted_at is None:
        raise InvalidState("Wait until you are let in.", state=ParticipantState.WAITING)
    joined = data.state == "joined"
    await _note(session, principal, found, joined=joined, connection=OWN_REPORT if joined else None)


async def livekit_reported(session: Session, visitor: Principal, body: bytes, authorization: str) -> None:
    """A LiveKit server says who came and went. What it says of rooms that are not ours is passed over.

    Raises NotFound where LiveKit is not the provider, Unauthenticated unless its own key has signed it.
    """
    provider = video_provider(session.tools.settings)
    if not isinstance(provider, LiveKit):
        raise NotFound
    try:
        said = provider.presence(body, authorization)
    except WebhookRefused:
        raise Unauthenticated("This was not signed with the key of the video provider.") from None
    practice_id = sessions.practice_of(said.room) if said else None
    if said is not None and practice_id is not None:
        await session.rebind(Binding.system(practice_id))
        await _provider_reported(session, visitor, practice_id, said)


async def _provider_reported(session: Session, visitor: Principal, practice_id: UUID, said: Presence) -> None:
    """Waiting rooms are passed over: being there is being in the session."""
    participant = await _held(session, said.participant_id)
    if participant is None:
        return
    appointment = await _appointment(session, participant)
    if said.room == sessions.room_of(session.tools.vault, appointment):
        program = Principal.program(practice_id, visitor.origin)
        await _note(session, program, participant, joined=said.joined, connection=said.connection)


async def look(session: Session, visitor: Principal, participant_id: UUID, connection: str) -> dict[str, Any]:
    """What the page of our own shows to one person, who is there by asking: the others, once they are let in.

    Raises NotFound for who is unknown, Ended where the appointment was moved, cancelled or is over, or their access.
    """
    participant = await _held(session, participant_id)
    if participant is None:
        raise NotFound
    if not await removing.may_stay(session, participant.id):
        raise Ended("The appointment was moved or cancelled, or your access to it has ended.")
    appointment = await _appointment(session, participant)
    meeting = await sessions.opened(session, appointment)
    if participant.admitted_at is None:
        participant.seen_at, participant.left_at = meeting.now, None
    else:
        program = Principal.program(session.binding.practice_id, visitor.origin)
        await _note(session, program, participant, joined=True, connection=connection)
    await session.flush()
    people = await session.rows(PEOPLE, appointment_id=appointment.id, starts_at=appointment.starts_at)
    admitted = participant.admitted_at is not None
    return {
        "me": {"id": participant.id, "name": participant.display_name, "host": participant.is_host},
        "admitted": admitted,
        "appointment_id": appointment.id,
        "starts_at": appointment.starts_at,
        "ends_at": appointment.ends_at,
        "closes_at": meeting.window.closes_at,
        "people": [person for person in people if admitted and _shows(participant, person)],
    }


async def leave(session: Session, visitor: Principal, participant_id: UUID, connection: str) -> None:
    """Somebody closed the page of our own."""
    participant = await _held(session, participant_id)
    if participant is not None:
        program = Principal.program(session.binding.practice_id, visitor.origin)
        await _note(session, program, participant, joined=False, connection=connection)


def _shows(participant: VideoParticipant, person: dict[str, Any]) -> bool:
    """Hosts see who waits, everybody sees who is there; nobody who waits is shown to another client."""
    return person["state"] == ParticipantState.PRESENT or (
        participant.is_host and person["state"] in (ParticipantState.WAITING, ParticipantState.ADMITTED)
    )


async def _held(session: Session, participant_id: UUID) -> VideoParticipant | None:
    this = select(VideoParticipant).where(VideoParticipant.id == participant_id)
    return (await session.execute(this.with_for_update())).scalar_one_or_none()


async def _appointment(session: Session, participant: VideoParticipant) -> Appointment:
    this = select(Appointment).where(Appointment.id == participant.appointment_id)
    return (await session.execute(this)).scalar_one()


async def _note(
    session: Session, principal: Principal, participant: VideoParticipant, *, joined: bool, connection: str | None
) -> None:
    """Write down what changed, and record it; the same news a second time is none."""
    now = await clock.now(session)
    if not (participant.enter(now, connection or "") if joined else participant.leave(now, connection)):
        return
    await session.flush()
    await audit.record(
        session,
        principal,
        "video.joined" if joined else "video.left",
        resource=("appointment", participant.appointment_id),
        clients=[participant.client_id] if participant.client_id else (),
        details={"participant_id": str(participant.id), "account_id": str(participant.account_id)},
    )
