"""Locations and their rooms."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanReadAvailability,
    CanReadLocations,
    CanWriteLocations,
    IfMatch,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.base import Page
from portal_api.schemas.scheduling.locations import (
    Location,
    LocationCreate,
    LocationFilters,
    LocationUpdate,
    Room,
    RoomCreate,
    RoomFilters,
    RoomUpdate,
)
from portal_api.services.scheduling import locations, rooms
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="scheduling")


@router.get("/locations", response_model=Page[Location])
async def list_locations(
    filters: Annotated[LocationFilters, Query()], reader: ReaderDep, principal: CanReadLocations
) -> Any:
    """Where the practice works. Clients see those in use."""
    return await locations.page(reader, principal, filters)


@router.post("/locations", status_code=201, response_model=Location)
async def create_location(data: LocationCreate, session: SessionDep, principal: CanWriteLocations) -> Any:
    """Add a location."""
    return await locations.create(session, principal, data)


@router.get("/locations/{location_id}", response_model=Location)
async def get_location(location_id: UUID, reader: ReaderDep, principal: CanReadLocations) -> Any:
    """One location."""
    return await locations.get(reader, principal, location_id)


@router.patch("/locations/{location_id}", response_model=Location)
async def update_location(
    location_id: UUID, data: LocationUpdate, session: SessionDep, principal: CanWriteLocations, if_match: IfMatch
) -> Any:
    """Change a location."""
    return await locations.update(session, principal, location_id, data, if_match)


@router.post("/locations/{location_id}/archive", response_model=Location)
async def archive_location(location_id: UUID, session: SessionDep, principal: CanWriteLocations) -> Any:
    """Take a location out of use. Appointments that are booked there stay."""
    return await locations.archive(session, principal, location_id)


@router.post("/locations/{location_id}/restore", response_model=Location)
async def restore_location(location_id: UUID, session: SessionDep, principal: CanWriteLocations) -> Any:
    """Take an archived location into use again."""
    return await locations.restore(session, principal, location_id)


@router.get("/locations/{location_id}/rooms", response_model=Page[Room])
async def list_rooms(
    location_id: UUID, filters: Annotated[RoomFilters, Query()], reader: ReaderDep, principal: CanReadAvailability
) -> Any:
    """The rooms of a location."""
    return await rooms.page(reader, principal, location_id, filters)


@router.post("/locations/{location_id}/rooms", status_code=201, response_model=Room)
async def create_room(location_id: UUID, data: RoomCreate, session: SessionDep, principal: CanWriteLocations) -> Any:
    """Add a room. It takes one appointment at a time."""
    return await rooms.create(session, principal, location_id, data)


@router.patch("/rooms/{room_id}", response_model=Room)
async def update_room(
    room_id: UUID, data: RoomUpdate, session: SessionDep, principal: CanWriteLocations, if_match: IfMatch
) -> Any:
    """Rename a room."""
    return await rooms.update(session, principal, room_id, data, if_match)


@router.post("/rooms/{room_id}/archive", response_model=Room)
async def archive_room(room_id: UUID, session: SessionDep, principal: CanWriteLocations) -> Any:
    """Take a room out of use. Appointments that are booked there stay."""
    return await rooms.archive(session, principal, room_id)
