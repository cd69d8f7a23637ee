"""A person's own login for a client: granted, and taken away again."""

from uuid import UUID

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import PROFILE_PERMISSIONS, Principal
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, on_constraint
from portal_api.models.clients import SELF, Client, ClientGrant, PortalAccessChange


class AlreadyLinked(Conflict):
    code, title = "already_linked", "This client has a login of their own"


class ClientArchived(Conflict):
    code, title = "client_archived", "This client is archived"


on_constraint("uq_client_grant_self", AlreadyLinked)


async def link(session: Session, principal: Principal, client: Client, account_id: UUID, source: str) -> None:
    """Let the account act for the client as themselves, and open the portal to it.

    client: locked by the caller. Raises ClientArchived, AlreadyLinked.
    """
    if client.archived_at is not None:
        raise ClientArchived("Restore the client first.")
    if await own_grant(session, client.id) is not None:
        raise AlreadyLinked(
            "Choose another client, make a new one, or take this client's login away first.",
            choices=["associate_other", "create_client", "revoke_portal_access"],
        )
    session.add(
        ClientGrant(
            account_id=account_id,
            client_id=client.id,
            relationship=SELF,
            permissions=sorted(PROFILE_PERMISSIONS),
            source=source,
            granted_by=principal.account_id,
        )
    )
    _move(session, principal, client, "active", source)
    await session.flush()


async def unlink(session: Session, principal: Principal, client: Client, account_id: UUID, reason: str) -> None:
    """Take the login away again. Others who act for the client keep their access."""
    now = await clock.now(session)
    grant = await own_grant(session, client.id)
    if grant is not None and grant.account_id == account_id:
        grant.revoke(now, principal.account_id)
        await session.flush()
    live = select(ClientGrant.id).where(ClientGrant.client_id == client.id, ClientGrant.revoked_at.is_(None))
    if await session.scalar(live.limit(1)) is None and client.portal_state != "revoked":
        _move(session, principal, client, "revoked", reason)
    await session.flush()


async def own_grant(session: Session, client_id: UUID) -> ClientGrant | None:
    """The client's own login, if there is one."""
    own = select(ClientGrant).where(
        ClientGrant.client_id == client_id, ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None)
    )
    return await session.scalar(own)


def _move(session: Session, principal: Principal, client: Client, state: str, reason: str) -> None:
    client.move_portal(state)
    session.add(PortalAccessChange(client_id=client.id, state=state, changed_by=principal.account_id, reason=reason))
