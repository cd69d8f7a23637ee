"""The way in: a token for one person and one occurrence, good for minutes (F11.M1)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import NotFound, invalid
from portal_api.core.ids import new_id
from portal_api.integrations.video import Seat, video_provider
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.models.scheduling import Appointment
from portal_api.models.video import VideoParticipant
from portal_api.schemas.video import HostJoinCreate, JoinCreate
from portal_api.services import audit
from portal_api.services.video import consent, sessions
from portal_api.services.video.sessions import Meeting

TOKEN_LIFETIME = timedelta(minutes=2)
CLOCKS_DIFFER_BY = timedelta(seconds=10)
"""A provider whose clock is behind ours shall not find a token that is not valid yet."""


async def join_as_client(
    session: Session, principal: Principal, appointment_id: UUID, data: JoinCreate
) -> dict[str, Any]:
    """A client, or who may join for them, comes: to the waiting room, or into the session once admitted.

    Raises NotFound, FeatureDisabled, Invalid where it is not clear for whom, InvalidState, NotByVideo, TooEarly, Ended,
    ConsentRequired, VideoNotConfigured.
    """
    if data.client_id is not None:
        principal.profile(data.client_id)  # theirs, and with the feature: else it is refused before anything is read
    appointment = await sessions.of_client(session, principal, appointment_id)
    client_id = _for_whom(principal, appointment, data.client_id)
    meeting = await sessions.opened(session, appointment)
    missing = {"missing_consent": await consent.missing(session, principal, meeting.settings, client_id)}
    name = data.display_name or await _client_name(session, principal, client_id)
    participant = await _seated(session, principal, meeting, name, client_id)
    if not meeting.settings.video_waiting_room and participant.removed_at is None:
        participant.admit(meeting.now, None)
    if participant.admitted_at is None:
        if participant.asked_at == meeting.now:
            await _record(session, principal, "video.waiting", meeting, participant)
        return _answer(session, meeting, participant, waits=True) | missing
    return await _let_in(session, principal, meeting, participant) | missing


async def join_as_host(
    session: Session, principal: Principal, appointment_id: UUID, data: HostJoinCreate
) -> dict[str, Any]:
    """The practitioner, or who supervises them, comes.

    Raises NotFound, Forbidden, FeatureDisabled, InvalidState, NotByVideo, TooEarly, Ended, VideoNotConfigured.
    """
    appointment = await sessions.of_host(session, principal, appointment_id)
    meeting = await sessions.opened(session, appointment)
    name = data.display_name or await _account_name(session, principal, full=True)
    participant = await _seated(session, principal, meeting, name, None)
    participant.admit(meeting.now, principal.account_id)
    return await _let_in(session, principal, meeting, participant) | {"missing_consent": None}


def _for_whom(principal: Principal, appointment: Appointment, client_id: UUID | None) -> UUID:
    """The client of whom this person comes in place, or as whom."""
    fitting = [client for client in principal.client_ids if client in appointment.client_ids]
    if client_id is None and len(fitting) > 1:
        raise invalid("/client_id", "client_id_required", "You act for several who take part: say for whom you come.")
    chosen = next((client for client in fitting if client_id in (None, client)), None)
    if chosen is None:
        raise NotFound
    return chosen


async def _client_name(session: Session, principal: Principal, client_id: UUID) -> str:
    """What the others see unless a person says otherwise: a first name, and no more."""
    if not principal.profile(client_id).is_own:
        return await _account_name(session, principal)
    name = select(func.coalesce(Client.preferred_name, Client.given_name)).where(Client.id == client_id)
    return str((await session.execute(name)).scalar_one())


async def _account_name(session: Session, principal: Principal, *, full: bool = False) -> str:
    shown = Account.given_name + " " + Account.family_name if full else Account.given_name
    return str((await session.execute(select(shown).where(Account.id == principal.account_id))).scalar_one())


async def _seated(
    session: Session, principal: Principal, meeting: Meeting, name: str, client_id: UUID | None
) -> VideoParticipant:
    """The person's row for this occurrence, made or found again. Who had gone away begins to wait anew."""
    row = insert(VideoParticipant).values(
        practice_id=principal.practice_id,
        id=new_id(),
        appointment_id=meeting.appointment.id,
        starts_at=meeting.appointment.starts_at,
        account_id=principal.account_id,
        client_id=client_id,
        is_host=client_id is None,
        display_name=name,
        asked_at=meeting.now,
        seen_at=meeting.now,
    )
    kept = VideoParticipant.waits_now() | VideoParticipant.admitted_at.is_not(None)
    upsert = row.on_conflict_do_update(
        index_elements=["practice_id", "appointment_id", "starts_at", "account_id", "client_id"],
        set_={
            "display_name": name,
            "seen_at": meeting.now,
            "asked_at": case((kept, VideoParticipant.asked_at), else_=row.excluded.asked_at),
            "left_at": case((kept, VideoParticipant.left_at), else_=None),
        },
    ).returning(VideoParticipant)
    found = await session.execute(upsert, execution_options={"populate_existing": True})
    return found.scalar_one()


async def _let_in(
    session: Session, principal: Principal, meeting: Meeting, participant: VideoParticipant
) -> dict[str, Any]:
    answer = _answer(session, meeting, participant, waits=False)
    await _record(session, principal, "video.entry_granted", meeting, participant)
    return answer


def _answer(session: Session, meeting: Meeting, participant: VideoParticipant, *, waits: bool) -> dict[str, Any]:
    tools = session.tools
    seat = Seat(
        room=sessions.waiting_room_of(tools.vault, meeting.appointment, participant.id)
        if waits
        else sessions.room_of(tools.vault, meeting.appointment),
        participant_id=participant.id,
        name=participant.display_name,
        host=participant.is_host,
        waits=waits,
        issued_at=meeting.now - CLOCKS_DIFFER_BY,
        expires_at=_expiry(meeting),
    )
    provider = video_provider(tools.settings)
    ticket = provider.ticket(seat)
    return {
        "state": "waiting" if waits else "open",
        "provider": provider.name,
        "url": ticket.url,
        "room": seat.room,
        "token": ticket.token,
        "expires_at": seat.expires_at,
        "closes_at": meeting.window.closes_at,
        "participant_id": participant.id,
        "display_name": participant.display_name,
    }


def _expiry(meeting: Meeting) -> datetime:
    """A whole second, as tokens have them, and never after the session closes."""
    return min(meeting.now + TOKEN_LIFETIME, meeting.window.closes_at).replace(microsecond=0)


async def _record(
    session: Session, principal: Principal, type: str, meeting: Meeting, participant: VideoParticipant
) -> None:
    await audit.record(
        session,
        principal,
        type,
        resource=("appointment", meeting.appointment.id),
        clients=[participant.client_id] if participant.client_id else meeting.appointment.client_ids,
        details={"participant_id": str(participant.id)},
    )
