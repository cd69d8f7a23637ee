"""Sessions: login, refresh rotation with families and grace, logout (security.md 3.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from portal_api.core import clock
from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Session
from portal_api.core.errors import NotFound, Unauthenticated
from portal_api.core.ids import new_id
from portal_api.core.limits import Limit
from portal_api.core.sealing import Secret, SecretError
from portal_api.core.signing import Claims
from portal_api.core.tools import Tools
from portal_api.models.auth import Account, AuthSession, RefreshToken
from portal_api.models.scheduling import CalendarFeed
from portal_api.services import audit

ACCESS_LIFETIME = timedelta(minutes=10)
GRACE = timedelta(seconds=10)
REFRESHES = Limit("refresh", 1000, timedelta(minutes=15))
"""Per network: nobody guesses 256 bits, but nobody needs to try."""
_SEAL = "refresh_successor"


@dataclass(frozen=True, slots=True)
class Lifetime:
    idle: timedelta
    absolute: timedelta


LIFETIMES = {
    ("staff", "cookie"): Lifetime(timedelta(minutes=30), timedelta(hours=12)),
    ("staff", "body"): Lifetime(timedelta(days=14), timedelta(days=90)),
    ("client", "cookie"): Lifetime(timedelta(minutes=60), timedelta(hours=24)),
    ("client", "body"): Lifetime(timedelta(days=14), timedelta(days=90)),
}


class RefreshRefused(Unauthenticated):
    code, title = "invalid_refresh_token", "This refresh token is not valid"


class RefreshReused(Unauthenticated):
    code, title = "refresh_token_reused", "This refresh token was used before; the session has ended"
    keeps_effects = True


async def start(
    session: Session, principal: Principal, account: Account, *, methods: list[str], delivery: str, label: str
) -> dict[str, Any]:
    """Open a session for a proven account and hand out its first tokens."""
    now = await clock.now(session)
    lifetime = LIFETIMES[account.kind, delivery]
    opened = AuthSession(
        id=new_id(),
        account_id=account.id,
        delivery=delivery,
        device_label=label,
        ip=principal.origin.ip,
        methods=methods,
        authenticated_at=now,
        idle_expires_at=now + lifetime.idle,
        expires_at=now + lifetime.absolute,
    )
    session.add(opened)
    await session.flush()
    token = Secret.random(session.binding.practice_id)
    session.add(RefreshToken(token_hash=token.hash, session_id=opened.id, expires_at=opened.idle_expires_at))
    return tokens(session.tools, account, opened, token, now)


def tokens(tools: Tools, account: Account, opened: AuthSession, refresh: Secret, now: datetime) -> dict[str, Any]:
    """The answer to a login or a refresh."""
    issued = int(now.timestamp())
    claims = Claims(
        sub=account.id,
        sid=opened.id,
        practice_id=account.practice_id,
        kind=account.kind,
        audience="portal-api",
        scope="portal",
        issued_at=issued,
        expires_at=issued + int(ACCESS_LIFETIME.total_seconds()),
        jti=str(new_id()),
    )
    return {
        "access_token": tools.keyring.sign(claims, issuer=tools.settings.public_url),
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
        "refresh_token": refresh.text,
        "device_token": None,
        "account": account_view(account),
    }


def account_view(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "kind": account.kind,
        "email": account.email,
        "email_verified": account.email_verified_at is not None,
        "must_change_password": account.must_change_password,
        "second_factor_enabled": account.second_factor_at is not None,
    }


async def refresh(session: Session, visitor: Principal, text: str | None) -> tuple[dict[str, Any], str]:
    """Rotate: one conditional update, so of many racers one wins (A35). Returns the answer and the delivery.

    The immediate parent, shown again within the grace, gets the same successor: a lost answer is no theft.
    Anything older ends the whole family. Raises RefreshRefused, RefreshReused, TooMany.
    """
    await session.tools.limiter.hit({REFRESHES: visitor.origin.network})
    presented = _parse(text)
    await session.rebind(Binding(presented.practice_id, ActorKind.ANONYMOUS))
    successor = Secret.random(presented.practice_id)
    sealed = session.tools.vault.seal(successor.text.encode(), purpose=_SEAL, aad=(presented.text,))
    row = (await session.execute(_rotation(presented, successor, sealed))).first()
    if row is None:
        successor, session_id = await _second_use(session, visitor, presented)
    else:
        session_id = row.session_id
    return await _continue(session, presented.practice_id, session_id, successor, fresh=row is not None)


def _rotation(presented: Secret, successor: Secret, sealed: bytes) -> Any:
    return (
        update(RefreshToken)
        .where(
            RefreshToken.token_hash == presented.hash,
            RefreshToken.used_at.is_(None),
            RefreshToken.expires_at > func.now(),
        )
        .values(used_at=func.now(), successor_hash=successor.hash, sealed_successor=sealed)
        .returning(RefreshToken.session_id)
    )


async def _second_use(session: Session, visitor: Principal, presented: Secret) -> tuple[Secret, UUID]:
    known = select(RefreshToken).where(RefreshToken.token_hash == presented.hash)
    token = (await session.execute(known)).scalar_one_or_none()
    if token is None or token.used_at is None:
        raise RefreshRefused("Sign in again.")
    now = await clock.now(session)
    if now - token.used_at <= GRACE and token.sealed_successor and await _unused(session, token.successor_hash):
        text = session.tools.vault.open(token.sealed_successor, purpose=_SEAL, aad=(presented.text,)).decode()
        return Secret.parse(text), token.session_id
    opened = await _session(session, token.session_id)
    if opened.ended_at is None:  # announced once, however often a thief tries
        opened.end(now, "refresh_token_reused")
        details = {"account_id": str(opened.account_id)}
        await audit.record(
            session, visitor, "session.token_reused", resource=("session", opened.id), outcome="denied", details=details
        )
    raise RefreshReused("Sign in again. If this was not you, change your password.")


async def _unused(session: Session, token_hash: bytes | None) -> bool:
    query = select(RefreshToken.used_at).where(RefreshToken.token_hash == token_hash)
    row = (await session.execute(query)).first()
    return row is not None and row.used_at is None


async def _continue(
    session: Session, practice_id: UUID, session_id: UUID, successor: Secret, *, fresh: bool
) -> tuple[dict[str, Any], str]:
    now = await clock.now(session)
    opened = await _session(session, session_id)
    account = (await session.execute(select(Account).where(Account.id == opened.account_id))).scalar_one()
    if opened.ended_at or opened.expires_at <= now or account.suspended_at:
        raise RefreshRefused("Sign in again.")
    if fresh:
        idle = LIFETIMES[account.kind, opened.delivery].idle
        opened.idle_expires_at = min(now + idle, opened.expires_at)
        opened.last_used_at = now
        session.add(RefreshToken(token_hash=successor.hash, session_id=session_id, expires_at=opened.idle_expires_at))
    return tokens(session.tools, account, opened, successor, now), opened.delivery


async def _session(session: Session, session_id: UUID) -> AuthSession:
    query = select(AuthSession).where(AuthSession.id == session_id).with_for_update()
    return (await session.execute(query)).scalar_one()


async def upgrade(session: Session, principal: Principal, *methods: str) -> None:
    """The session that asks was proved again just now, by these methods."""
    opened = await _session(session, _own(principal))
    opened.reauthenticate(await clock.now(session), *methods)


def _own(principal: Principal) -> UUID:
    if principal.session_id is None:
        raise NotFound
    return principal.session_id


async def log_out(session: Session, principal: Principal) -> None:
    """End the session that asks."""
    if principal.session_id is not None:
        await end(session, principal, principal.account_id, principal.session_id, "logout")


async def end(
    session: Session,
    principal: Principal,
    account_id: UUID | None,
    session_id: UUID,
    reason: str,
    *,
    clients: Iterable[UUID] = (),
) -> None:
    """End one session of an account. Raises NotFound."""
    query = select(AuthSession).where(
        AuthSession.id == session_id, AuthSession.account_id == account_id, AuthSession.ended_at.is_(None)
    )
    opened = (await session.execute(query.with_for_update())).scalar_one_or_none()
    if opened is None:
        raise NotFound
    opened.end(await clock.now(session), reason)
    await audit.record(
        session, principal, "session.ended", resource=("session", opened.id), clients=clients, reason=reason
    )


async def end_all(session: Session, account_id: UUID, reason: str, *, but: UUID | None = None) -> None:
    """End an account's sessions, all or all but one (ASVS 7.4.3). Effective on the next request."""
    await session.execute(
        update(AuthSession)
        .where(
            AuthSession.account_id == account_id, AuthSession.ended_at.is_(None), AuthSession.id != (but or new_id())
        )
        .values(ended_at=func.now(), end_reason=reason)
    )


async def end_access(session: Session, account_id: UUID, reason: str) -> None:
    """Whose access is over loses every session, and the calendar link, which opens without one. For good."""
    await end_all(session, account_id, reason)
    ended = {"secret_hash": None, "linked_at": None, "version": CalendarFeed.version + 1}
    await session.execute(update(CalendarFeed).where(CalendarFeed.account_id == account_id).values(ended))


def _parse(text: str | None) -> Secret:
    try:
        return Secret.parse(text or "")
    except SecretError:
        raise RefreshRefused("Sign in again.") from None
