"""Mailed secrets: made, and used once."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from portal_api.core import clock
from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Session
from portal_api.core.errors import Gone, NotFound
from portal_api.core.ids import new_id
from portal_api.core.limits import Limit
from portal_api.core.sealing import Secret, SecretError
from portal_api.core.tools import Tools
from portal_api.models.auth import OneTimeSecret
from portal_api.services import audit

PER_NETWORK = Limit("mailed-secret", 50, timedelta(minutes=15))
LIFETIMES = {
    "email_verification": timedelta(hours=24),
    "password_reset": timedelta(minutes=30),
    "email_change": timedelta(hours=24),
    "email_revert": timedelta(hours=72),
}


class SecretGone(Gone):
    code, title = "secret_gone", "This link was used or has expired"


class SecretUnknown(NotFound):
    code, title = "secret_unknown", "This link is not valid"


async def enter(session: Session, visitor: Principal, text: str) -> Secret:
    """Step into the practice that a mailed secret names. Raises SecretUnknown for anything we never issue, TooMany."""
    await session.tools.limiter.hit({PER_NETWORK: visitor.origin.network})
    try:
        secret = Secret.parse(text)
    except SecretError:
        raise SecretUnknown("Check that the whole link was copied.") from None
    await session.rebind(Binding(secret.practice_id, ActorKind.ANONYMOUS))
    return secret


def text_of(tools: Tools, secret: OneTimeSecret) -> Secret:
    """The secret itself, derived again from its row: nothing stored or queued can be used (A03)."""
    return tools.vault.secret(secret.purpose, secret.practice_id, str(secret.id))


def code_of(tools: Tools, secret: OneTimeSecret) -> str:
    """Six digits for typing on another device (F4.B1)."""
    return tools.vault.code(secret.purpose, secret.practice_id, str(secret.id))


async def issue(session: Session, principal: Principal, purpose: str, account_id: UUID, email: str) -> OneTimeSecret:
    """Make a secret and announce it by an event, from which the mail derives."""
    secret = await make(session, purpose, account_id, email, new_id())
    await announce(session, principal, secret)
    return secret


async def make(session: Session, purpose: str, account_id: UUID, email: str, identity: UUID) -> OneTimeSecret:
    """Make a secret with this id. Older ones of its kind end, but never the way back to an earlier address."""
    if purpose != "email_revert":
        await end_open(session, account_id, purpose)
    derived = session.tools.vault.secret(purpose, session.binding.practice_id, str(identity))
    secret = OneTimeSecret(
        id=identity,
        purpose=purpose,
        account_id=account_id,
        secret_hash=derived.hash,
        email=email,
        expires_at=await clock.now(session) + LIFETIMES[purpose],
    )
    session.add(secret)
    await session.flush()
    return secret


async def announce(session: Session, principal: Principal, secret: OneTimeSecret) -> None:
    """Record the event that mails the secret."""
    await audit.record(session, principal, f"{secret.purpose}.requested", resource=("one_time_secret", secret.id))


async def end_open(session: Session, account_id: UUID, *purposes: str) -> None:
    """What was mailed for these purposes no longer opens anything."""
    await session.execute(
        update(OneTimeSecret)
        .where(
            OneTimeSecret.account_id == account_id,
            OneTimeSecret.purpose.in_(purposes),
            OneTimeSecret.used_at.is_(None),
        )
        .values(used_at=func.now())
    )


async def send_verification(session: Session, principal: Principal, account_id: UUID, email: str) -> None:
    await issue(session, principal, "email_verification", account_id, email)


async def check(session: Session, purpose: str, secret: Secret) -> OneTimeSecret:
    """The secret, if it can be used now; it stays. Raises SecretGone, SecretUnknown."""
    found = await session.execute(
        select(OneTimeSecret, OneTimeSecret.expires_at > func.now()).where(
            OneTimeSecret.secret_hash == secret.hash, OneTimeSecret.purpose == purpose
        )
    )
    row = found.first()
    if row is None:
        raise SecretUnknown("Check that the whole link was copied.")
    known, in_time = row
    if known.used_at is not None or not in_time:
        raise SecretGone("Ask for a new one.")
    return known


async def use(session: Session, purpose: str, secret: Secret) -> OneTimeSecret:
    """Use a secret up: one caller of many wins. Raises SecretGone afterwards, SecretUnknown for a foreign one."""
    taken = (
        update(OneTimeSecret)
        .where(
            OneTimeSecret.secret_hash == secret.hash,
            OneTimeSecret.purpose == purpose,
            OneTimeSecret.used_at.is_(None),
            OneTimeSecret.expires_at > func.now(),
        )
        .values(used_at=func.now())
        .returning(OneTimeSecret)
    )
    found = (await session.execute(taken)).scalar_one_or_none()
    if found is not None:
        return found
    await check(session, purpose, secret)
    raise SecretGone("Ask for a new one.")
