"""Appointments, for staff."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanReadAppointments, CanWriteAppointments, ReaderDep, SessionDep
from portal_api.schemas.base import Page
from portal_api.schemas.scheduling.appointments import Appointment, AppointmentCreate, AppointmentFilters
from portal_api.services.scheduling.appointments import records
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/appointments", tag="scheduling")


@router.get("", response_model=Page[Appointment])
async def list_appointments(
    filters: Annotated[AppointmentFilters, Query()], reader: ReaderDep, principal: CanReadAppointments
) -> Any:
    """Appointments on the calendars that the caller sees: everybody's, or the own and those of whom they supervise."""
    return await records.page(reader, principal, filters)


@router.post("", status_code=201, response_model=Appointment)
async def create_appointment(data: AppointmentCreate, session: SessionDep, principal: CanWriteAppointments) -> Any:
    """Book an appointment, within a practitioner's hours or outside of them."""
    return await records.create(session, principal, data)


@router.get("/{appointment_id}", response_model=Appointment)
async def get_appointment(appointment_id: UUID, reader: ReaderDep, principal: CanReadAppointments) -> Any:
    """One appointment."""
    return await records.get(reader, principal, appointment_id)
