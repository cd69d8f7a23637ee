"""Staff verify the e-mail address of a client's own login, from the client list."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Session
from portal_api.models.auth import Account
from portal_api.schemas.prospects import ProspectDecision
from portal_api.services.auth import vouching
from portal_api.services.clients import logins, reading

VERIFIED = Read(
    select(
        Account.email,
        vouching.verification().label("email_verification"),
        Account.email_verified_at,
        Account.email_verified_by,
    ).where(Account.id == bindparam("account_id"))
)


async def verify_email(
    session: Session, principal: Principal, client_id: UUID, decision: ProspectDecision | None
) -> dict[str, Any]:
    """Vouch for the address (F4.M3). Raises NotFound, NoLogin, InvalidState when it is verified already."""
    client = await reading.locked(session, principal, client_id)
    account = await logins.locked_own(session, client.id)
    await vouching.vouch(session, principal, account, decision.reason if decision else None)
    row = await session.row(VERIFIED, account_id=account.id)
    return row or {}
