"""Staff members: invited and changed."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from portal_api.core import clock
from portal_api.core.access import Principal, Role
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, InvalidState, PreconditionFailed, invalid, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.auth import Account
from portal_api.models.staff import StaffMember, Supervision
from portal_api.schemas.base import normal_email
from portal_api.schemas.staff import StaffCreate, StaffUpdate
from portal_api.services import audit, invitations
from portal_api.services.staff.owners import Owners, locked, locked_with_owners
from portal_api.services.staff.reading import get

CLEARABLE = {"credentials"}


class EmailInUse(Conflict):
    code, title = "email_in_use", "Another account of the practice has this e-mail address"


on_constraint("uq_account_email", EmailInUse)


async def create(session: Session, principal: Principal, data: StaffCreate) -> dict[str, Any]:
    """Add a staff member and mail an invitation. Who was removed before comes back as the same person.

    Raises EmailInUse, OwnerRequired for a new owner.
    """
    if Role.OWNER in data.roles:
        (await Owners.locked(session)).must_include(principal)
    account = await _account(session, data)
    staff = await _member(session, account, data)
    await session.flush()
    await invitations.invite_staff(session, principal, staff)
    details = {"roles": list(staff.roles)}
    await audit.record(session, principal, "staff.invited", resource=("staff_member", staff.id), details=details)
    return await get(session, staff.id)


async def _account(session: Session, data: StaffCreate) -> Account:
    """A staff account without a password: the one that was removed, or a new one."""
    email_norm = normal_email(data.email)
    same = select(Account).where(Account.email_norm == email_norm).with_for_update(key_share=True)
    account = (await session.execute(same)).scalar_one_or_none()
    if account is None:
        account = Account(id=new_id(), kind="staff", email_norm=email_norm)
        session.add(account)
    elif account.kind != "staff" or account.suspended_at is None:
        raise EmailInUse("Somebody of the practice has this address already.")
    account.email, account.given_name, account.family_name = data.email, data.given_name, data.family_name
    account.password_hash = None
    account.restore()
    await session.flush()
    return account


async def _member(session: Session, account: Account, data: StaffCreate) -> StaffMember:
    known = select(StaffMember).where(StaffMember.account_id == account.id).with_for_update(key_share=True)
    staff = (await session.execute(known)).scalar_one_or_none()
    if staff is None:
        staff = StaffMember(id=new_id(), account_id=account.id, state="invited")
        session.add(staff)
    elif staff.state == "removed":
        staff.invite_again(await clock.now(session))
    else:
        raise EmailInUse(f"A staff member who is {staff.state} has this address.")
    staff.email, staff.given_name, staff.family_name = data.email, data.given_name, data.family_name
    staff.credentials, staff.roles = data.credentials, [role.value for role in data.roles]
    return staff


async def update(
    session: Session, principal: Principal, staff_id: UUID, data: StaffUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given; roles count from the next request on.

    Raises NotFound, PreconditionFailed with the current copy, Invalid, OwnerRequired, LastOwner.
    """
    staff, owners = await locked_with_owners(session, staff_id)
    if if_match is not None and staff.version != if_match:
        raise PreconditionFailed(current=await get(session, staff_id))
    if staff.state == "removed":
        raise InvalidState("Invite who has left again to change them.", state=staff.state)
    changes = data.given()
    for name in changes.keys() - CLEARABLE:
        if changes[name] is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    details = _change_roles(principal, staff, owners, changes.pop("roles", list(staff.roles)))
    if "supervises" in changes:
        await _supervise(session, staff, set(changes.pop("supervises")))
    for name, value in changes.items():
        setattr(staff, name, value)
    staff.updated_at = func.now()
    await session.flush()
    await audit.record(
        session,
        principal,
        "staff.updated",
        resource=("staff_member", staff.id),
        changed=data.model_fields_set,
        details=details,
    )
    return await get(session, staff_id)


def _change_roles(
    principal: Principal, staff: StaffMember, owners: Owners, roles: Collection[Role]
) -> dict[str, list[str]]:
    """Give the staff member these roles; returns old and new for the trail, nothing when they are the same."""
    before, after = {Role(role) for role in staff.roles}, set(roles)
    if before == after:
        return {}
    if Role.OWNER in before ^ after:
        owners.must_include(principal)
    if Role.OWNER in before - after and staff.is_active_owner:
        owners.must_outlast(staff)
    staff.roles = sorted(after)
    return {"old_roles": sorted(before), "new_roles": sorted(after)}


async def _supervise(session: Session, staff: StaffMember, supervised: set[UUID]) -> None:
    known = select(StaffMember.id).where(StaffMember.id.in_(supervised), StaffMember.state != "removed")
    found = {UUID(str(staff_id)) for staff_id in await session.scalars(known)}
    if supervised - found or staff.id in found:
        raise invalid("/supervises", "unknown_staff", "Name other staff members of the practice.")
    await session.execute(delete(Supervision).where(Supervision.supervisor_id == staff.id))
    session.add_all(Supervision(supervisor_id=staff.id, supervised_id=other) for other in supervised)


async def resend_invitation(session: Session, principal: Principal, staff_id: UUID) -> dict[str, Any]:
    """Mail a new invitation; the older link is dead. Raises NotFound, InvalidState for who has accepted or left."""
    staff = await locked(session, staff_id)
    if staff.state != "invited":
        raise InvalidState("Only who has not accepted yet is invited again.", state=staff.state)
    await invitations.invite_staff(session, principal, staff)
    await audit.record(session, principal, "staff.invitation_resent", resource=("staff_member", staff.id))
    return await get(session, staff_id)
