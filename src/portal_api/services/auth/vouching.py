"""Staff vouch for an e-mail address: mail reaches the person. It proves no identity (F4.B2, A06)."""

from sqlalchemy import ColumnElement, case

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import InvalidState
from portal_api.models.auth import Account
from portal_api.services import audit


async def vouch(session: Session, principal: Principal, account: Account, reason: str | None) -> None:
    """Verify the address for its holder, whose own proof still counts for more later.

    account: locked by the caller. Raises InvalidState when it is verified already.
    """
    if account.email_verified_at is not None:
        raise InvalidState("The e-mail address is verified already.", state="verified")
    account.verify_email(await clock.now(session), by=principal.account_id)
    await session.flush()
    await audit.record(session, principal, "email.vouched", resource=("account", account.id), reason=reason)


def verification() -> ColumnElement[str]:
    """Who verified an account's address: none, self or staff."""
    return case(
        (Account.email_verified_at.is_(None), "none"), (Account.email_verified_by.is_(None), "self"), else_="staff"
    )
