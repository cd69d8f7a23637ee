"""Staff members whose access ends, for a while or for good (F20.M5)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, or_, select, update

from portal_api.core import clock
from portal_api.core.access import Principal, Role
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, invalid
from portal_api.models.auth import Account
from portal_api.models.clients import Client, ClientAssignment
from portal_api.models.staff import StaffMember, Supervision
from portal_api.schemas.staff import StaffRemoval
from portal_api.services import audit, invitations
from portal_api.services.auth import sessions
from portal_api.services.staff.owners import locked_with_owners
from portal_api.services.staff.reading import get


class OwnAccount(Conflict):
    code, title = "own_account", "Nobody ends their own access"


async def suspend(session: Session, principal: Principal, staff_id: UUID) -> dict[str, Any]:
    """Shut a staff member out at once; nothing else of them changes.

    Raises NotFound, InvalidState, OwnAccount, OwnerRequired, LastOwner.
    """
    staff = await _about_to_go(session, principal, staff_id)
    now = await clock.now(session)
    staff.suspend(now)
    await _shut_out(session, staff, now, "suspended")
    await audit.record(session, principal, "staff.suspended", resource=("staff_member", staff.id))
    return await get(session, staff_id)


async def restore(session: Session, principal: Principal, staff_id: UUID) -> dict[str, Any]:
    """Let a suspended staff member in again. Raises NotFound, InvalidState, OwnerRequired."""
    staff, owners = await locked_with_owners(session, staff_id)
    if Role.OWNER in staff.roles:
        owners.must_include(principal)
    staff.restore(await clock.now(session))
    (await _account(session, staff)).restore()
    await session.flush()
    await audit.record(session, principal, "staff.restored", resource=("staff_member", staff.id))
    return await get(session, staff_id)


async def remove(session: Session, principal: Principal, staff_id: UUID, data: StaffRemoval) -> None:
    """End a staff member's access for good and hand their clients on, to nobody when nobody is named.

    Raises NotFound, InvalidState, OwnAccount, OwnerRequired, LastOwner, Invalid for a successor who is none.
    """
    staff = await _about_to_go(session, principal, staff_id)
    now = await clock.now(session)
    staff.remove(now)
    await _shut_out(session, staff, now, "removed")
    await invitations.withdraw_staff(session, staff)
    either = or_(Supervision.supervisor_id == staff.id, Supervision.supervised_id == staff.id)
    await session.execute(delete(Supervision).where(either))
    await _hand_on(session, principal, staff, data.reassign_to)
    await audit.record(session, principal, "staff.removed", resource=("staff_member", staff.id))


async def _about_to_go(session: Session, principal: Principal, staff_id: UUID) -> StaffMember:
    staff, owners = await locked_with_owners(session, staff_id)
    if staff_id == principal.staff_id:
        raise OwnAccount("Ask somebody else who administers the practice.")
    if Role.OWNER in staff.roles:
        owners.must_include(principal)
    if staff.is_active_owner:
        owners.must_outlast(staff)
    return staff


async def _shut_out(session: Session, staff: StaffMember, now: datetime, reason: str) -> None:
    """No new sign-in, no calendar feed, and the sessions that are open end with their next request (A36)."""
    (await _account(session, staff)).suspend(now)
    await session.flush()
    await sessions.end_access(session, staff.account_id, reason)


async def _account(session: Session, staff: StaffMember) -> Account:
    held = select(Account).where(Account.id == staff.account_id).with_for_update(key_share=True)
    return (await session.execute(held)).scalar_one()


async def _hand_on(session: Session, principal: Principal, staff: StaffMember, successor_id: UUID | None) -> None:
    """Move the assignments; who is left with nobody is in the trail too."""
    if successor_id is not None:
        await _must_be_active(session, staff, successor_id)
    taken = delete(ClientAssignment).where(ClientAssignment.practitioner_id == staff.id)
    removed = await session.scalars(taken.returning(ClientAssignment.client_id))
    client_ids = {UUID(str(client_id)) for client_id in removed}
    if not client_ids:
        return
    if successor_id is not None:
        await _assign(session, client_ids, successor_id)
    changed = update(Client).where(Client.id.in_(client_ids))
    await session.execute(changed.values(updated_at=func.now(), version=Client.version + 1))
    await audit.record(
        session,
        principal,
        "clients.reassigned",
        resource=("staff_member", staff.id),
        clients=client_ids,
        details={"reassigned_to": str(successor_id) if successor_id else None},
    )


async def _must_be_active(session: Session, staff: StaffMember, successor_id: UUID) -> None:
    held = select(StaffMember.state).where(StaffMember.id == successor_id).with_for_update(key_share=True)
    state = (await session.execute(held)).scalar_one_or_none()
    if state != "active" or successor_id == staff.id:
        raise invalid("/reassign_to", "unknown_staff", "Name another, active staff member.")


async def _assign(session: Session, client_ids: set[UUID], practitioner_id: UUID) -> None:
    already = select(ClientAssignment.client_id).where(ClientAssignment.practitioner_id == practitioner_id)
    have = {UUID(str(client_id)) for client_id in await session.scalars(already)}
    rows = [
        {"practice_id": session.binding.practice_id, "client_id": client_id, "practitioner_id": practitioner_id}
        for client_id in client_ids - have
    ]
    if rows:
        await session.execute(insert(ClientAssignment), rows)
