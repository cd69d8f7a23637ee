"""Requests that need nobody's answer: by the rule of their service they are appointments at once (F10.B2)."""

from datetime import timedelta

from sqlalchemy import ColumnElement, func, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Binding, Session
from portal_api.models.scheduling import (
    Appointment,
    AppointmentAttendee,
    AppointmentRequest,
    AutoAccept,
    Schedule,
    Service,
)
from portal_api.services.scheduling.appointments import booking
from portal_api.services.scheduling.requests import placing, reading
from portal_api.services.scheduling.requests.recording import recorded
from portal_api.services.scheduling.slots import wall

KEPT = ("booked", "checked_in", "attended")
"""Not every practice marks who was there: what was neither cancelled nor missed took place."""
USUAL = timedelta(weeks=8)
"""So long ago a client may have come last at what is their usual time."""
MOST_TO_COME = 10
"""Who has so many appointments to come waits for an answer: nobody fills a calendar without one (A25)."""


async def may_be(session: Session, request: AppointmentRequest, service: Service) -> bool:
    """Whether the service's rule accepts this request. The calendar and the client are held by the caller."""
    if service.auto_accept == AutoAccept.NONE or await _to_come(session, request) >= MOST_TO_COME:
        return False
    return service.auto_accept == AutoAccept.EXISTING or await _is_usual(session, request)


async def accept(session: Session, principal: Principal, request: AppointmentRequest) -> None:
    """Open the appointment: the program does, by the rule, for who asks. Raises Invalid, SlotTaken."""
    asked, caller = await reading.get_mine(session, principal, request.id), session.binding
    await session.rebind(Binding.system(principal.practice_id))
    terms = await booking.agree(session, placing.booking_of(asked))
    request.decide("accepted", await clock.now(session), by=None)
    await booking.open_at(session, principal, terms, request.starts_at, over_requests=False)
    program = Principal.program(principal.practice_id, principal.origin)
    await recorded(session, program, request, "appointment_request.accepted_at_once")
    await session.rebind(caller)


async def _to_come(session: Session, request: AppointmentRequest) -> int:
    ahead = select(func.count()).where(*_with_them(request), Appointment.starts_at > func.now())
    return await session.scalar(ahead) or 0


async def _is_usual(session: Session, request: AppointmentRequest) -> bool:
    """Whether the client has come, not long ago, on this weekday and at this time of the practitioner's clock."""
    came = select(Appointment.starts_at).where(
        *_with_them(request),
        Appointment.service_id == request.service_id,
        Appointment.ends_at <= func.now(),
        Appointment.starts_at >= request.starts_at - USUAL,
    )
    of_practitioner = Schedule.practitioner_id == request.practitioner_id
    zone = await session.scalar(select(Schedule.time_zone).where(of_practitioner)) or "UTC"
    times = [request.starts_at, *await session.scalars(came)]
    wished, *before = (wall.minute_of_week(zone, wall.minute_of(at)) for at in times)
    return wished in before


def _with_them(request: AppointmentRequest) -> tuple[ColumnElement[bool], ...]:
    """The client's appointments with the practitioner."""
    theirs = select(AppointmentAttendee.appointment_id).where(AppointmentAttendee.client_id == request.client_id)
    return (
        Appointment.id.in_(theirs),
        Appointment.practitioner_id == request.practitioner_id,
        Appointment.state.in_(KEPT),
    )
