"""The second factor: time-based codes (RFC 6238) and recovery codes."""

import base64
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pyotp
from sqlalchemy import delete, func, select, update

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import InvalidState, invalid
from portal_api.core.limits import Limit
from portal_api.models.auth import Account, RecoveryCode, TotpCredential
from portal_api.models.practices import Practice
from portal_api.services import audit
from portal_api.services.auth import accounts, devices, sessions, step_up

ATTEMPTS = Limit("otp", 10, timedelta(minutes=15))
CODES = 10
CODE_BYTES = 15
STEP = 30
_SEAL = "totp_seed"
_HASH = "recovery_code"
_TOTP = re.compile(r"[0-9]{6}")


async def check(session: Session, account_id: UUID, otp: str) -> str | None:
    """The method that the code proves, `otp` or `recovery`, and the code is used up; None for a wrong one.

    The attempt is counted before it is checked, so guesses in parallel get no further (A37). Raises TooMany.
    """
    await session.tools.limiter.hit({ATTEMPTS: str(account_id)})
    if _TOTP.fullmatch(otp):
        return "otp" if await _use_step(session, account_id, otp, confirmed=True) else None
    return "recovery" if await _use_recovery_code(session, account_id, otp) else None


async def begin(session: Session, principal: Principal, password: str) -> dict[str, Any]:
    """A new secret for an authenticator; nothing changes until a code of it is confirmed.

    Raises InvalidState when a second factor is on already.
    """
    step_up.require_recent(principal)
    account = await step_up.prove(session, principal, password)
    if account.second_factor_at is not None:
        raise InvalidState("Remove the present second factor first.", state="enabled")
    seed = pyotp.random_base32()
    await session.execute(delete(TotpCredential).where(TotpCredential.account_id == account.id))
    sealed = session.tools.vault.seal(seed.encode(), purpose=_SEAL, aad=_place(account.practice_id, account.id))
    session.add(TotpCredential(account_id=account.id, sealed_seed=sealed))
    await session.flush()
    name = (await session.execute(select(Practice.name).where(Practice.id == account.practice_id))).scalar_one()
    return {"secret": seed, "uri": pyotp.TOTP(seed).provisioning_uri(name=account.email, issuer_name=name)}


async def confirm(session: Session, principal: Principal, otp: str) -> dict[str, Any]:
    """Switch the second factor on; the recovery codes are in this answer only.

    The session that asks counts as signed in with it, all others end. Raises InvalidState, Invalid, TooMany.
    """
    account = await accounts.locked(session, principal.account_id)
    if account.second_factor_at is not None:
        raise InvalidState("The second factor is on already.", state="enabled")
    await session.tools.limiter.hit({ATTEMPTS: str(account.id)})
    if not await _use_step(session, account.id, otp, confirmed=False):
        raise _wrong_otp()
    now = await clock.now(session)
    account.second_factor_at = now
    await session.execute(
        update(TotpCredential).where(TotpCredential.account_id == account.id).values(confirmed_at=now)
    )
    await sessions.upgrade(session, principal, "otp")
    return await _changed(session, principal, account, "second_factor.enabled", codes=True)


async def remove(session: Session, principal: Principal, password: str, otp: str) -> None:
    """Switch the second factor off; other sessions end. Raises InvalidState, Invalid, TooMany."""
    account = await _proven(session, principal, password, otp)
    await _switch_off(session, account)
    await _changed(session, principal, account, "second_factor.disabled")


async def reset(
    session: Session, principal: Principal, account: Account, *, clients: Iterable[UUID] = (), reason: str | None = None
) -> None:
    """Switch another person's second factor off, who has lost it: their sessions end, and they are told.

    account: locked by the caller. Raises InvalidState when there is none.
    """
    if account.second_factor_at is None:
        raise InvalidState("There is no second factor.", state="disabled")
    await _switch_off(session, account)
    await session.flush()
    await sessions.end_all(session, account.id, "second_factor_reset")
    await devices.forget_all(session, account.id)
    await audit.record(
        session, principal, "second_factor.reset", resource=("account", account.id), clients=clients, reason=reason
    )


async def _switch_off(session: Session, account: Account) -> None:
    account.second_factor_at = None
    await session.execute(delete(TotpCredential).where(TotpCredential.account_id == account.id))
    await session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))


async def renew_codes(session: Session, principal: Principal, password: str, otp: str) -> dict[str, Any]:
    """New recovery codes in place of the old ones. Raises InvalidState, Invalid, TooMany."""
    account = await _proven(session, principal, password, otp)
    return await _changed(session, principal, account, "second_factor.codes_renewed", codes=True)


async def _proven(session: Session, principal: Principal, password: str, otp: str) -> Account:
    step_up.require_recent(principal)
    account = await step_up.prove(session, principal, password)
    if account.second_factor_at is None:
        raise InvalidState("There is no second factor.", state="disabled")
    if await check(session, account.id, otp) is None:
        raise _wrong_otp()
    return account


async def _changed(
    session: Session, principal: Principal, account: Account, event: str, *, codes: bool = False
) -> dict[str, Any]:
    await session.flush()
    await sessions.end_all(session, account.id, "second_factor_changed", but=principal.session_id)
    await audit.record(session, principal, event, resource=("account", account.id))
    return {"recovery_codes": await _new_codes(session, account)} if codes else {}


async def _new_codes(session: Session, account: Account) -> list[str]:
    await session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    codes = [_new_code() for _ in range(CODES)]
    session.add_all(
        RecoveryCode(account_id=account.id, code_hash=_code_hash(session, account.id, code)) for code in codes
    )
    await session.flush()
    return codes


def _new_code() -> str:
    """120 random bits in base32, in groups of four."""
    text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _code_hash(session: Session, account_id: UUID, code: str) -> bytes:
    plain = code.replace("-", "").upper()
    return session.tools.vault.mac(*_place(session.binding.practice_id, account_id), plain, purpose=_HASH)


async def _use_recovery_code(session: Session, account_id: UUID, code: str) -> bool:
    taken = (
        update(RecoveryCode)
        .where(
            RecoveryCode.account_id == account_id,
            RecoveryCode.code_hash == _code_hash(session, account_id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=func.now())
        .returning(RecoveryCode.account_id)
    )
    return (await session.execute(taken)).first() is not None


async def _use_step(session: Session, account_id: UUID, otp: str, *, confirmed: bool) -> bool:
    """Whether the code is that of now, one step before or one after, and of a step later than the last used."""
    found = await session.execute(select(TotpCredential).where(TotpCredential.account_id == account_id))
    credential = found.scalar_one_or_none()
    if credential is None or (credential.confirmed_at is not None) is not confirmed:
        return False
    step = _step_of(_seed(session, credential), otp, await clock.now(session))
    if step is None:
        return False
    taken = (
        update(TotpCredential)
        .where(TotpCredential.account_id == account_id, TotpCredential.last_step < step)
        .values(last_step=step)
        .returning(TotpCredential.account_id)
    )
    return (await session.execute(taken)).first() is not None


def _seed(session: Session, credential: TotpCredential) -> str:
    place = _place(credential.practice_id, credential.account_id)
    return session.tools.vault.open(credential.sealed_seed, purpose=_SEAL, aad=place).decode()


def _step_of(seed: str, otp: str, now: datetime) -> int | None:
    totp, current = pyotp.TOTP(seed, interval=STEP), int(now.timestamp()) // STEP
    matching = [
        step
        for step in (current - 1, current, current + 1)
        if hmac.compare_digest(totp.generate_otp(step).encode(), otp.encode())
    ]
    return matching[-1] if matching else None


def _place(practice_id: UUID, account_id: UUID) -> tuple[str, str]:
    return (str(practice_id), str(account_id))


def _wrong_otp() -> Exception:
    return invalid("/otp", "wrong_otp", "This code is wrong, was used, or is no longer valid.")
