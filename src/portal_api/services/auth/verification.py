"""Showing that an e-mail address is one's own: by the mailed link or by its code (F4.B1)."""

import hmac

from sqlalchemy import select, update

from portal_api.core import clock
from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Session
from portal_api.core.errors import Fault, Invalid
from portal_api.models.auth import Account, OneTimeSecret
from portal_api.schemas.auth import EmailVerification
from portal_api.schemas.base import normal_email
from portal_api.services import audit
from portal_api.services.auth import accounts, practice_door, secrets

PURPOSE = "email_verification"
CODE_ATTEMPTS = 5


class WrongCode(Invalid):
    code, title = "wrong_code", "This code is wrong or no longer valid"
    keeps_effects = True

    def __init__(self) -> None:
        fault = Fault("/code", "wrong_code", "Check the code, or ask for a new one.")
        super().__init__("Check the code, or ask for a new one.", faults=(fault,))


async def verify(session: Session, visitor: Principal, data: EmailVerification) -> Account:
    """Mark the address as shown by its holder, whose account is returned, held.

    Raises SecretGone, SecretUnknown, WrongCode, TooMany.
    """
    if data.token is not None:
        secret = await secrets.use(session, PURPOSE, await secrets.enter(session, visitor, data.token))
    else:
        secret = await _by_code(session, visitor, data)
    account = await accounts.locked(session, secret.account_id)
    if normal_email(secret.email) != account.email_norm:
        raise secrets.SecretGone("This account has another e-mail address now.")
    account.verify_email(await clock.now(session))
    await session.flush()
    await audit.record(session, visitor, "email.verified", resource=("account", account.id))
    return account


async def _by_code(session: Session, visitor: Principal, data: EmailVerification) -> OneTimeSecret:
    """The newest mailed code, tried at most five times; an unknown address gets the answer of a wrong code."""
    assert data.practice is not None and data.email is not None and data.code is not None  # noqa: S101 - the schema
    tools = session.tools
    await tools.limiter.hit({secrets.PER_NETWORK: visitor.origin.network})
    practice_id = await practice_door.find(tools.database, data.practice)
    if practice_id is None:
        raise WrongCode
    await session.rebind(Binding(practice_id, ActorKind.ANONYMOUS))
    secret = await _reserve(session, normal_email(data.email))
    expected = secrets.code_of(tools, secret) if secret is not None else ""
    if not hmac.compare_digest(expected.encode(), data.code.encode()) or secret is None:
        raise WrongCode
    return await secrets.use(session, PURPOSE, secrets.text_of(tools, secret))


async def _reserve(session: Session, email_norm: str) -> OneTimeSecret | None:
    """Count the attempt before it is checked: racers share the five."""
    newest = (
        select(OneTimeSecret.id)
        .join(Account, Account.id == OneTimeSecret.account_id)
        .where(Account.email_norm == email_norm, OneTimeSecret.purpose == PURPOSE)
        .order_by(OneTimeSecret.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    counted = (
        update(OneTimeSecret)
        .where(OneTimeSecret.id == newest, OneTimeSecret.code_attempts < CODE_ATTEMPTS)
        .values(code_attempts=OneTimeSecret.code_attempts + 1)
        .returning(OneTimeSecret)
    )
    return (await session.execute(counted)).scalar_one_or_none()
