"""Signing in: every way to fail looks and takes the same (A01)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Read, Session
from portal_api.core.errors import Forbidden, Unauthenticated
from portal_api.core.ids import LOBBY
from portal_api.core.limits import Limit
from portal_api.models.auth import Account
from portal_api.models.portal import PortalSettings
from portal_api.schemas.auth import Login
from portal_api.schemas.base import normal_email
from portal_api.services import audit
from portal_api.services.auth import passwords, practice_door, sessions

PER_ACCOUNT_AND_NETWORK = Limit("login", 10, timedelta(minutes=15))
PER_NETWORK = Limit("login-network", 50, timedelta(minutes=15))

STORED = Read(select(Account.id, Account.password_hash).where(Account.email_norm == bindparam("email_norm")))


class InvalidCredentials(Unauthenticated):
    code, title = "invalid_credentials", "The practice, e-mail or password is wrong"


class PortalOff(Forbidden):
    code, title = "portal_disabled", "The portal is switched off"


async def login(session: Session, visitor: Principal, data: Login) -> dict[str, Any]:
    """Open a session. Raises InvalidCredentials for anything wrong, TooMany, Unavailable."""
    tools = session.tools
    practice_id = await practice_door.find(tools.database, data.practice)
    email = normal_email(data.email)
    network = visitor.origin.network
    await tools.limiter.hit({PER_ACCOUNT_AND_NETWORK: f"{practice_id}/{email}/{network}", PER_NETWORK: network})
    account_id, stored = await _stored_hash(session, practice_id, email)
    correct = await passwords.verify(tools, data.password, stored)
    if practice_id is None:
        raise InvalidCredentials("Check the practice's link, the e-mail address and the password.")
    await session.rebind(Binding(practice_id, ActorKind.ANONYMOUS))
    account = await _usable(session, account_id, stored) if correct else None
    if account is None:
        await _refused(session, visitor, account_id)
        raise InvalidCredentials("Check the practice's link, the e-mail address and the password.")
    return await _welcome(session, visitor, account, data)


async def _stored_hash(session: Session, practice_id: UUID | None, email: str) -> tuple[UUID | None, str | None]:
    """Read on the side, so that no transaction is open while the password is being hashed."""
    async with session.tools.database.reader(Binding(practice_id or LOBBY, ActorKind.ANONYMOUS)) as reader:
        row = await reader.row(STORED, email_norm=email)
    return (UUID(str(row["id"])), row["password_hash"]) if row else (None, None)


async def _usable(session: Session, account_id: UUID | None, verified: str | None) -> Account | None:
    """The account, if what was verified is still its password and it may sign in now."""
    account = (await session.execute(select(Account).where(Account.id == account_id))).scalar_one_or_none()
    if account is None or account.password_hash != verified or account.suspended_at is not None:
        return None
    expired = account.starter_expires_at is not None and account.starter_expires_at <= await clock.now(session)
    return None if expired else account


async def _refused(session: Session, visitor: Principal, account_id: UUID | None) -> None:
    """Recorded apart: the refusal rolls back."""
    details = {"account_id": str(account_id)} if account_id else {}
    await audit.record_apart(
        session.tools.database, session.binding.practice_id, visitor, "login.failed", outcome="failure", details=details
    )


async def _welcome(session: Session, visitor: Principal, account: Account, data: Login) -> dict[str, Any]:
    settings = (await session.execute(select(PortalSettings))).scalar_one()
    if account.kind == "client" and not settings.enabled:
        raise PortalOff("The practice has switched its portal off.")
    if account.must_change_password:
        await sessions.end_all(session, account.id, "starter_password")
    answer = await sessions.start(
        session, visitor, account, methods=["pwd"], delivery=data.delivery, label=data.device_label or ""
    )
    await audit.record(
        session, visitor, "login.succeeded", resource=("account", account.id), details={"delivery": data.delivery}
    )
    return answer
