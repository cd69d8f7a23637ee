"""Locations."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, tuple_

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import Conflict, NotFound, PreconditionFailed, invalid, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.scheduling import Location
from portal_api.schemas.practices import Address
from portal_api.schemas.scheduling.locations import LocationCreate, LocationFilters, LocationUpdate
from portal_api.services import audit
from portal_api.services.merging import merged
from portal_api.services.paging import Pager

REQUIRED = ("name", "hide_address")
COLUMNS = (
    Location.id,
    Location.name,
    Location.address,
    Location.hide_address,
    Location.phone,
    Location.directions,
    Location.archived_at,
    Location.created_at,
    Location.updated_at,
    Location.version,
)
ONE = Read(select(*COLUMNS).where(Location.id == bindparam("location_id")))


class LocationNameTaken(Conflict):
    code, title = "name_taken", "Another one has this name"


on_constraint("uq_location_name", LocationNameTaken)


async def page(reader: Reader, principal: Principal, filters: LocationFilters) -> dict[str, Any]:
    """The locations by name; clients see those in use, without an address that is hidden."""
    pager = Pager(reader, principal, "locations", filters, "name", "id")
    read = _many(archived=filters.archived and not principal.is_client, resumed=pager.position is not None)
    name, after = pager.position or (None, None)
    rows = await reader.rows(read, after_name=name, after_id=after and UUID(after), limit=pager.limit + 1)
    return pager.envelope([_shown(principal, row) for row in rows])


async def get(source: Source, principal: Principal, location_id: UUID) -> dict[str, Any]:
    """One location. Raises NotFound, for clients also where it is archived."""
    row = await source.row(ONE, location_id=location_id)
    if row is None or (principal.is_client and row["archived_at"]):
        raise NotFound
    return _shown(principal, row)


async def create(session: Session, principal: Principal, data: LocationCreate) -> dict[str, Any]:
    """Add a location. Raises LocationNameTaken."""
    location = Location(id=new_id(), **data.model_dump())
    session.add(location)
    await session.flush()
    await audit.record(session, principal, "location.created", resource=("location", location.id))
    return await get(session, principal, location.id)


async def update(
    session: Session, principal: Principal, location_id: UUID, data: LocationUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given. Raises NotFound, PreconditionFailed with the current copy, Invalid, LocationNameTaken."""
    location = await _locked(session, location_id)
    if if_match is not None and location.version != if_match:
        raise PreconditionFailed(current=await get(session, principal, location_id))
    changes = data.given()
    for name, value in changes.items():
        if value is None and name in REQUIRED:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
        if name == "address" and value is not None:
            value = merged(Address, location.address, value, "/address")
        setattr(location, name, value)
    await session.flush()
    await audit.record(session, principal, "location.updated", resource=("location", location.id), changed=changes)
    return await get(session, principal, location_id)


async def archive(session: Session, principal: Principal, location_id: UUID) -> dict[str, Any]:
    """Take a location out of use: nothing new is booked there. Raises NotFound, InvalidState."""
    location = await _locked(session, location_id)
    location.archive(await clock.now(session))
    await session.flush()
    await audit.record(session, principal, "location.archived", resource=("location", location.id))
    return await get(session, principal, location_id)


async def restore(session: Session, principal: Principal, location_id: UUID) -> dict[str, Any]:
    """Take an archived location into use again. Raises NotFound, InvalidState, LocationNameTaken."""
    location = await _locked(session, location_id)
    location.restore()
    await session.flush()
    await audit.record(session, principal, "location.restored", resource=("location", location.id))
    return await get(session, principal, location_id)


async def must_be_in_use(session: Session, location_ids: set[UUID], pointer: str) -> None:
    """Raise Invalid unless all of them are locations of the practice that are in use."""
    known = select(Location.id).where(Location.id.in_(location_ids), Location.archived_at.is_(None))
    if location_ids and location_ids - {UUID(str(found)) for found in await session.scalars(known)}:
        raise invalid(pointer, "unknown_location", "Name locations of the practice that are in use.")


async def _locked(session: Session, location_id: UUID) -> Location:
    held = select(Location).where(Location.id == location_id).with_for_update(key_share=True)
    location = (await session.execute(held)).scalar_one_or_none()
    if location is None:
        raise NotFound
    return location


def _shown(principal: Principal, row: dict[str, Any]) -> dict[str, Any]:
    hidden = principal.is_client and row["hide_address"]
    return row | {"address": None, "directions": None} if hidden else row


@cache
def _many(*, archived: bool, resumed: bool) -> Read:
    wanted = Location.archived_at.is_not(None) if archived else Location.archived_at.is_(None)
    statement = select(*COLUMNS).where(wanted)
    if resumed:
        after = tuple_(bindparam("after_name"), bindparam("after_id"))
        statement = statement.where(tuple_(Location.name, Location.id) > after)
    return Read(statement.order_by(Location.name, Location.id).limit(bindparam("limit")))
