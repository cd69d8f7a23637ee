"""A new password by a mailed link."""

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.schemas.auth import PasswordReset
from portal_api.schemas.base import normal_email
from portal_api.services import audit
from portal_api.services.auth import accounts, devices, login, passwords, secrets, sessions

PURPOSE = "password_reset"


async def confirm(session: Session, visitor: Principal, data: PasswordReset) -> None:
    """Set the password and end everything that rested on the old one. The link also shows the address (A06).

    Raises Invalid for a weak password, which leaves the link usable; SecretGone, SecretUnknown, TooMany.
    """
    presented = await secrets.enter(session, visitor, data.token)
    secret = await secrets.check(session, PURPOSE, presented)
    account = await accounts.locked(session, secret.account_id)
    if not account.recovers_by_mail or normal_email(secret.email) != account.email_norm:
        raise secrets.SecretGone("Ask for a new one.")
    context = await accounts.password_context(session, account)
    password_hash = await passwords.hash_new(session.tools, data.new_password, context, "/new_password")
    await secrets.use(session, PURPOSE, presented)
    now = await clock.now(session)
    account.set_password(password_hash, now)
    account.verify_email(now)
    await session.flush()
    await secrets.end_open(session, account.id, PURPOSE, "email_change", "email_verification")
    await sessions.end_all(session, account.id, "password_reset")
    await devices.forget_all(session, account.id)
    await session.tools.limiter.forget(login.IN_A_ROW, login.key_of(account.practice_id, account.email_norm))
    await audit.record(session, visitor, "password.reset", resource=("account", account.id))
