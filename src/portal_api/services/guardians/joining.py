"""A guardian who has accepted: from now on their account acts for the client."""

from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.models.guardians import Guardian
from portal_api.services import audit
from portal_api.services.clients import grants, logins, portal_access
from portal_api.services.clients.guardian_emails import EmailBelongsToGuardian
from portal_api.services.guardians import custody
from portal_api.services.guardians.ending import record


async def invited(session: Session, guardian_id: UUID) -> Guardian:
    """The guardian whom an invitation names, held for a change."""
    held = select(Guardian).where(Guardian.id == guardian_id).with_for_update()
    return (await session.execute(held)).scalar_one()


async def join(
    session: Session, visitor: Principal, guardian: Guardian, client: Client, account: Account, by: UUID
) -> None:
    """Let the account act for the client as staff wrote down. by: who invited. Client and guardian are held.

    Raises EmailBelongsToGuardian for the client's own login, NoContactWith, AlreadyLinked.
    """
    own = await logins.find_own(session, client.id)
    if own is not None and own.id == account.id:
        raise EmailBelongsToGuardian("The client signs in with this address: a guardian needs one of their own.")
    await custody.must_allow(session, client.id, guardian.given_name, guardian.family_name, guardian.email)
    await session.flush()
    grant = guardian.grant_for(account.id, by)
    session.add(grant)
    await session.flush()
    guardian.accept(grant)
    await grants.realign(session, [(guardian, client)], await grants.rules(session))
    if client.portal_state != "suspended":
        await portal_access.move(session, client, "active", by=by)
    await session.flush()
    actor = visitor.proven(account.kind, account.id)
    await record(session, actor, "guardian.joined", guardian)
    resource, whose = ("client", client.id), [client.id]
    await audit.record(session, actor, "client.sharing_changed", resource=resource, clients=whose)
