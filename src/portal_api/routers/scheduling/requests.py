"""Appointment requests: clients ask for a time, staff answer."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanDecideAppointmentRequests,
    CanReadAppointments,
    CanRequestAppointments,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.base import Page
from portal_api.schemas.scheduling.requests import (
    AcceptedRequest,
    AppointmentRequest,
    AppointmentRequestCreate,
    CounterOfferCreate,
    MyAppointmentRequest,
    MyRequestFilters,
    RequestAcceptance,
    RequestFilters,
    RequestRefusal,
)
from portal_api.services.scheduling import requests
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="scheduling")


@router.post("/me/appointment-requests", status_code=201, response_model=MyAppointmentRequest)
async def create_my_appointment_request(
    data: AppointmentRequestCreate, session: SessionDep, principal: CanRequestAppointments
) -> Any:
    """Ask for a time that is offered. It is held against other clients until it is answered or expires."""
    return await requests.create(session, principal, data)


@router.get("/me/appointment-requests", response_model=Page[MyAppointmentRequest])
async def list_my_appointment_requests(
    filters: Annotated[MyRequestFilters, Query()], reader: ReaderDep, principal: CanRequestAppointments
) -> Any:
    """The times that were asked for, newest first."""
    return await requests.page_mine(reader, principal, filters)


@router.get("/me/appointment-requests/{request_id}", response_model=MyAppointmentRequest)
async def get_my_appointment_request(request_id: UUID, reader: ReaderDep, principal: CanRequestAppointments) -> Any:
    """One request."""
    return await requests.get_mine(reader, principal, request_id)


@router.post("/me/appointment-requests/{request_id}/withdraw", response_model=MyAppointmentRequest)
async def withdraw_my_appointment_request(
    request_id: UUID, session: SessionDep, principal: CanRequestAppointments
) -> Any:
    """Take a request back."""
    return await requests.withdraw(session, principal, request_id)


@router.post("/me/appointment-requests/{request_id}/accept", response_model=MyAppointmentRequest)
async def accept_counter_offer(request_id: UUID, session: SessionDep, principal: CanRequestAppointments) -> Any:
    """Take the other time that the practice offers: it becomes an appointment at once."""
    return await requests.accept_counter_offer(session, principal, request_id)


@router.post("/me/appointment-requests/{request_id}/decline", response_model=MyAppointmentRequest)
async def decline_counter_offer(
    request_id: UUID, session: SessionDep, principal: CanRequestAppointments, data: RequestRefusal | None = None
) -> Any:
    """Turn down the other time that the practice offers, which ends the request."""
    return await requests.decline_counter_offer(session, principal, request_id, data)


@router.get("/appointment-requests", response_model=Page[AppointmentRequest])
async def list_appointment_requests(
    filters: Annotated[RequestFilters, Query()], reader: ReaderDep, principal: CanReadAppointments
) -> Any:
    """Requests on one's own calendar, newest first; for schedulers, owners and admins those on every calendar."""
    return await requests.page(reader, principal, filters)


@router.get("/appointment-requests/{request_id}", response_model=AppointmentRequest)
async def get_appointment_request(request_id: UUID, reader: ReaderDep, principal: CanReadAppointments) -> Any:
    """One request."""
    return await requests.get(reader, principal, request_id)


@router.post("/appointment-requests/{request_id}/accept", response_model=AcceptedRequest)
async def accept_appointment_request(
    request_id: UUID,
    session: SessionDep,
    principal: CanDecideAppointmentRequests,
    data: RequestAcceptance | None = None,
) -> Any:
    """Open the appointment that was asked for."""
    return await requests.accept(session, principal, request_id, data)


@router.post("/appointment-requests/{request_id}/decline", response_model=AppointmentRequest)
async def decline_appointment_request(
    request_id: UUID, session: SessionDep, principal: CanDecideAppointmentRequests, data: RequestRefusal | None = None
) -> Any:
    """Say no to a request; its time is free at once."""
    return await requests.decline(session, principal, request_id, data)


@router.post("/appointment-requests/{request_id}/counter-offer", response_model=AppointmentRequest)
async def make_counter_offer(
    request_id: UUID, data: CounterOfferCreate, session: SessionDep, principal: CanDecideAppointmentRequests
) -> Any:
    """Offer another time, which is held for the client in place of the one that was asked for."""
    return await requests.counter_offer(session, principal, request_id, data)
