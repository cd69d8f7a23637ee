"""Appointments and series of them, for staff."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanReadAppointments, CanWriteAppointments, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.base import Page
from portal_api.schemas.scheduling.appointments import (
    Appointment,
    AppointmentCancel,
    AppointmentCreate,
    AppointmentFilters,
    AppointmentReschedule,
    AppointmentScope,
    AppointmentSeries,
    AppointmentUpdate,
    CreatedSeries,
    SeriesCreate,
)
from portal_api.services.scheduling.appointments import changing, ending, records, series
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="scheduling")


@router.get("/appointments", response_model=Page[Appointment])
async def list_appointments(
    filters: Annotated[AppointmentFilters, Query()], reader: ReaderDep, principal: CanReadAppointments
) -> Any:
    """Appointments on the calendars that the caller sees: everybody's, or the own and those of whom they supervise."""
    return await records.page(reader, principal, filters)


@router.post("/appointments", status_code=201, response_model=Appointment)
async def create_appointment(data: AppointmentCreate, session: SessionDep, principal: CanWriteAppointments) -> Any:
    """Book an appointment, within a practitioner's hours or outside of them."""
    return await records.create(session, principal, data)


@router.get("/appointments/{appointment_id}", response_model=Appointment)
async def get_appointment(appointment_id: UUID, reader: ReaderDep, principal: CanReadAppointments) -> Any:
    """One appointment."""
    return await records.get(reader, principal, appointment_id)


@router.patch("/appointments/{appointment_id}", response_model=Appointment)
async def update_appointment(
    appointment_id: UUID,
    data: AppointmentUpdate,
    scope: Annotated[AppointmentScope, Query()],
    session: SessionDep,
    principal: CanWriteAppointments,
    if_match: IfMatch,
) -> Any:
    """Change where, how and with whom an appointment takes place. Its time is changed by rescheduling it."""
    return await changing.update(session, principal, appointment_id, data, if_match, following=scope.following)


@router.post("/appointments/{appointment_id}/reschedule", response_model=Appointment)
async def reschedule_appointment(
    appointment_id: UUID, data: AppointmentReschedule, session: SessionDep, principal: CanWriteAppointments
) -> Any:
    """Move an appointment to another time, in one step."""
    return await changing.reschedule(session, principal, appointment_id, data)


@router.post("/appointments/{appointment_id}/cancel", response_model=Appointment)
async def cancel_appointment(
    appointment_id: UUID, session: SessionDep, principal: CanWriteAppointments, data: AppointmentCancel | None = None
) -> Any:
    """Cancel an appointment for the practice. It is not late, and costs nothing, unless you say so."""
    return await ending.cancel(session, principal, appointment_id, data)


@router.post("/appointments/{appointment_id}/check-in", response_model=Appointment)
async def check_in_appointment(appointment_id: UUID, session: SessionDep, principal: CanWriteAppointments) -> Any:
    """The client is here."""
    return await ending.mark(session, principal, appointment_id, "checked_in")


@router.post("/appointments/{appointment_id}/attended", response_model=Appointment)
async def mark_appointment_attended(appointment_id: UUID, session: SessionDep, principal: CanWriteAppointments) -> Any:
    """The client came."""
    return await ending.mark(session, principal, appointment_id, "attended")


@router.post("/appointments/{appointment_id}/no-show", response_model=Appointment)
async def mark_appointment_no_show(appointment_id: UUID, session: SessionDep, principal: CanWriteAppointments) -> Any:
    """The client did not come."""
    return await ending.mark(session, principal, appointment_id, "no_show")


@router.post("/appointments/{appointment_id}/reopen", response_model=Appointment)
async def reopen_appointment(appointment_id: UUID, session: SessionDep, principal: CanWriteAppointments) -> Any:
    """Take back that the client came, did not come or is here."""
    return await ending.mark(session, principal, appointment_id, "booked")


@router.post("/appointment-series", status_code=201, response_model=CreatedSeries)
async def create_appointment_series(data: SeriesCreate, session: SessionDep, principal: CanWriteAppointments) -> Any:
    """Book a series of appointments: at the same time of the day, whatever the clocks do, each one for itself."""
    return await series.create(session, principal, data)


@router.get("/appointment-series/{series_id}", response_model=AppointmentSeries)
async def get_appointment_series(series_id: UUID, reader: ReaderDep, principal: CanReadAppointments) -> Any:
    """A series with its appointments."""
    return await series.get(reader, principal, series_id)
