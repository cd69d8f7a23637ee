"""The people who work in the practice."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanManageStaff,
    CanReadPractitioners,
    CanReadStaff,
    IfMatch,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.auth import SecondFactorReset
from portal_api.schemas.base import Page
from portal_api.schemas.staff import (
    Practitioner,
    PractitionerFilters,
    StaffCreate,
    StaffFilters,
    StaffMember,
    StaffRemoval,
    StaffUpdate,
)
from portal_api.services import staff
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="staff")


@router.get("/practice/staff", response_model=Page[StaffMember])
async def list_staff(filters: Annotated[StaffFilters, Query()], reader: ReaderDep, principal: CanReadStaff) -> Any:
    """The staff of the practice."""
    return await staff.page(reader, principal, filters)


@router.post("/practice/staff", status_code=201, response_model=StaffMember)
async def create_staff(data: StaffCreate, session: SessionDep, principal: CanManageStaff) -> Any:
    """Add a staff member, who is mailed an invitation. Only an owner adds an owner."""
    return await staff.create(session, principal, data)


@router.get("/practice/staff/{staff_id}", response_model=StaffMember)
async def get_staff(staff_id: UUID, reader: ReaderDep, principal: CanReadStaff) -> Any:
    """One staff member."""
    return await staff.get(reader, staff_id)


@router.patch("/practice/staff/{staff_id}", response_model=StaffMember)
async def update_staff(
    staff_id: UUID, data: StaffUpdate, session: SessionDep, principal: CanManageStaff, if_match: IfMatch
) -> Any:
    """Change names, credentials, roles or supervision. Only an owner grants or takes the role of owner."""
    return await staff.update(session, principal, staff_id, data, if_match)


@router.delete("/practice/staff/{staff_id}", status_code=204, response_model=None)
async def remove_staff(staff_id: UUID, data: StaffRemoval, session: SessionDep, principal: CanManageStaff) -> Any:
    """End a staff member's access for good; their clients go to `reassign_to`, or are left without a practitioner."""
    return await staff.remove(session, principal, staff_id, data)


@router.post("/practice/staff/{staff_id}/suspend", response_model=StaffMember)
async def suspend_staff(staff_id: UUID, session: SessionDep, principal: CanManageStaff) -> Any:
    """Shut a staff member out at once."""
    return await staff.suspend(session, principal, staff_id)


@router.post("/practice/staff/{staff_id}/restore", response_model=StaffMember)
async def restore_staff(staff_id: UUID, session: SessionDep, principal: CanManageStaff) -> Any:
    """Let a suspended staff member in again."""
    return await staff.restore(session, principal, staff_id)


@router.post("/practice/staff/{staff_id}/resend-invitation", response_model=StaffMember)
async def resend_staff_invitation(staff_id: UUID, session: SessionDep, principal: CanManageStaff) -> Any:
    """Mail a new invitation to who has not accepted yet; the older link is dead."""
    return await staff.resend_invitation(session, principal, staff_id)


@router.post("/practice/staff/{staff_id}/reset-second-factor", status_code=204, response_model=None)
async def reset_staff_second_factor(
    staff_id: UUID, session: SessionDep, principal: CanManageStaff, data: SecondFactorReset | None = None
) -> Any:
    """Take away the second factor of a colleague who has lost it; only an owner takes an owner's."""
    await staff.reset_second_factor(session, principal, staff_id, data)


@router.get("/practitioners", response_model=Page[Practitioner])
async def list_practitioners(
    filters: Annotated[PractitionerFilters, Query()], reader: ReaderDep, principal: CanReadPractitioners
) -> Any:
    """Whose time can be booked; for clients: those whom they may ask for a time."""
    return await staff.practitioners(reader, principal, filters)
