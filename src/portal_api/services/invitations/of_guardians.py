"""Inviting guardians, and the client when a guardian's access comes to its end."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session
from portal_api.core.errors import AppError, Conflict
from portal_api.models.clients import Client
from portal_api.models.invitations import Invitation
from portal_api.models.portal import PortalSettings
from portal_api.schemas.base import PageQuery
from portal_api.schemas.guardians import GuardianInvitationCreate
from portal_api.services import audit, guardians
from portal_api.services.clients import guardian_emails, logins, portal_access
from portal_api.services.guardians import custody
from portal_api.services.guardians.reading import locked
from portal_api.services.invitations.issuing import invite_client, invite_guardian
from portal_api.services.invitations.managing import COLUMNS, answer, must_not_be_staffs
from portal_api.services.paging import Pager


class AlreadyAccepted(Conflict):
    code, title = "guardian_has_joined", "The guardian has accepted an invitation already"


async def create(
    session: Session, principal: Principal, guardian_id: UUID, data: GuardianInvitationCreate | None
) -> dict[str, Any]:
    """Invite a guardian, by the address that is written down.

    Raises NotFound, InvalidState where it was dissolved or the client is archived or suspended, PortalNotEnabled,
    AlreadyAccepted, NoContactWith, EmailInUse for an address that signs in as staff.
    """
    guardian, client = await locked(session, principal, guardian_id)
    guardian.must_be_current()
    await logins.prepare(session, client)
    if guardian.grant_id is not None:
        raise AlreadyAccepted("They sign in with the account that they have.")
    await custody.must_allow(session, client.id, guardian.given_name, guardian.family_name, guardian.email)
    await must_not_be_staffs(session, guardian.email)
    invitation = await invite_guardian(session, principal, guardian, data.message if data else None)
    return await answer(session, invitation.id)


async def page(reader: Reader, principal: Principal, guardian_id: UUID, query: PageQuery) -> dict[str, Any]:
    """A guardian's invitations, newest first. Raises NotFound."""
    await guardians.must_see(reader, principal, guardian_id)
    pager = Pager(reader, principal, f"guardian-invitations/{guardian_id}", query, "id")
    after = UUID(pager.position[0]) if pager.position else None
    read = _of_a_guardian(resumed=after is not None)
    rows = await reader.rows(read, guardian_id=guardian_id, after_id=after, limit=pager.limit + 1)
    audit.viewed(reader, principal, "invitations.listed", {row["client_id"] for row in rows})
    return pager.envelope(rows)


async def invite_of_age(session: Session, client_id: UUID, by: UUID | None) -> None:
    """Invite a client whose guardians may do less from now on, if that is possible (F6.B1).

    Nothing happens where the portal is off, no address of their own is known, they do not agree to be mailed, there is
    a login or an open invitation, or staff have shut the client out. by: in whose name.
    """
    held = select(Client).where(Client.id == client_id).with_for_update()
    client = (await session.execute(held)).scalar_one()
    enabled = (await session.execute(select(PortalSettings.enabled))).scalar_one()
    ready = enabled and client.archived_at is None and client.portal_state not in ("suspended", "revoked")
    if not ready or client.email is None or client.refuses_mail or by is None or await _is_invited(session, client_id):
        return
    if await logins.find_own(session, client_id) is not None:
        return
    try:
        await guardian_emails.must_not_be_a_guardians(session, client_id, client.email)
        await must_not_be_staffs(session, client.email)
    except AppError:
        return
    program = Principal.program(session.binding.practice_id)
    await invite_client(session, program, client, client.email, by=by)
    if client.portal_state != "active":
        await portal_access.move(session, client, "invited", by=None)


async def _is_invited(session: Session, client_id: UUID) -> bool:
    still_open = Invitation.state_now().in_(("pending", "bounced"))
    its = exists().where(Invitation.client_id == client_id, Invitation.guardian_id.is_(None), still_open)
    return bool(await session.scalar(select(its)))


@cache
def _of_a_guardian(*, resumed: bool) -> Read:
    statement = select(*COLUMNS).where(Invitation.guardian_id == bindparam("guardian_id"))
    if resumed:
        statement = statement.where(Invitation.id < bindparam("after_id"))
    return Read(statement.order_by(Invitation.id.desc()).limit(bindparam("limit")))
