"""Owners: made and unmade by owners only, and never the last one (F20.M4)."""

from uuid import UUID

from sqlalchemy import literal, select

from portal_api.core.access import Principal, Role
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, Forbidden, NotFound
from portal_api.models.staff import StaffMember


class OwnerRequired(Forbidden):
    code, title = "owner_required", "Only an owner may do this"


class LastOwner(Conflict):
    code, title = "last_owner", "A practice keeps at least one active owner"


class Owners:
    """The active owners, held for a change: two who would unmake each other take turns, in the order of ids."""

    def __init__(self, ids: set[UUID]) -> None:
        self._ids = ids

    @classmethod
    async def locked(cls, session: Session) -> "Owners":
        active = StaffMember.state == "active", literal(Role.OWNER.value) == StaffMember.roles.any_()
        held = select(StaffMember.id).where(*active).order_by(StaffMember.id).with_for_update(key_share=True)
        return cls({UUID(str(staff_id)) for staff_id in await session.scalars(held)})

    def must_include(self, principal: Principal) -> None:
        """Raise OwnerRequired unless the caller is an owner at this moment, not only when the request began."""
        if principal.staff_id is None or UUID(str(principal.staff_id)) not in self._ids:
            raise OwnerRequired("Ask an owner of the practice to do this.")

    def must_outlast(self, staff: StaffMember) -> None:
        """Raise LastOwner when nobody would own the practice without this one."""
        if self._ids <= {UUID(str(staff.id))}:
            raise LastOwner("Make somebody else an owner first.")


async def locked_with_owners(session: Session, staff_id: UUID) -> tuple[StaffMember, Owners]:
    """The staff member and the owners, held for a change; owners first, so that nobody waits in a circle."""
    owners = await Owners.locked(session)
    return await locked(session, staff_id), owners


async def locked(session: Session, staff_id: UUID) -> StaffMember:
    """The staff member, held for a change. Raises NotFound."""
    held = select(StaffMember).where(StaffMember.id == staff_id).with_for_update(key_share=True)
    staff = (await session.execute(held.execution_options(populate_existing=True))).scalar_one_or_none()
    if staff is None:
        raise NotFound
    return staff
