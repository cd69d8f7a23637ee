"""Signing in: every way to fail looks and takes the same (A01)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from portal_api.core import clock
from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Read, Session
from portal_api.core.errors import TooMany, Unauthenticated
from portal_api.core.ids import LOBBY
from portal_api.core.limits import Limit
from portal_api.models.auth import Account, KnownDevice
from portal_api.models.portal import PortalSettings
from portal_api.models.staff import StaffMember
from portal_api.schemas.auth import Login
from portal_api.schemas.base import normal_email
from portal_api.services import audit
from portal_api.services.auth import accounts, authority, devices, passwords, practice_door, second_factor, sessions

PER_ACCOUNT_AND_NETWORK = Limit("login", 10, timedelta(minutes=15))
PER_NETWORK = Limit("login-network", 50, timedelta(minutes=15))
PER_KNOWN_DEVICE = Limit("login-device", 10, timedelta(minutes=15))
IN_A_ROW = Limit("login-in-a-row", 100, timedelta(days=3650))
"""Failures of one account without a success between them (NIST SP 800-63B-4, 3.2.2)."""
RETRY_AFTER_TOO_MANY = 900

_device = (
    select(KnownDevice.id)
    .where(
        KnownDevice.account_id == Account.id,
        KnownDevice.token_hash == bindparam("device_hash"),
        KnownDevice.last_used_at > func.now() - devices.REMEMBERED,
    )
    .correlate(Account)
    .scalar_subquery()
)
STORED = Read(
    select(Account.id, Account.password_hash, _device.label("device_id")).where(
        Account.email_norm == bindparam("email_norm")
    )
)


class InvalidCredentials(Unauthenticated):
    code, title = "invalid_credentials", "The practice, e-mail or password is wrong"
    keeps_effects = True

    def __init__(self) -> None:
        super().__init__("Check the practice's link, the e-mail address and the password.")


class OtpRequired(Unauthenticated):
    code, title = "otp_required", "Send the code of your second factor too"


class KnownDevicesOnly(TooMany):
    """After too many failures in a row only a known device, or a reset by mail, gets in."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who the visitor says they are, and what is stored about that: nothing, for somebody unknown."""

    practice_id: UUID | None
    email_norm: str
    account_id: UUID | None = None
    password_hash: str | None = None
    device_id: UUID | None = None

    @property
    def key(self) -> str:
        return key_of(self.practice_id, self.email_norm)


def key_of(practice_id: UUID | None, email_norm: str) -> str:
    """By what attempts are counted: the address, whether or not an account has it."""
    return f"{practice_id}/{email_norm}"


async def login(session: Session, visitor: Principal, data: Login, device_token: str | None) -> dict[str, Any]:
    """Open a session. Raises InvalidCredentials for anything wrong, OtpRequired, PortalDisabled,
    NoPortalAccess, TooMany.
    """
    claimed = await _claimed(session, data, device_token)
    counted = _limits(visitor, claimed)
    await _reserve(session, claimed, counted)
    correct = await passwords.verify(session.tools, data.password, claimed.password_hash)
    if claimed.practice_id is None:
        raise InvalidCredentials
    await session.rebind(Binding(claimed.practice_id, ActorKind.ANONYMOUS))
    account = await _usable(session, claimed) if correct else None
    if account is None:
        raise await _refused(session, visitor, claimed, "password")
    methods = await _methods(session, visitor, claimed, account, data.otp)
    answer = await _welcome(session, visitor, account, data, methods)
    answer["device_token"] = await devices.welcome(session, visitor, account.id, claimed.device_id, device_token)
    await session.tools.limiter.forgive(counted)
    await session.tools.limiter.forget(IN_A_ROW, claimed.key)
    return answer


async def _claimed(session: Session, data: Login, device_token: str | None) -> Claimed:
    """Read on the side, so that no transaction is open while the password is being hashed."""
    practice_id = await practice_door.find(session.tools.database, data.practice)
    email = normal_email(data.email)
    within = practice_id or LOBBY
    async with session.tools.database.reader(Binding(within, ActorKind.ANONYMOUS)) as reader:
        row = await reader.row(STORED, email_norm=email, device_hash=devices.hash_of(device_token, within))
    if row is None:
        return Claimed(practice_id, email)
    device_id = row["device_id"]
    return Claimed(
        practice_id, email, UUID(str(row["id"])), row["password_hash"], UUID(str(device_id)) if device_id else None
    )


def _limits(visitor: Principal, claimed: Claimed) -> dict[Limit, str]:
    """A device that the account knows is out of a stranger's reach."""
    if claimed.device_id is not None:
        return {PER_KNOWN_DEVICE: str(claimed.device_id)}
    network = visitor.origin.network
    return {PER_ACCOUNT_AND_NETWORK: f"{claimed.key}/{network}", PER_NETWORK: network}


async def _reserve(session: Session, claimed: Claimed, counted: dict[Limit, str]) -> None:
    """Count the attempt before it is checked; a success takes it back. Raises TooMany."""
    await session.tools.limiter.hit(counted)
    if claimed.device_id is not None:
        return
    try:
        await session.tools.limiter.hit({IN_A_ROW: claimed.key})
    except TooMany:
        raise KnownDevicesOnly(RETRY_AFTER_TOO_MANY, IN_A_ROW.policy()) from None


async def _usable(session: Session, claimed: Claimed) -> Account | None:
    """The account, if what was verified is still its password and it may sign in now."""
    account = await accounts.locked(session, claimed.account_id)
    if account.password_hash != claimed.password_hash or account.suspended_at is not None:
        return None
    if account.starter_expired(await clock.now(session)):
        return None
    if account.kind == "staff":
        working = select(StaffMember.id).where(StaffMember.account_id == account.id, StaffMember.state == "active")
        return account if (await session.execute(working)).first() else None
    return account


async def _methods(
    session: Session, visitor: Principal, claimed: Claimed, account: Account, otp: str | None
) -> list[str]:
    """What the visitor has proved. Raises PortalDisabled, NoPortalAccess, OtpRequired, InvalidCredentials."""
    portal = select(PortalSettings.enabled, authority.shut_out(account.id).label("shut_out"))
    row = (await session.execute(portal)).one()
    if account.kind == "client" and not row.enabled:
        raise authority.PortalDisabled("The practice has switched its portal off.")
    if row.shut_out:
        raise authority.NoPortalAccess("Ask the practice to open it.")
    if account.second_factor_at is None:
        return ["pwd"]
    if otp is None:
        raise OtpRequired("Send `otp`: a code of your authenticator, or a recovery code.")
    method = await second_factor.check(session, account.id, otp)
    if method is None:
        raise await _refused(session, visitor, claimed, "otp")
    return ["pwd", method]


async def _refused(session: Session, visitor: Principal, claimed: Claimed, factor: str) -> InvalidCredentials:
    details = {"factor": factor}
    if claimed.account_id is not None:
        details["account_id"] = str(claimed.account_id)
    await audit.record(session, visitor, "login.failed", outcome="failure", details=details)
    return InvalidCredentials()


async def _welcome(
    session: Session, visitor: Principal, account: Account, data: Login, methods: list[str]
) -> dict[str, Any]:
    account.password_hash = await passwords.kept(session.tools, data.password, account.password_hash)
    if account.must_change_password:
        await sessions.end_all(session, account.id, "starter_password")
    answer = await sessions.start(
        session, visitor, account, methods=methods, delivery=data.delivery, label=data.device_label or ""
    )
    actor = visitor.proven(account.kind, account.id)
    await audit.record(
        session, actor, "login.succeeded", resource=("account", account.id), details={"delivery": data.delivery}
    )
    return answer
