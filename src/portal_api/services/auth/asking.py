"""Asking for a mail without an account to show: known and unknown addresses cost and answer the same (A01).

The request only notes which account it may concern. Whether there is one, and whether it gets a link, is found
out when the mail is made.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Read, Session
from portal_api.core.ids import LOBBY
from portal_api.core.limits import Limit
from portal_api.models.audit import Event
from portal_api.models.auth import Account, OneTimeSecret
from portal_api.schemas.auth import AddressAt
from portal_api.schemas.base import normal_email
from portal_api.services import audit
from portal_api.services.auth import practice_door, secrets

PER_NETWORK = Limit("mail-request-network", 20, timedelta(hours=1))
RESETS = Limit("password-reset", 3, timedelta(hours=1))
RESEND_COOLDOWN = Limit("verification-cooldown", 1, timedelta(seconds=60))
RESENDS = Limit("verification-resend", 10, timedelta(days=1))

ACCOUNT = Read(select(Account.id).where(Account.email_norm == bindparam("email_norm")))


async def for_password_reset(session: Session, visitor: Principal, data: AddressAt) -> None:
    """Note the wish for a reset link. Raises TooMany."""
    await _ask(session, visitor, data, "password_reset.asked", RESETS)


async def for_verification(session: Session, visitor: Principal, data: AddressAt) -> None:
    """Note the wish for another verification mail. Raises TooMany within 60 s, and after ten a day."""
    await _ask(session, visitor, data, "email_verification.asked", RESEND_COOLDOWN, RESENDS)


async def _ask(session: Session, visitor: Principal, data: AddressAt, event: str, *limits: Limit) -> None:
    tools, email = session.tools, normal_email(data.email)
    practice_id = await practice_door.find(tools.database, data.practice)
    key = f"{practice_id}/{email}"
    await tools.limiter.hit({PER_NETWORK: visitor.origin.network} | dict.fromkeys(limits, key))
    async with tools.database.reader(Binding(practice_id or LOBBY, ActorKind.ANONYMOUS)) as reader:
        row = await reader.row(ACCOUNT, email_norm=email)
    if practice_id is None:
        return
    await session.rebind(Binding(practice_id, ActorKind.ANONYMOUS))
    await audit.record(session, visitor, event, details={"account_id": str(row["id"]) if row else None})


async def answer(
    session: Session, event: Event, purpose: str, entitled: Callable[[Account], bool]
) -> OneTimeSecret | None:
    """The secret that answers the event, the same one however often it is mailed; None where there is none to send."""
    made = await session.execute(select(OneTimeSecret).where(OneTimeSecret.id == event.id))
    secret = made.scalar_one_or_none()
    if secret is not None:
        return secret if secret.used_at is None else None
    account_id = event.details["account_id"]
    if account_id is None:
        return None
    found = await session.execute(select(Account).where(Account.id == UUID(account_id)))
    account = found.scalar_one_or_none()
    if account is None or not entitled(account):
        return None
    return await secrets.make(session, purpose, account.id, account.email, event.id)
