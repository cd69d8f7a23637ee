"""Whose time it is: staff members who can be booked, and the lock that everything on their calendar begins with."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import BOOKABLE_ROLES, Permission, Principal, Role
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import Forbidden, NotFound, invalid
from portal_api.models.staff import StaffMember

ONE = Read(select(StaffMember.state, StaffMember.roles).where(StaffMember.id == bindparam("practitioner_id")))


async def must_exist(source: Source, practitioner_id: UUID) -> None:
    """Raise NotFound unless it is a staff member of the practice who has not left."""
    row = await source.row(ONE, practitioner_id=practitioner_id)
    if row is None or row["state"] == "removed":
        raise NotFound


async def must_practise(session: Session, practitioner_ids: Collection[UUID], pointer: str) -> None:
    """Raise Invalid unless all of them are staff members whose time can be booked."""
    known = select(StaffMember.id, StaffMember.state, StaffMember.roles).where(StaffMember.id.in_(practitioner_ids))
    found = (await session.execute(known)).all() if practitioner_ids else ()
    practising = {UUID(str(staff_id)) for staff_id, state, roles in found if practises(state, roles)}
    if set(practitioner_ids) - practising:
        raise invalid(pointer, "unknown_practitioner", "Name active practitioners of the practice.")


async def locked(session: Session, practitioner_ids: Collection[UUID]) -> dict[UUID, StaffMember]:
    """The practitioners, their calendars held until the transaction ends. Raises NotFound for an unknown one.

    Whatever claims, moves or frees time takes this lock first, in the order of the ids and before any other row,
    so that bookings of one practitioner wait in line instead of in a circle (docs/decisions/0011).
    """
    held = select(StaffMember).where(StaffMember.id.in_(practitioner_ids)).order_by(StaffMember.id)
    rows = await session.scalars(held.with_for_update(key_share=True))
    found = {UUID(str(row.id)): row for row in rows}
    if set(practitioner_ids) - found.keys():
        raise NotFound
    return found


def practises(state: str, roles: Collection[str]) -> bool:
    return state == "active" and any(Role(role) in BOOKABLE_ROLES for role in roles)


def must_be_own(principal: Principal, practitioner_id: UUID, everybodys: Permission) -> None:
    """Raise Forbidden unless it is the caller's own calendar, or they hold the permission for everybody's."""
    if practitioner_id != principal.staff_id and not principal.may(everybodys):
        raise Forbidden("Practitioners do this for themselves; schedulers, owners and admins for anybody.")
