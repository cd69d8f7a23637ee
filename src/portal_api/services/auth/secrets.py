"""Mailed secrets: made, and used once."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Gone, NotFound
from portal_api.core.ids import new_id
from portal_api.core.sealing import Secret
from portal_api.core.tools import Tools
from portal_api.models.auth import OneTimeSecret
from portal_api.services import audit

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
    """Make a secret with this id. Older ones of its kind end."""
    await session.execute(
        update(OneTimeSecret)
        .where(
            OneTimeSecret.account_id == account_id, OneTimeSecret.purpose == purpose, OneTimeSecret.used_at.is_(None)
        )
        .values(used_at=func.now())
    )
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


async def send_verification(session: Session, principal: Principal, account_id: UUID, email: str) -> None:
    await issue(session, principal, "email_verification", account_id, email)


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
    known = select(OneTimeSecret.id).where(OneTimeSecret.secret_hash == secret.hash, OneTimeSecret.purpose == purpose)
    if (await session.execute(known)).first():
        raise SecretGone("Ask for a new one.")
    raise SecretUnknown("Check that the whole link was copied.")
