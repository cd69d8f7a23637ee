"""What staff do with requests: accept, decline, offer another time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core import clock
from portal_api.core.access import Permission, Principal
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, InvalidState, invalid
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import AppointmentRequest, Service
from portal_api.schemas.scheduling.requests import CounterOfferCreate, RequestAcceptance, RequestRefusal
from portal_api.services.scheduling import appointments, claims, practitioners, slots
from portal_api.services.scheduling.appointments import booking
from portal_api.services.scheduling.claims import Span
from portal_api.services.scheduling.requests import placing, reading
from portal_api.services.scheduling.requests.recording import recorded


class NotAClient(Conflict):
    code, title = "not_a_client", "The person who asks has no client record yet"


async def accept(
    session: Session, principal: Principal, request_id: UUID, data: RequestAcceptance | None
) -> dict[str, Any]:
    """Open an appointment at the time that was asked for; the request and the appointment are returned.

    Raises NotFound, Forbidden, NotAClient, InvalidState, Invalid, and SlotTaken with alternatives where the time has
    gone to somebody else meanwhile.
    """
    row, choices = await _decidable(session, principal, request_id), data or RequestAcceptance()
    terms = await booking.agree(session, _booking(row, choices))
    request = await reading.locked(session, request_id)
    await _end(session, principal, request, "accepted")
    async with placing.others(session, slots.STAFF, request):
        appointment = await booking.open_at(
            session, principal, terms, request.starts_at, allow_overlap=choices.allow_overlap, over_requests=False
        )
    await recorded(session, principal, request, "appointment_request.accepted")
    answer = await reading.get(session, principal, request_id)
    return answer | {"appointment": await appointments.answer_for(session, appointment.id)}


async def decline(
    session: Session, principal: Principal, request_id: UUID, data: RequestRefusal | None
) -> dict[str, Any]:
    """Say no; the time is free at once. Raises NotFound, Forbidden, InvalidState."""
    await _visible(session, principal, request_id)
    request, _ = await reading.held(session, request_id)
    await _end(session, principal, request, "declined", data.message if data else None)
    await recorded(session, principal, request, "appointment_request.declined")
    return await reading.get(session, principal, request_id)


async def counter_offer(
    session: Session, principal: Principal, request_id: UUID, data: CounterOfferCreate
) -> dict[str, Any]:
    """Offer another time, which is held instead of the one asked for until the client answers or the request expires.

    Raises NotFound, Forbidden, NotAClient, InvalidState, Invalid, and SlotTaken with alternatives.
    """
    await _decidable(session, principal, request_id)
    request, _ = await reading.held(session, request_id)
    service, now, expires_at = await _terms(session, request, data.starts_at)
    if data.starts_at <= now:
        raise invalid("/starts_at", "past", "Offer a time that lies ahead.")
    if data.starts_at == request.starts_at:
        raise invalid("/starts_at", "same_time", "This is the time that was asked for: accept the request instead.")
    span = Span.of(service, request.practitioner_id, data.starts_at)
    request.offer(span.starts_at, span.ends_at, now, principal.account_id, data.message)
    request.expires_at = expires_at
    await claims.release(session, request.id)
    await session.flush()
    async with placing.others(session, slots.STAFF, request, at=data.starts_at):
        await claims.take_for_request(session, request.id, span, request.expires_at)
    await recorded(session, principal, request, "appointment_request.counter_offered")
    return await reading.get(session, principal, request_id)


async def _visible(session: Session, principal: Principal, request_id: UUID) -> dict[str, Any]:
    """The request on a calendar that the caller keeps. Raises NotFound, Forbidden for one they only read."""
    row = await reading.get(session, principal, request_id)
    practitioners.must_be_own(principal, UUID(str(row["practitioner_id"])), Permission.APPOINTMENTS_WRITE_ALL)
    return row


async def _decidable(session: Session, principal: Principal, request_id: UUID) -> dict[str, Any]:
    """The same, of a client, as it stands before anything is locked.

    Raises InvalidState, NotAClient where the person has no record that an appointment could be of.
    """
    row = await _visible(session, principal, request_id)
    if row["state"] != "requested":
        opened = {"appointment_id": row["appointment_id"]} if row["appointment_id"] else {}
        raise InvalidState(f"A request that is {row['state']} waits for no answer.", state=row["state"], **opened)
    if row["client_id"] is None:
        raise NotAClient(
            "Make the prospect a client, or associate them with one, and then answer the request.",
            prospect_id=row["requester"]["prospect_id"],
        )
    return row


async def _end(
    session: Session, principal: Principal, request: AppointmentRequest, to: str, message: str | None = None
) -> None:
    now = await clock.now(session)
    request.must_be_open(now)
    request.decide(to, now, principal.account_id, message)
    await claims.release(session, request.id)
    await session.flush()


async def _terms(session: Session, request: AppointmentRequest, at: datetime) -> tuple[Service, datetime, datetime]:
    """The service, now, and when an offer for this time ends."""
    facts = (
        select(Service, func.now(), PortalSettings.request_ttl_hours)
        .join(PortalSettings, PortalSettings.practice_id == Service.practice_id)
        .where(Service.id == request.service_id)
    )
    service, now, hours = (await session.execute(facts)).one()
    return service, now, min(now + timedelta(hours=hours), at)


def _booking(row: dict[str, Any], choices: RequestAcceptance) -> booking.Booking:
    """What was asked for, at the place that was chosen; a room tells its own location."""
    asked = placing.booking_of(row)
    if choices.location_id is None and choices.room_id is None:
        return asked
    return replace(asked, location_id=choices.location_id, room_id=choices.room_id)
