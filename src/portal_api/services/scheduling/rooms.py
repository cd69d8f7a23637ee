"""The rooms of a location."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import Conflict, InvalidState, NotFound, PreconditionFailed, invalid, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.scheduling import Room
from portal_api.schemas.scheduling.locations import RoomCreate, RoomFilters, RoomUpdate
from portal_api.services import audit
from portal_api.services.paging import Pager
from portal_api.services.scheduling import locations

COLUMNS = (
    Room.id,
    Room.location_id,
    Room.name,
    Room.archived_at,
    Room.created_at,
    Room.updated_at,
    Room.version,
)
ONE = Read(select(*COLUMNS).where(Room.id == bindparam("room_id")))


class RoomNameTaken(Conflict):
    code, title = locations.LocationNameTaken.code, locations.LocationNameTaken.title


on_constraint("uq_room_name", RoomNameTaken)


async def page(reader: Reader, principal: Principal, location_id: UUID, filters: RoomFilters) -> dict[str, Any]:
    """The rooms of a location, newest first. Raises NotFound."""
    await locations.get(reader, principal, location_id)
    pager = Pager(reader, principal, f"rooms/{location_id}", filters, "id")
    read = _many(archived=filters.archived, resumed=pager.position is not None)
    after_id = UUID(pager.position[0]) if pager.position else None
    rows = await reader.rows(read, location_id=location_id, after_id=after_id, limit=pager.limit + 1)
    return pager.envelope(rows)


async def create(session: Session, principal: Principal, location_id: UUID, data: RoomCreate) -> dict[str, Any]:
    """Add a room. Raises NotFound, RoomNameTaken."""
    await locations.get(session, principal, location_id)
    room = Room(id=new_id(), location_id=location_id, name=data.name)
    session.add(room)
    await session.flush()
    await audit.record(session, principal, "room.created", resource=("room", room.id))
    return await _get(session, room.id)


async def update(
    session: Session, principal: Principal, room_id: UUID, data: RoomUpdate, if_match: int | None
) -> dict[str, Any]:
    """Rename a room. Raises NotFound, PreconditionFailed with the current copy, Invalid, RoomNameTaken."""
    room = await _locked(session, room_id)
    if if_match is not None and room.version != if_match:
        raise PreconditionFailed(current=await _get(session, room_id))
    changes = data.given()
    if "name" in changes:
        if data.name is None:
            raise invalid("/name", "null_not_allowed", "This cannot be cleared.")
        room.name = data.name
    await session.flush()
    await audit.record(session, principal, "room.updated", resource=("room", room.id), changed=changes)
    return await _get(session, room_id)


async def archive(session: Session, principal: Principal, room_id: UUID) -> dict[str, Any]:
    """Take a room out of use. Raises NotFound, InvalidState."""
    room = await _locked(session, room_id)
    if room.archived_at is not None:
        raise InvalidState("The room is archived already.", state="archived")
    room.archived_at = await clock.now(session)
    await session.flush()
    await audit.record(session, principal, "room.archived", resource=("room", room.id))
    return await _get(session, room_id)


async def _get(source: Source, room_id: UUID) -> dict[str, Any]:
    row = await source.row(ONE, room_id=room_id)
    if row is None:
        raise NotFound
    return row


async def _locked(session: Session, room_id: UUID) -> Room:
    held = select(Room).where(Room.id == room_id).with_for_update(key_share=True)
    room = (await session.execute(held)).scalar_one_or_none()
    if room is None:
        raise NotFound
    return room


@cache
def _many(*, archived: bool, resumed: bool) -> Read:
    wanted = Room.archived_at.is_not(None) if archived else Room.archived_at.is_(None)
    statement = select(*COLUMNS).where(Room.location_id == bindparam("location_id"), wanted)
    if resumed:
        statement = statement.where(Room.id < bindparam("after_id"))
    return Read(statement.order_by(Room.id.desc()).limit(bindparam("limit")))
