"""When practitioners can be booked, and when they are away."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanReadAvailability, CanWriteAvailability, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.base import Page
from portal_api.schemas.scheduling.availability import (
    Availability,
    AvailabilityPut,
    TimeOff,
    TimeOffCreate,
    TimeOffFilters,
)
from portal_api.services.scheduling import availability, time_off
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="scheduling")


@router.get("/practitioners/{practitioner_id}/availability", response_model=Availability)
async def get_availability(practitioner_id: UUID, reader: ReaderDep, principal: CanReadAvailability) -> Any:
    """The hours that a practitioner offers."""
    return await availability.get(reader, practitioner_id)


@router.put("/practitioners/{practitioner_id}/availability", response_model=Availability)
async def put_availability(
    practitioner_id: UUID,
    data: AvailabilityPut,
    session: SessionDep,
    principal: CanWriteAvailability,
    if_match: IfMatch,
) -> Any:
    """Replace the hours that a practitioner offers. What is booked already stays."""
    return await availability.put(session, principal, practitioner_id, data, if_match)


@router.get("/practitioners/{practitioner_id}/time-off", response_model=Page[TimeOff])
async def list_time_off(
    practitioner_id: UUID,
    filters: Annotated[TimeOffFilters, Query()],
    reader: ReaderDep,
    principal: CanReadAvailability,
) -> Any:
    """When a practitioner is away."""
    return await time_off.page(reader, practitioner_id, principal, filters)


@router.post("/practitioners/{practitioner_id}/time-off", status_code=201, response_model=TimeOff)
async def create_time_off(
    practitioner_id: UUID, data: TimeOffCreate, session: SessionDep, principal: CanWriteAvailability
) -> Any:
    """A practitioner is away: no times are offered in it. Appointments that are booked there stay."""
    return await time_off.create(session, principal, practitioner_id, data)


@router.delete("/time-off/{time_off_id}", status_code=204, response_model=None)
async def delete_time_off(time_off_id: UUID, session: SessionDep, principal: CanWriteAvailability) -> Any:
    """The practitioner is there after all."""
    return await time_off.remove(session, principal, time_off_id)
