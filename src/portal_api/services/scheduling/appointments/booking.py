"""Opening an appointment: the one way, whichever door it comes through.

Staff who book, a request that is accepted and a series all end here, so that the policy is frozen, the time is taken
and the event is recorded alike.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import NotFound, invalid
from portal_api.core.ids import new_id
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.scheduling import (
    Appointment,
    Location,
    Room,
    Schedule,
    Service,
)
from portal_api.schemas.scheduling.appointments import AppointmentCreate
from portal_api.services import audit
from portal_api.services.scheduling import claims, practitioners
from portal_api.services.scheduling.appointments import attendance
from portal_api.services.scheduling.claims import Span
from portal_api.services.scheduling.services import offered_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What is booked.

    client_ids: who comes; the first is the one for whom it is booked. guardian_ids: accounts of guardians who come
    along. starts_at: on a whole minute, UTC. confidential: no guardian sees it (F6.B3).
    """

    practitioner_id: UUID
    service_id: UUID
    client_ids: tuple[UUID, ...]
    starts_at: datetime
    mode: str
    location_id: UUID | None = None
    room_id: UUID | None = None
    guardian_ids: tuple[UUID, ...] = ()
    note: str | None = None
    confidential: bool = False
    request_id: UUID | None = None
    series_id: UUID | None = None


def wanted(data: AppointmentCreate) -> Booking:
    """What somebody on the staff asks for."""
    return Booking(
        practitioner_id=data.practitioner_id,
        service_id=data.service_id,
        client_ids=data.client_ids,
        starts_at=data.starts_at,
        mode=data.mode,
        location_id=data.location_id,
        room_id=data.room_id,
        guardian_ids=tuple(data.guardian_account_ids),
        note=data.note,
        confidential=data.confidential,
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a booking at the moment when it is made, and everything that stands behind it held."""

    booking: Booking
    service: Service
    time_zone: str
    """The practitioner's."""
    late_within_minutes: int
    closed_within_minutes: int
    location_id: UUID | None
    guardians: attendance.Guardians


async def book(
    session: Session,
    principal: Principal,
    booking: Booking,
    *,
    allow_overlap: bool = False,
    over_requests: bool = True,
) -> Appointment:
    """Open an appointment, with its attendees and its time, and record it.

    The caller has seen to it that the principal may book for these clients on this calendar. allow_overlap and
    over_requests as for `claims.take_for_appointment`; a request that is being accepted has given its time back
    before. Raises SlotTaken, NotFound for an unknown client, Invalid for whatever else does not fit.
    """
    if not allow_overlap:
        await claims.glance(session, booking.practitioner_id, booking.starts_at)
    terms = await agree(session, booking)
    return await open_at(
        session, principal, terms, booking.starts_at, allow_overlap=allow_overlap, over_requests=over_requests
    )


async def agree(session: Session, booking: Booking) -> Terms:
    """Hold the practitioner, the room and the clients, and check that the booking fits. Raises NotFound, Invalid."""
    await _hold_practitioner(session, booking.practitioner_id)
    location_id = await place(session, booking.location_id, booking.room_id)
    await attendance.hold(session, booking.client_ids)
    return await _terms(session, booking, location_id)


async def open_at(
    session: Session,
    principal: Principal,
    terms: Terms,
    starts_at: datetime,
    *,
    allow_overlap: bool = False,
    over_requests: bool = True,
) -> Appointment:
    """Open the appointment that was agreed on at this time; a series does it many times. Raises SlotTaken."""
    booking = terms.booking
    span = Span.of(terms.service, booking.practitioner_id, starts_at, booking.room_id)
    appointment = _appointment(principal, terms, span)
    session.add(appointment)
    await session.flush()
    attendance.invite(session, appointment, terms.guardians)
    appointment.allow_overlap = await claims.take_for_appointment(
        session, appointment.id, span, allow_overlap=allow_overlap, over_requests=over_requests
    )
    details = {"mode": booking.mode, "overlaps": appointment.allow_overlap}
    links = {"series_id": booking.series_id, "request_id": booking.request_id}
    await audit.record(
        session,
        principal,
        "appointment.booked",
        resource=("appointment", appointment.id),
        clients=booking.client_ids,
        details=details | {name: str(link) for name, link in links.items() if link},
    )
    return appointment


async def hold_rooms(session: Session, room_ids: Collection[UUID]) -> None:
    """Hold the rooms, after the practitioners. Raises Invalid for an unknown one."""
    try:
        await claims.rooms_locked(session, room_ids)
    except NotFound:
        raise invalid("/room_id", "unknown_room", "Name a room of the practice that is in use.") from None


async def place(session: Session, location_id: UUID | None, room_id: UUID | None) -> UUID | None:
    """Hold the room and return the location; a room tells its own. Raises Invalid unless both are in use and fit."""
    if room_id is not None:
        await hold_rooms(session, [room_id])
        held = select(Room.location_id, Room.archived_at).where(Room.id == room_id)
        room = (await session.execute(held)).one()
        if room.archived_at is not None:
            raise invalid("/room_id", "unknown_room", "Name a room of the practice that is in use.")
        if location_id not in (None, room.location_id):
            raise invalid("/room_id", "room_elsewhere", "This room belongs to another location.")
        location_id = UUID(str(room.location_id))
    if location_id is not None:
        known = select(Location.id).where(Location.id == location_id, Location.archived_at.is_(None))
        if (await session.execute(known)).first() is None:
            raise invalid("/location_id", "unknown_location", "Name a location of the practice that is in use.")
    return location_id


def must_offer(service: Service, mode: str) -> None:
    """Raise Invalid unless the service can be had in this way."""
    if mode not in service.modes:
        raise invalid("/mode", "mode_not_offered", f"This service is offered as: {', '.join(service.modes)}.")


async def _hold_practitioner(session: Session, practitioner_id: UUID) -> None:
    wrong = invalid("/practitioner_id", "unknown_practitioner", "Name an active practitioner of the practice.")
    try:
        staff = (await practitioners.locked(session, [practitioner_id]))[practitioner_id]
    except NotFound:
        raise wrong from None
    if not practitioners.practises(staff.state, staff.roles):
        raise wrong


async def _terms(session: Session, booking: Booking, location_id: UUID | None) -> Terms:
    offered = offered_by(booking.practitioner_id)
    facts = (
        select(
            Service,
            offered.label("offered"),
            func.coalesce(Schedule.time_zone, Practice.time_zone).label("time_zone"),
            PortalSettings.late_within_minutes,
            PortalSettings.closed_within_minutes,
        )
        .select_from(Service)
        .join(Practice, Practice.id == session.binding.practice_id)
        .join(PortalSettings, PortalSettings.practice_id == Service.practice_id)
        .outerjoin(Schedule, Schedule.practitioner_id == booking.practitioner_id)
        .where(Service.id == booking.service_id)
    )
    row = (await session.execute(facts)).one_or_none()
    if row is None or row.Service.archived_at is not None:
        raise invalid("/service_id", "unknown_service", "Name a service of the practice that is in use.")
    if not row.offered:
        raise invalid("/service_id", "service_not_offered", "This practitioner does not offer this service.")
    must_offer(row.Service, booking.mode)
    attendance.must_be_apart(confidential=booking.confidential, guardians=booking.guardian_ids)
    along = await attendance.guardians(session, booking.client_ids, booking.guardian_ids)
    late, closed = row.late_within_minutes, row.closed_within_minutes
    return Terms(booking, row.Service, row.time_zone, late, closed, location_id, along)


def _appointment(principal: Principal, terms: Terms, span: Span) -> Appointment:
    booking, service, id = terms.booking, terms.service, new_id()
    return Appointment(
        id=id,
        practitioner_id=booking.practitioner_id,
        service_id=service.id,
        location_id=terms.location_id,
        room_id=booking.room_id,
        client_ids=list(booking.client_ids),
        mode=booking.mode,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        time_zone=terms.time_zone,
        series_id=booking.series_id,
        request_id=booking.request_id,
        price_amount=service.price_amount,
        price_currency=service.price_currency,
        late_within_minutes=terms.late_within_minutes,
        closed_within_minutes=terms.closed_within_minutes,
        late_fee_amount=service.late_cancellation_fee_amount,
        late_fee_currency=service.late_cancellation_fee_currency,
        uid=str(id),
        note=booking.note,
        confidential=booking.confidential,
        created_by=principal.account_id,
    )
