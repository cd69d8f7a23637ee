"""Proving again who one is, for what must not happen on an unattended device (ASVS 7.5)."""

from datetime import timedelta

from sqlalchemy import select

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Forbidden, invalid
from portal_api.core.limits import Limit
from portal_api.models.auth import Account
from portal_api.services.auth import accounts, passwords

PASSWORDS = Limit("password-again", 10, timedelta(minutes=15))


class ReauthenticationRequired(Forbidden):
    code, title = "reauthentication_required", "Prove again that it is you"


def require_recent(principal: Principal) -> None:
    """Raise ReauthenticationRequired unless the caller signed in within authority.RECENT."""
    if not principal.recently_authenticated:
        raise ReauthenticationRequired("POST /v1/auth/reauthenticate, then try again.")


async def prove(session: Session, principal: Principal, password: str, pointer: str = "/password") -> Account:
    """The caller's account, held for a change, if this is its password.

    Nothing is held while the password is being hashed, so that guesses in parallel block nobody else.
    Raises Invalid for a wrong one, TooMany, Unavailable.
    """
    await session.tools.limiter.hit({PASSWORDS: str(principal.session_id)})
    query = select(Account.password_hash).where(Account.id == principal.account_id)
    stored = (await session.execute(query)).scalar_one()
    if await passwords.verify(session.tools, password, stored):
        account = await accounts.locked(session, principal.account_id)
        if account.password_hash == stored:
            return account
    raise invalid(pointer, "wrong_password", "This is not your present password.")
