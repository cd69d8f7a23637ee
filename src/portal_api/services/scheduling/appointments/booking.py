"""Opening an appointment: the one way, whichever door it comes through.

Staff who book, a request that is accepted and a series all end here, so that the policy is frozen, the time is taken
and the event is recorded alike.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from portal_api.core.access import GrantPermission, Principal
from portal_api.core.db import Session
from portal_api.core.errors import NotFound, invalid
from portal_api.core.ids import new_id
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.scheduling import (
    Appointment,
    AppointmentAttendee,
    Location,
    Room,
    Schedule,
    Service,
)
from portal_api.services import audit
from portal_api.services.scheduling import claims, practitioners
from portal_api.services.scheduling.claims import Span
from portal_api.services.scheduling.services import offered_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What is booked.

    client_ids: who comes; the first is the one for whom it is booked. guardian_ids: accounts of guardians who come
    along. starts_at: on a whole minute, UTC.
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
    request_id: UUID | None = None
    series_id: UUID | None = None


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
    guardians: list[tuple[UUID, UUID]] = field(default_factory=list[tuple[UUID, UUID]])
    """Client and account."""


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
    terms = await agree(session, booking)
    return await open_at(
        session, principal, terms, booking.starts_at, allow_overlap=allow_overlap, over_requests=over_requests
    )


async def agree(session: Session, booking: Booking) -> Terms:
    """Hold the practitioner, the room and the clients, and check that the booking fits. Raises NotFound, Invalid."""
    await _hold_practitioner(session, booking.practitioner_id)
    location_id = await place(session, booking.location_id, booking.room_id)
    await hold_clients(session, booking.client_ids)
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
    invite(session, appointment, terms.guardians)
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


def invite(session: Session, appointment: Appointment, guardians: list[tuple[UUID, UUID]]) -> None:
    """Add the attendees: the appointment's clients, and guardians as (client, account)."""
    here = {"appointment_id": appointment.id, "starts_at": appointment.starts_at}
    for client_id in appointment.client_ids:
        primary = client_id == appointment.client_ids[0]
        session.add(AppointmentAttendee(id=new_id(), client_id=client_id, is_primary=primary, **here))
    for client_id, account_id in guardians:
        session.add(AppointmentAttendee(id=new_id(), client_id=client_id, account_id=account_id, **here))


async def place(session: Session, location_id: UUID | None, room_id: UUID | None) -> UUID | None:
    """Hold the room and return the location; a room tells its own. Raises Invalid unless both are in use and fit."""
    if room_id is not None:
        try:
            await claims.rooms_locked(session, [room_id])
        except NotFound:
            raise invalid("/room_id", "unknown_room", "Name a room of the practice that is in use.") from None
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


async def hold_clients(session: Session, client_ids: tuple[UUID, ...]) -> None:
    """Keep the clients from being archived meanwhile. Raises NotFound, Invalid for one who is archived."""
    held = select(Client.id, Client.archived_at).where(Client.id.in_(client_ids)).order_by(Client.id)
    rows = (await session.execute(held.with_for_update(read=True, key_share=True))).all()
    if set(client_ids) - {UUID(str(row.id)) for row in rows}:
        raise NotFound
    if any(row.archived_at for row in rows):
        raise invalid("/client_id", "client_archived", "This client is archived; restore the record first.")


async def guardians_of(
    session: Session, client_ids: tuple[UUID, ...], account_ids: tuple[UUID, ...]
) -> list[tuple[UUID, UUID]]:
    """Which of the clients each guardian may come along with, as (client, account).

    Raises Invalid for an account that may not see the appointments of any of them (F6.M1).
    """
    if not account_ids:
        return []
    living = or_(ClientGrant.valid_to.is_(None), ClientGrant.valid_to > func.now())
    found = select(ClientGrant.client_id, ClientGrant.account_id).where(
        ClientGrant.account_id.in_(account_ids),
        ClientGrant.client_id.in_(client_ids),
        ClientGrant.relationship != SELF,
        ClientGrant.permissions.contains([GrantPermission.APPOINTMENTS_VIEW.value]),
        and_(ClientGrant.revoked_at.is_(None), ClientGrant.valid_from <= func.now(), living),
    )
    rows = [(UUID(str(client)), UUID(str(account))) for client, account in (await session.execute(found)).all()]
    if set(account_ids) - {account for _, account in rows}:
        why = "Guardians come along with a client whose appointments they may see."
        raise invalid("/guardian_account_ids", "not_a_guardian", why)
    return rows


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
    guardians = await guardians_of(session, booking.client_ids, booking.guardian_ids)
    late, closed = row.late_within_minutes, row.closed_within_minutes
    return Terms(booking, row.Service, row.time_zone, late, closed, location_id, guardians)


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
        created_by=principal.account_id,
    )
