"""Proving again who one is, for what must not happen on an unattended device (ASVS 7.5)."""

from datetime import timedelta

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Forbidden, invalid
from portal_api.core.limits import Limit
from portal_api.models.auth import Account
from portal_api.services.auth import passwords

PASSWORDS = Limit("password-again", 10, timedelta(minutes=15))


class ReauthenticationRequired(Forbidden):
    code, title = "reauthentication_required", "Prove again that it is you"


def require_recent(principal: Principal) -> None:
    """Raise ReauthenticationRequired unless the caller signed in within authority.RECENT."""
    if not principal.recently_authenticated:
        raise ReauthenticationRequired("POST /v1/auth/reauthenticate, then try again.")


async def confirm_password(
    session: Session, principal: Principal, account: Account, password: str, pointer: str = "/password"
) -> None:
    """Compare with the caller's own password. Raises Invalid for a wrong one, TooMany, Unavailable."""
    await session.tools.limiter.hit({PASSWORDS: str(principal.session_id)})
    if not await passwords.verify(session.tools, password, account.password_hash):
        raise invalid(pointer, "wrong_password", "This is not your present password.")
