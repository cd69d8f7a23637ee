"""Idempotency keys: the answer is kept in the transaction of its effect, so a retry has one effect (R03)."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Database, Read, Session
from portal_api.core.errors import AppError, Conflict, Invalid
from portal_api.models.retries import IdempotencyRecord

KEPT_FOR = timedelta(hours=24)
WAIT_FOR_THE_FIRST = "1s"
_PURPOSE = "idempotency"
ANSWERED = Read(
    select(IdempotencyRecord.status).where(
        IdempotencyRecord.scope_hash == bindparam("scope_hash"),
        IdempotencyRecord.sealed_answer.is_not(None),
        IdempotencyRecord.expires_at > func.now() + timedelta(minutes=1),
    )
)


class InFlight(Conflict):
    code, title = "idempotency_key_in_flight", "The first request with this key is still being worked on"


class KeyReused(Invalid):
    code, title = "idempotency_key_reused", "This Idempotency-Key was used with another body"


@dataclass(slots=True)
class Kept:
    """An answer as it is kept."""

    status: int
    headers: dict[str, str]
    media_type: str
    body: bytes


async def once(
    session: Session, principal: Principal, route: str, key: str, body: bytes, work: Callable[[], Awaitable[Kept]]
) -> tuple[Kept, bool]:
    """Do the work, or replay the answer it gave before. Returns the answer and whether it is a replay.

    The record is scoped to practice, actor and route, so another caller's key is another key (A52). Failures
    roll back with their record: a retry after one runs again. Raises InFlight, KeyReused.
    """
    scope = _scope(str(principal.kind), str(principal.account_id), route, key)
    fingerprint = hashlib.sha256(body).digest()
    home = session.binding
    if not await _claim(session, scope, fingerprint):
        return await _replay(session, scope, fingerprint), True
    try:
        kept = await work()
    except AppError as error:
        if error.keeps_effects:
            await _free(session, home, scope)
        raise
    await session.rebind(home)
    await _keep(session, scope, kept)
    return kept, False


async def is_answered(database: Database, route: str, key: str) -> bool:
    """Whether the answer to nobody's request with this key is kept, and will be for as long as one takes."""
    async with database.reader(Binding()) as reader:
        return await reader.row(ANSWERED, scope_hash=_scope(ActorKind.ANONYMOUS, "None", route, key)) is not None


async def _free(session: Session, home: Binding, scope: bytes) -> None:
    """The refusal commits: the key must not stay taken with it, or a retry would wait for an answer in vain."""
    await session.rebind(home)
    await session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.scope_hash == scope))


async def _claim(session: Session, scope: bytes, fingerprint: bytes) -> bool:
    """Insert the record; wait a moment for a request that holds it, no longer."""
    await session.execute(text(f"SET LOCAL lock_timeout = '{WAIT_FOR_THE_FIRST}'"))
    row = insert(IdempotencyRecord).values(
        practice_id=session.binding.practice_id,
        scope_hash=scope,
        fingerprint=fingerprint,
        expires_at=func.now() + KEPT_FOR,
    )
    fresh = row.on_conflict_do_update(
        index_elements=["practice_id", "scope_hash"],
        set_={"fingerprint": fingerprint, "expires_at": func.now() + KEPT_FOR, "sealed_answer": None},
        where=IdempotencyRecord.expires_at < func.now(),
    ).returning(IdempotencyRecord.scope_hash)
    try:
        claimed = (await session.execute(fresh)).first() is not None
    except DBAPIError as error:
        if getattr(getattr(error.orig, "__cause__", None), "sqlstate", None) == "55P03":
            raise InFlight("Wait a moment and send the same request again.") from None
        raise
    await session.execute(text("SET LOCAL lock_timeout = DEFAULT"))
    return claimed


async def _replay(session: Session, scope: bytes, fingerprint: bytes) -> Kept:
    record = (
        await session.execute(select(IdempotencyRecord).where(IdempotencyRecord.scope_hash == scope))
    ).scalar_one_or_none()
    if record is None or record.sealed_answer is None:
        raise InFlight("Wait a moment and send the same request again.")
    if record.fingerprint != fingerprint:
        raise KeyReused("Use a new key for a new request.")
    opened = session.tools.vault.open(record.sealed_answer, purpose=_PURPOSE, aad=(scope.hex(),))
    head, _, content = opened.partition(b"\n")
    facts: dict[str, Any] = orjson.loads(head)
    return Kept(facts["status"], facts["headers"], facts["media_type"], content)


async def _keep(session: Session, scope: bytes, kept: Kept) -> None:
    head = orjson.dumps({"status": kept.status, "headers": kept.headers, "media_type": kept.media_type})
    sealed = session.tools.vault.seal(head + b"\n" + kept.body, purpose=_PURPOSE, aad=(scope.hex(),))
    await session.execute(
        update(IdempotencyRecord)
        .where(IdempotencyRecord.scope_hash == scope)
        .values(status=kept.status, sealed_answer=sealed)
    )


def _scope(*parts: str) -> bytes:
    return hashlib.sha256(orjson.dumps(parts)).digest()
