"""Making an invitation: the event it records is what mails the link."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select, update

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.core.limits import Limit
from portal_api.core.sealing import Secret
from portal_api.core.tools import Tools
from portal_api.models.clients import Client
from portal_api.models.guardians import Guardian
from portal_api.models.invitations import Invitation, RetiredSecret
from portal_api.models.portal import PortalSettings
from portal_api.models.staff import StaffMember
from portal_api.schemas.base import normal_email
from portal_api.services import audit

PURPOSE = "invitation"
MAILS_TO_ONE_ADDRESS = Limit("invitation-mail", 20, timedelta(days=1))


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
    await _end_older(session, and_(Invitation.client_id == client.id, Invitation.guardian_id.is_(None)))
    return await _issue(session, principal, email, client_id=client.id, **payload)


async def invite_guardian(
    session: Session, principal: Principal, guardian: Guardian, message: str | None
) -> Invitation:
    """Invite somebody to act for a client; older open invitations to this end."""
    await _end_older(session, Invitation.guardian_id == guardian.id)
    whose = {"client_id": guardian.client_id, "guardian_id": guardian.id}
    return await _issue(session, principal, guardian.email, message=message, **whose)


async def send_again(session: Session, principal: Principal, invitation: Invitation) -> None:
    """Mail a new link for the same invitation; the older one is gone at once. Raises InvalidState, TooMany."""
    await _limit(session, invitation.email)
    retired = RetiredSecret(secret_hash=invitation.secret_hash, invitation_id=invitation.id)
    invitation.renew(await clock.now(session), await _lifetime(session))
    invitation.secret_hash = secret_of(session.tools, invitation).hash
    session.add(retired)
    await session.flush()
    await audit.record(session, principal, "invitation.resent", **_facts(invitation))


async def _end_older(session: Session, of_the_same: Any) -> None:
    still_open = Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None)
    values = {"revoked_at": func.now(), "version": Invitation.version + 1}
    await session.execute(update(Invitation).where(of_the_same, *still_open).values(values))


async def _issue(
    session: Session, principal: Principal, email: str, *, by: UUID | None = None, **fields: Any
) -> Invitation:
    """by: in whose name, where the program itself invites."""
    await _limit(session, email)
    invitation = Invitation(
        id=new_id(),
        practice_id=session.binding.practice_id,
        email=email,
        email_norm=normal_email(email),
        generation=1,
        expires_at=await clock.now(session) + await _lifetime(session),
        created_by=principal.account_id or by,
        **fields,
    )
    invitation.secret_hash = secret_of(session.tools, invitation).hash
    session.add(invitation)
    await session.flush()
    await audit.record(session, principal, "invitation.created", **_facts(invitation))
    return invitation


async def _limit(session: Session, email: str) -> None:
    """Nobody's mailbox is filled in our name."""
    key = f"{session.binding.practice_id}/{normal_email(email)}"
    await session.tools.limiter.hit({MAILS_TO_ONE_ADDRESS: key})


async def _lifetime(session: Session) -> timedelta:
    days = (await session.execute(select(PortalSettings.invitation_ttl_days))).scalar_one()
    return timedelta(days=days)


def _facts(invitation: Invitation) -> dict[str, Any]:
    clients = [invitation.client_id] if invitation.client_id else []
    return {"resource": ("invitation", invitation.id), "clients": clients}
