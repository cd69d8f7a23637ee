"""Appointments, for the clients who have them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanCancelAppointments, HasAppointments, ReaderDep, SessionDep
from portal_api.schemas.base import Page
from portal_api.schemas.scheduling.mine import MyAppointment, MyAppointmentQuery, MyCancellation, MyReschedule
from portal_api.services.scheduling.appointments import mine
from portal_api.web.replies import Reply
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/me/appointments", tag="scheduling")


@router.get("", response_model=Page[MyAppointment])
async def list_my_appointments(
    query: Annotated[MyAppointmentQuery, Query()], reader: ReaderDep, principal: HasAppointments
) -> Any:
    """What is to come; with `past`, the complete history, with what was cancelled, late or not, and missed."""
    return await mine.page(reader, principal, query)


@router.get("/{appointment_id}", response_model=MyAppointment)
async def get_my_appointment(appointment_id: UUID, reader: ReaderDep, principal: HasAppointments) -> Any:
    """One appointment."""
    return Reply(await mine.get(reader, principal, appointment_id), tagged=True)


@router.post("/{appointment_id}/cancel", response_model=MyAppointment)
async def cancel_my_appointment(
    appointment_id: UUID, session: SessionDep, principal: CanCancelAppointments, data: MyCancellation | None = None
) -> Any:
    """Cancel an appointment: until `late_from` freely, until `closed_from` late."""
    return await mine.cancel(session, principal, appointment_id, data)


@router.post("/{appointment_id}/reschedule", response_model=MyAppointment)
async def reschedule_my_appointment(
    appointment_id: UUID, data: MyReschedule, session: SessionDep, principal: CanCancelAppointments
) -> Any:
    """Move an appointment to another time that is offered, until `late_from`, where the practice lets clients do so."""
    return await mine.reschedule(session, principal, appointment_id, data)
