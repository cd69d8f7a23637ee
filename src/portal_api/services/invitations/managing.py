"""What staff do with a client's invitations: make, list, send again, revoke."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Reader, Session
from portal_api.core.errors import Conflict, NotFound, invalid
from portal_api.models.clients import Client
from portal_api.models.invitations import Invitation
from portal_api.schemas.base import PageQuery
from portal_api.schemas.invitations import InvitationCreate
from portal_api.services import audit, clients, onboarding
from portal_api.services.clients import guardian_emails, logins, portal_access
from portal_api.services.invitations import payload
from portal_api.services.invitations.issuing import invite_client, send_again
from portal_api.services.paging import Pager

COLUMNS = (
    Invitation.id,
    Invitation.client_id,
    Invitation.staff_id,
    Invitation.guardian_id,
    Invitation.email,
    Invitation.state_now().label("state"),
    Invitation.delivery,
    Invitation.delivered_at,
    Invitation.expires_at,
    Invitation.features,
    Invitation.form_template_ids,
    Invitation.document_ids,
    Invitation.message,
    Invitation.accepted_at,
    Invitation.revoked_at,
    Invitation.created_by,
    Invitation.created_at,
    Invitation.updated_at,
    Invitation.version,
)
_ONE = Read(select(*COLUMNS).where(Invitation.id == bindparam("invitation_id")))


@cache
def _of_a_client(*, resumed: bool) -> Read:
    own = Invitation.client_id == bindparam("client_id"), Invitation.guardian_id.is_(None)
    statement = select(*COLUMNS).where(*own)
    if resumed:
        statement = statement.where(Invitation.id < bindparam("after_id"))
    return Read(statement.order_by(Invitation.id.desc()).limit(bindparam("limit")))


class MailNotWanted(Conflict):
    code, title = "mail_not_wanted", "The client does not agree to be mailed"


async def page(reader: Reader, principal: Principal, client_id: UUID, query: PageQuery) -> dict[str, Any]:
    """A client's invitations, newest first. Raises NotFound."""
    await clients.must_see(reader, principal, client_id)
    pager = Pager(reader, principal, f"invitations/{client_id}", query, "id")
    after = UUID(pager.position[0]) if pager.position else None
    read = _of_a_client(resumed=after is not None)
    rows = await reader.rows(read, client_id=client_id, after_id=after, limit=pager.limit + 1)
    audit.viewed(reader, principal, "invitations.listed", [client_id])
    return pager.envelope(rows)


async def create(session: Session, principal: Principal, client_id: UUID, data: InvitationCreate) -> dict[str, Any]:
    """Invite the client to a login of their own; what they are to fill in and to read is theirs from now on (F3.M2).

    Raises NotFound, InvalidState for an archived or suspended client, PortalNotEnabled, AlreadyLinked,
    EmailBelongsToGuardian, EmailInUse for an address that signs in as staff, MailNotWanted, Invalid without any e-mail
    address.
    """
    client = await clients.locked(session, principal, client_id)
    await _must_be_invitable(session, client)
    email = data.email or client.email
    if email is None:
        raise invalid("/email", "missing", "No e-mail address of this client is known: give one.")
    await guardian_emails.must_not_be_a_guardians(session, client.id, email)
    await must_not_be_staffs(session, email)
    brought = data.model_dump(exclude={"email", "features"})
    features = {str(feature): enabled for feature, enabled in data.features.items()}
    invitation = await invite_client(session, principal, client, email, features=features, **brought)
    if client.portal_state != "active":
        await portal_access.move(session, client, "invited", by=principal.account_id)
    await payload.hand_over(session, principal, client.id, data)
    await onboarding.begin(session, principal, client.id, "invitation")
    return await answer(session, invitation.id)


async def resend(session: Session, principal: Principal, invitation_id: UUID) -> dict[str, Any]:
    """Mail a new link; the older one is gone.

    Raises NotFound, InvalidState once it is accepted or revoked, MailNotWanted.
    """
    invitation, client = await _locked(session, principal, invitation_id)
    if client is not None and invitation.guardian_id is None:
        await _must_be_invitable(session, client)
    elif client is not None:
        await logins.prepare(session, client)
    await send_again(session, principal, invitation)
    return await answer(session, invitation_id)


async def revoke(session: Session, principal: Principal, invitation_id: UUID) -> dict[str, Any]:
    """End an open invitation. Raises NotFound, InvalidState."""
    invitation, client = await _locked(session, principal, invitation_id)
    invitation.revoke(await clock.now(session))
    if client is not None and invitation.guardian_id is None:
        await portal_access.uninvite(session, client, by=principal.account_id)
    await session.flush()
    await audit.record(
        session, principal, "invitation.revoked", resource=("invitation", invitation_id),
        clients=[client.id] if client else [],
    )  # fmt: skip
    return await answer(session, invitation_id)


async def must_not_be_staffs(session: Session, email: str) -> None:
    """Raise EmailInUse for an address that signs in as staff: an account is of one kind."""
    holder = await logins.find_by_email(session, email)
    if holder is not None and holder.kind == "staff":
        raise logins.EmailInUse("This address signs in as staff. Give another one of theirs.")


async def answer(session: Session, invitation_id: UUID) -> dict[str, Any]:
    """The invitation as it has just been written. Raises NotFound."""
    row = await session.row(_ONE, invitation_id=invitation_id)
    if row is None:
        raise NotFound
    return row


async def _must_be_invitable(session: Session, client: Client) -> None:
    _, own = await logins.prepare(session, client)
    if own is not None:
        raise logins.AlreadyLinked("Revoke the present portal access before inviting again.")
    if client.refuses_mail:
        raise MailNotWanted("Write down that they agree by now, or give them credentials.")


async def _locked(session: Session, principal: Principal, invitation_id: UUID) -> tuple[Invitation, Client | None]:
    """The invitation and its client, held for a change, the client first as everywhere. Raises NotFound."""
    whose = select(Invitation.client_id).where(Invitation.id == invitation_id)
    row = (await session.execute(whose)).first()
    if row is None or (row.client_id is None and not principal.may(Permission.STAFF_MANAGE)):
        raise NotFound
    client = await clients.locked(session, principal, row.client_id) if row.client_id else None
    held = select(Invitation).where(Invitation.id == invitation_id).with_for_update()
    return (await session.execute(held)).scalar_one(), client
