"""Word of what guardians may do from now on: to them, and to the client's own login. Never who, what or for whom."""

from sqlalchemy import select

from portal_api.core.db import Session
from portal_api.integrations.mail_templates import Template
from portal_api.models.audit import Event
from portal_api.models.auth import Account
from portal_api.models.clients import SELF, ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.services.notifications.letters import Letter, app_link, letter

FOR_GUARDIANS: dict[str, Template] = {
    "guardian.access_ended": "guardian_access_ended",
    "guardian.access_narrowed": "guardian_access_changed",
    "guardian.permissions_changed": "guardian_access_changed",
}
FOR_CLIENTS = ("client.came_of_age", "client.grew_older", "client.sharing_changed")


@letter(*FOR_GUARDIANS)
async def tell_guardian(session: Session, event: Event) -> Letter | None:
    """Who never accepted, or was dissolved meanwhile, hears nothing."""
    theirs = select(Account).join(Guardian, Guardian.account_id == Account.id)
    theirs = theirs.where(Guardian.id == event.resource_id, Guardian.revoked_at.is_(None))
    account = await session.scalar(theirs.where(Account.suspended_at.is_(None)))
    return await _word(session, FOR_GUARDIANS[event.type], account) if account else None


@letter(*FOR_CLIENTS)
async def tell_client(session: Session, event: Event) -> Letter | None:
    """By the own login's address, if it is known to be theirs; who has none is invited."""
    own = (
        select(Account)
        .join(ClientGrant, ClientGrant.account_id == Account.id)
        .where(
            ClientGrant.client_id == event.resource_id,
            ClientGrant.relationship == SELF,
            ClientGrant.is_live(),
            Account.email_verified_at.is_not(None),
            Account.suspended_at.is_(None),
        )
    )
    account = await session.scalar(own)
    return await _word(session, "sharing_changed", account) if account else None


async def _word(session: Session, template: Template, account: Account) -> Letter:
    return Letter(template, account.email, account.id, account.id, {"link": await app_link(session, "/sign-in")})
