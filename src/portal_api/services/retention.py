"""What is deleted once it has served: secrets, sessions, devices and answers that nobody can use any more.

The trail of events, the mails sent and everything of a chart are no part of it: they have rules of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select

from portal_api.core.db import Session
from portal_api.models.auth import AuthSession, KnownDevice, OneTimeSecret, RefreshToken
from portal_api.models.notifications import Notification, PushSubscription
from portal_api.models.retries import IdempotencyRecord
from portal_api.services.auth import devices

BATCH = 500
AFTER_EXPIRY = timedelta(days=30)
"""A used or expired link is known for so long as used or expired; a session that is over, by its id in the trail."""
INBOX = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of one table that go. `key` is what identifies a row within its practice."""

    model: Any
    key: Any
    is_over: Callable[[], ColumnElement[bool]]


def _device_is_gone() -> ColumnElement[bool]:
    """At once, not only AFTER_EXPIRY: it is a way to reach somebody who is signed in there no more."""
    over_at = func.least(AuthSession.ended_at, AuthSession.idle_expires_at, AuthSession.expires_at)
    over = exists().where(AuthSession.id == PushSubscription.session_id, over_at < func.now())
    return over | (PushSubscription.expires_at < func.now())


def _session_is_over() -> ColumnElement[bool]:
    over_at = func.least(AuthSession.ended_at, AuthSession.idle_expires_at, AuthSession.expires_at)
    return over_at < func.now() - AFTER_EXPIRY


def _family_is_over() -> ColumnElement[bool]:
    """Until then a used token must be known, so that showing it again ends the family (A35)."""
    return exists().where(AuthSession.id == RefreshToken.session_id, _session_is_over())


def _has_no_tokens() -> ColumnElement[bool]:
    return ~exists().where(RefreshToken.session_id == AuthSession.id) & _session_is_over()


RULES = (
    Rule(IdempotencyRecord, IdempotencyRecord.scope_hash, lambda: IdempotencyRecord.expires_at < func.now()),
    Rule(OneTimeSecret, OneTimeSecret.id, lambda: OneTimeSecret.expires_at < func.now() - AFTER_EXPIRY),
    Rule(KnownDevice, KnownDevice.id, lambda: KnownDevice.last_used_at < func.now() - devices.REMEMBERED),
    Rule(Notification, Notification.id, lambda: Notification.created_at < func.now() - INBOX),
    Rule(PushSubscription, PushSubscription.id, _device_is_gone),
    Rule(RefreshToken, RefreshToken.token_hash, _family_is_over),
    Rule(AuthSession, AuthSession.id, _has_no_tokens),
)
"""In this order: a session goes after its tokens and its device."""


async def prune(session: Session, rule: Rule) -> int:
    """Delete at most BATCH of the rows that are over, in the session's practice; says how many.

    A row that somebody holds is left for the next day.
    """
    over = select(rule.key).where(rule.is_over()).limit(BATCH).with_for_update(of=rule.model, skip_locked=True)
    keys = (await session.scalars(over)).all()
    if keys:
        gone = delete(rule.model).where(rule.key.in_(keys)).execution_options(synchronize_session=False)
        await session.execute(gone)
    return len(keys)
