"""Appointments changed by staff: another time, another place, other people."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import invalid
from portal_api.models.scheduling import Appointment, AppointmentRequest, Service
from portal_api.schemas.scheduling.appointments import AppointmentReschedule, AppointmentUpdate
from portal_api.services import audit, clients
from portal_api.services.scheduling import alternatives, claims, slots
from portal_api.services.scheduling.appointments import attendance, booking, reading, series
from portal_api.services.scheduling.appointments.recording import record
from portal_api.services.scheduling.claims import SlotTaken, Span

PLACE = {"mode", "location_id", "room_id"}


async def update(
    session: Session,
    principal: Principal,
    appointment_id: UUID,
    data: AppointmentUpdate,
    if_match: int | None,
    *,
    following: bool,
) -> dict[str, Any]:
    """Change what is given, of this appointment or also of those that follow in its series.

    Raises NotFound, Forbidden, PreconditionFailed with the current copy, InvalidState, SlotTaken for the room, Invalid.
    """
    changes = data.given()
    allow_overlap = bool(changes.pop("allow_overlap", False))
    for name in ("confidential", "mode"):
        if changes.get(name, name) is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    chosen = await reading.held(
        session, principal, appointment_id, following=following, room_id=data.room_id, if_match=if_match
    )
    if changes.keys() & PLACE:
        await _relocate(session, chosen, changes, allow_overlap=allow_overlap)
    former = {client_id for each in chosen for client_id in each.client_ids}
    if all(each.confidential == changes.get("confidential") for each in chosen):
        del changes["confidential"]  # it is so already: nobody is to learn of it
    if changes.keys() & attendance.FIELDS:
        await clients.must_see_all(session, principal, data.additional_client_ids or ())
        for each in chosen:
            await attendance.change(session, each, data)
        if "confidential" in changes:
            await _keep_requests_alike(session, principal, chosen)
    for each in chosen:
        each.note = changes.get("note", each.note)
    await record(session, principal, "appointment.updated", chosen, changed=changes, former=former)
    return await reading.get(session, appointment_id)


async def reschedule(
    session: Session, principal: Principal, appointment_id: UUID, data: AppointmentReschedule
) -> dict[str, Any]:
    """Move it, as one step: the old time is free only once the new one is taken (F10.M8).

    Raises NotFound, Forbidden, InvalidState, SlotTaken with alternatives, or with `clashes` for a series, Invalid.
    """
    chosen = await reading.held(session, principal, appointment_id, following=data.following, room_id=data.room_id)
    if data.room_id is not None:
        location_id = await booking.place(session, None, data.room_id)
        for each in chosen:
            each.location_id, each.room_id = location_id, data.room_id
    moves = await series.moved(session, chosen, data.starts_at)
    wish = (chosen[0].practitioner_id, chosen[0].service_id, data.starts_at)
    async with alternatives.offered(session, slots.STAFF, *wish):
        await retime(session, moves, allow_overlap=data.allow_overlap)
    await record(session, principal, "appointment.rescheduled", chosen)
    return await reading.get(session, appointment_id)


async def retime(
    session: Session,
    moves: Sequence[tuple[Appointment, datetime]],
    *,
    allow_overlap: bool = False,
    over_requests: bool = True,
) -> None:
    """Move appointments of one practitioner, all or none. Raises InvalidState, SlotTaken with all `clashes`."""
    service = await service_of(session, moves[0][0])
    for appointment, starts_at in moves:
        await claims.release(session, appointment.id)
        appointment.reschedule(starts_at, starts_at + (appointment.ends_at - appointment.starts_at))
    await session.flush()
    clashes: list[datetime] = []
    for appointment, starts_at in moves:
        try:
            appointment.allow_overlap = await claims.take_for_appointment(
                session,
                appointment.id,
                span_of(appointment, service),
                allow_overlap=allow_overlap,
                over_requests=over_requests,
            )
        except SlotTaken:
            clashes.append(starts_at)
    if clashes:
        raise SlotTaken("Something else is booked at this time.", clashes=clashes)


def span_of(appointment: Appointment, service: Service, starts_at: datetime | None = None) -> Span:
    """What it takes, there or elsewhere: as long as it was booked, with the buffers that its service has now."""
    span = Span.of(service, appointment.practitioner_id, starts_at or appointment.starts_at, appointment.room_id)
    ends_at = span.starts_at + (appointment.ends_at - appointment.starts_at)
    return replace(span, ends_at=ends_at, blocked_until=ends_at + (span.blocked_until - span.ends_at))


async def _keep_requests_alike(session: Session, principal: Principal, chosen: Sequence[Appointment]) -> None:
    """What tells guardians of a request tells them of its appointment."""
    for each in chosen:
        if each.request_id is not None:
            its = select(AppointmentRequest).where(AppointmentRequest.id == each.request_id).with_for_update()
            request = (await session.execute(its)).scalar_one()
            request.confidential = each.confidential
            await session.flush()
            await audit.record(
                session,
                principal,
                "appointment_request.updated",
                resource=("appointment_request", request.id),
                clients=[request.client_id] if request.client_id else [],
                changed=["confidential"],
            )


async def _relocate(
    session: Session, chosen: Sequence[Appointment], changes: dict[str, Any], *, allow_overlap: bool
) -> None:
    service = await service_of(session, chosen[0])
    for each in chosen:
        mode = changes.get("mode", each.mode)
        booking.must_offer(service, mode)
        old_room, location_id, room_id = each.room_id, each.location_id, changes.get("room_id", each.room_id)
        if changes.keys() & {"location_id", "room_id"}:
            # A new room tells its location; a location that is given must be the room's.
            kept = None if "room_id" in changes and room_id else location_id
            location_id = await booking.place(session, changes.get("location_id", kept), room_id)
        each.relocate(mode, location_id, room_id)
        if room_id != old_room:
            await session.flush()
            await claims.release(session, each.id)
            span = span_of(each, service)
            each.allow_overlap = await claims.take_for_appointment(session, each.id, span, allow_overlap=allow_overlap)


async def service_of(session: Session, appointment: Appointment) -> Service:
    return (await session.execute(select(Service).where(Service.id == appointment.service_id))).scalar_one()
