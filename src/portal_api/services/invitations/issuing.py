"""Making an invitation: the event it records is what mails the link."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.core.sealing import Secret
from portal_api.core.tools import Tools
from portal_api.models.clients import Client
from portal_api.models.invitations import Invitation
from portal_api.models.portal import PortalSettings
from portal_api.models.staff import StaffMember
from portal_api.services import audit

PURPOSE = "invitation"


def secret_of(tools: Tools, invitation: Invitation) -> Secret:
    """The mailed secret, derived again from the row; a new generation is a new secret."""
    return tools.vault.secret(PURPOSE, invitation.practice_id, str(invitation.id), str(invitation.generation))


async def invite_staff(session: Session, principal: Principal, staff: StaffMember) -> Invitation:
    """Invite a staff member to set a password; older open invitations of theirs end."""
    await _end_older(session, Invitation.staff_id == staff.id)
    return await _issue(session, principal, staff.email, staff_id=staff.id)


async def withdraw_staff(session: Session, staff: StaffMember) -> None:
    """End the open invitations of a staff member who is not to come."""
    await _end_older(session, Invitation.staff_id == staff.id)


async def invite_client(
    session: Session, principal: Principal, client: Client, email: str, **payload: Any
) -> Invitation:
    """Invite a client; older open invitations of theirs end (F3.M1).

    payload: features, form_template_ids, document_ids, message (F3.M2).
    """
    await _end_older(session, Invitation.client_id == client.id)
    return await _issue(session, principal, email, client_id=client.id, **payload)


async def _end_older(session: Session, of_the_same: Any) -> None:
    still_open = Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None)
    await session.execute(update(Invitation).where(of_the_same, *still_open).values(revoked_at=func.now()))


async def _issue(
    session: Session, principal: Principal, email: str, *, client_id: UUID | None = None, **fields: Any
) -> Invitation:
    settings = (await session.execute(select(PortalSettings))).scalar_one()
    invitation = Invitation(
        id=new_id(),
        practice_id=session.binding.practice_id,
        client_id=client_id,
        email=email,
        generation=1,
        expires_at=await clock.now(session) + timedelta(days=settings.invitation_ttl_days),
        created_by=principal.account_id,
        **fields,
    )
    invitation.secret_hash = secret_of(session.tools, invitation).hash
    session.add(invitation)
    await session.flush()
    await audit.record(
        session,
        principal,
        "invitation.created",
        resource=("invitation", invitation.id),
        clients=[client_id] if client_id else [],
    )
    return invitation
