"""A client's own login: the account that acts for them as themselves."""

from uuid import UUID

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import GrantPermission
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, InvalidState, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.auth import Account
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.models.portal import PortalSettings
from portal_api.schemas.base import normal_email
from portal_api.services.auth import sessions
from portal_api.services.clients import guardian_emails, portal_access


class AlreadyLinked(Conflict):
    code, title = "already_linked", "The client already has a login of their own"


class EmailInUse(Conflict):
    code, title = "email_in_use", "Another account of the practice has this e-mail address"


class NoLogin(Conflict):
    code, title = "no_login", "This client has no login of their own"


class PortalNotEnabled(Conflict):
    code, title = "portal_not_enabled", "The practice has not switched its portal on"


on_constraint("uq_client_grant_self", AlreadyLinked)
on_constraint("uq_client_grant_active", AlreadyLinked)
on_constraint("uq_account_email", EmailInUse)


async def prepare(session: Session, client: Client) -> tuple[PortalSettings, Account | None]:
    """The portal's settings and the client's own login, before another way in is made.

    Raises InvalidState for an archived or suspended client, PortalNotEnabled.
    """
    if client.archived_at is not None:
        raise InvalidState("Restore the client first.", state="archived")
    if client.portal_state == "suspended":
        raise InvalidState("Lift the suspension of the portal access first.", state="suspended")
    settings = (await session.execute(select(PortalSettings))).scalar_one()
    if not settings.enabled:
        raise PortalNotEnabled("Switch the portal on before letting clients in.")
    return settings, await find_own(session, client.id)


async def find_own(session: Session, client_id: UUID) -> Account | None:
    """The account with the client's live self grant."""
    own = (
        select(Account)
        .join(ClientGrant, ClientGrant.account_id == Account.id)
        .where(ClientGrant.client_id == client_id, ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None))
    )
    return (await session.execute(own)).scalar_one_or_none()


async def locked_own(session: Session, client_id: UUID) -> Account:
    """The same, held for a change. Raises NoLogin."""
    account = await find_own(session, client_id)
    if account is None:
        raise NoLogin("Invite the client, set credentials, or associate a prospect first.")
    await session.refresh(account, with_for_update=True)
    return account


async def find_by_email(session: Session, email: str) -> Account | None:
    """The practice's account with this address, whoever it belongs to."""
    query = select(Account).where(Account.email_norm == normal_email(email))
    return (await session.execute(query)).scalar_one_or_none()


async def add_account(session: Session, person: Client | Guardian, email: str) -> Account:
    """A login with the person's names and no password yet. Raises EmailInUse at the next flush."""
    account = Account(
        id=new_id(),
        kind="client",
        email=email,
        email_norm=normal_email(email),
        given_name=person.given_name,
        family_name=person.family_name,
    )
    session.add(account)
    return account


async def grant_self(session: Session, client: Client, account: Account, source: str, by: UUID | None) -> None:
    """Let the account act for the client as themselves, with every permission.

    Raises AlreadyLinked, EmailBelongsToGuardian for the account of a guardian (A10).
    """
    await session.flush()
    await guardian_emails.must_not_be_a_guardians(session, client.id, account.email)
    session.add(
        ClientGrant(
            id=new_id(),
            account_id=account.id,
            client_id=client.id,
            permissions=sorted(GrantPermission),
            source=source,
            granted_by=by,
        )
    )
    await portal_access.move(session, client, "active", by=by)
    await session.flush()


async def revoke_self(session: Session, client: Client, account: Account, reason: str, by: UUID | None) -> None:
    """Take the login away again, and its sessions. Others who act for the client keep their access."""
    live = select(ClientGrant).where(ClientGrant.client_id == client.id, ClientGrant.revoked_at.is_(None))
    grants = (await session.scalars(live)).all()
    now = await clock.now(session)
    for grant in grants:
        if grant.account_id == account.id and grant.relationship == SELF:
            grant.revoke(now, by)
    if all(grant.revoked_at for grant in grants):
        await portal_access.move(session, client, "revoked", by=by, reason=reason)
    await sessions.end_all(session, account.id, reason)
    await session.flush()
