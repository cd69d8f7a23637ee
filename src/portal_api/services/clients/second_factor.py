"""A client who has lost their second factor: staff who know the person take it away."""

from uuid import UUID

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.schemas.auth import SecondFactorReset
from portal_api.services.auth import second_factor, step_up
from portal_api.services.clients import logins, reading


async def reset_second_factor(
    session: Session, principal: Principal, client_id: UUID, data: SecondFactorReset | None
) -> None:
    """Switch off the second factor of the client's own login.

    Raises ReauthenticationRequired, NotFound, NoLogin, InvalidState when there is none.
    """
    step_up.require_recent(principal)
    client = await reading.locked(session, principal, client_id)
    account = await logins.locked_own(session, client.id)
    reason = data.reason if data else None
    await second_factor.reset(session, principal, account, clients=[client.id], reason=reason)
