"""What a signup with a known e-mail address is answered with, in the one place where it may differ (A01)."""

from sqlalchemy import select

from portal_api.core.db import Session
from portal_api.models.audit import Event
from portal_api.models.auth import Account
from portal_api.services.notifications.letters import Letter, app_link, letter


@letter("signup.repeated")
async def account_exists(session: Session, event: Event) -> Letter | None:
    account = await session.scalar(select(Account).where(Account.id == event.resource_id))
    if account is None:
        return None
    values = {
        "link": await app_link(session, "/sign-in"),
        "reset_link": await app_link(session, "/forgot-password"),
    }
    return Letter("account_exists", account.email, account.id, account.id, {**values})
