"""One occurrence of an appointment as a video session: whose it is, and whether it can be joined now."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select

from portal_api.core import clock
from portal_api.core.access import Feature, Permission, Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import Conflict, FeatureDisabled, Forbidden, InvalidState, NotFound
from portal_api.core.sealing import Vault
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import ACTIVE_STATES, Appointment, AppointmentAttendee, Mode
from portal_api.models.staff import Supervision
from portal_api.models.video import Window
from portal_api.services import features

SUPERVISES = Read(
    select(Supervision.supervised_id).where(
        Supervision.supervisor_id == bindparam("staff_id"), Supervision.supervised_id == bindparam("practitioner_id")
    )
)


class TooEarly(Conflict):
    """`opens_at` says when to come back."""

    code, title = "too_early", "This session is not open yet"


class Ended(Conflict):
    code, title = "ended", "This session is over"


class NotByVideo(Conflict):
    code, title = "not_video", "This appointment is not by video"


@dataclass(frozen=True, slots=True)
class Meeting:
    """An appointment that can be joined at this moment; it stays as it is until the transaction ends."""

    appointment: Appointment
    window: Window
    now: datetime
    settings: PortalSettings


async def of_client(session: Session, principal: Principal, appointment_id: UUID) -> Appointment:
    """An appointment in which a client takes part for whom the caller may join. Raises NotFound."""
    theirs = select(AppointmentAttendee.appointment_id).where(AppointmentAttendee.client_id.in_(principal.client_ids))
    return await _held(session, appointment_id, Appointment.id.in_(theirs))


async def of_host(session: Session, principal: Principal, appointment_id: UUID) -> Appointment:
    """An appointment that the caller may host. Raises NotFound, Forbidden, FeatureDisabled."""
    appointment = await _held(session, appointment_id)
    await must_host(session, principal, appointment.practitioner_id)
    return appointment


async def must_host(source: Source, principal: Principal, practitioner_id: UUID) -> None:
    """A session is for its practitioner and whoever supervises them, whatever else a role may do.

    Raises NotFound for an appointment that the caller does not see, Forbidden for one that they see only, and
    FeatureDisabled where the practice has video switched off.
    """
    if practitioner_id != principal.staff_id:
        row = await source.row(SUPERVISES, staff_id=principal.staff_id, practitioner_id=practitioner_id)
        if row is None and not principal.may(Permission.APPOINTMENTS_READ_ALL):
            raise NotFound
        if row is None:
            raise Forbidden("A session is for its practitioner and their supervisors.")
    if not (await features.of_practice(source)).features[Feature.VIDEO]:
        raise FeatureDisabled(feature=Feature.VIDEO, gate=features.Gate.PRACTICE)


async def opened(session: Session, appointment: Appointment) -> Meeting:
    """The meeting, if it can be joined now by the database's clock.

    Raises InvalidState where it is cancelled, NotByVideo, TooEarly with `opens_at`, Ended with `closed_at`.
    """
    if appointment.state not in ACTIVE_STATES:
        raise InvalidState(f"An appointment that is {appointment.state} cannot be joined.", state=appointment.state)
    if appointment.mode != Mode.VIDEO:
        raise NotByVideo("It takes place in person.")
    settings = (await session.execute(select(PortalSettings))).scalar_one()
    window, now = Window.of(appointment, settings), await clock.now(session)
    if now < window.opens_at:
        raise TooEarly("Come back when it opens.", opens_at=window.opens_at)
    if now >= window.closes_at:
        raise Ended("It can no longer be joined.", closed_at=window.closes_at)
    return Meeting(appointment, window, now, settings)


def room_of(vault: Vault, appointment: Appointment) -> str:
    """The room of this occurrence: another one once it is moved; nobody outside can say which (F11.B1)."""
    return room_at(vault, appointment.practice_id, appointment.id, appointment.starts_at)


def room_at(vault: Vault, practice_id: UUID, appointment_id: UUID, starts_at: datetime) -> str:
    """The same of an occurrence that may have been moved since."""
    return _room(vault, practice_id, str(appointment_id), starts_at.isoformat())


def waiting_room_of(vault: Vault, appointment: Appointment, participant_id: UUID) -> str:
    """A room of one participant's own: clients who wait never meet (F11.M4)."""
    parts = str(appointment.id), appointment.starts_at.isoformat(), str(participant_id)
    return _room(vault, appointment.practice_id, *parts)


def practice_of(room: str) -> UUID | None:
    """Whose room a provider speaks of: a room's name begins with its practice, as every secret of ours does."""
    try:
        return UUID(hex=room.partition("-")[0])
    except ValueError:
        return None


def _room(vault: Vault, practice_id: UUID, *parts: str) -> str:
    return f"{practice_id.hex}-{vault.mac(*parts, purpose='video-room').hex()[:32]}"


async def _held(session: Session, appointment_id: UUID, *conditions: ColumnElement[bool]) -> Appointment:
    """Shared with others who join; whoever moves or cancels it waits, or is waited for."""
    this = select(Appointment).where(Appointment.id == appointment_id, *conditions)
    appointment = (await session.execute(this.with_for_update(read=True, of=Appointment))).scalar_one_or_none()
    if appointment is None:
        raise NotFound
    return appointment
