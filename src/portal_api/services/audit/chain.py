"""The hash chain of a practice's events: what a link covers, and which events wait for one."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal_column, select
from sqlalchemy.orm import aliased

from portal_api.models.audit import Event, EventSeal

LATENESS = timedelta(minutes=15)
"""No transaction lives that long: statements end after 5 s, idle transactions after 10 s, jobs after 5 minutes."""
GENESIS = bytes(32)
_FIELDS = tuple(column.key for column in Event.__table__.columns)
_BEGINNING: ColumnElement[datetime] = literal_column("'-infinity'::timestamptz")


def link(previous: bytes, event: Event) -> bytes:
    """SHA-256 of the hash before and of every column of the event."""
    return hashlib.sha256(previous + canonical(event)).digest()


def canonical(event: Event) -> bytes:
    """JSON with sorted keys, without spaces and nulls: a column that is added later changes no older hash."""
    values = {name: value for name in _FIELDS if (value := getattr(event, name)) is not None}
    return json.dumps(values, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _plain(value: Any) -> str:
    match value:
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case bytes():
            return value.hex()
        case _:
            raise TypeError(f"an event has no {type(value).__name__}")


def unsealed() -> ColumnElement[bool]:
    """Events without a link, looked for since `watermark` only: one range of ix_event_time.

    A scalar subquery, not an EXISTS: it is always one index probe an event, where a join that was planned while
    the chain was short would later compare everything with everything.
    """
    place = select(EventSeal.seq).where(EventSeal.event_id == Event.id).correlate(Event).scalar_subquery()
    return and_(Event.occurred_at >= watermark(), place.is_(None))


def watermark() -> ColumnElement[datetime]:
    """Everything older has its link.

    Links are given in the order of time to whatever has committed. So an older event without one committed
    after a newer event was sealed, more than LATENESS after its own transaction began, which none does.
    One subquery as a whole: COALESCE beside a column counts as leaky, and row-level security would keep the
    comparison out of the index.
    """
    sealed = aliased(Event)
    newest = (
        select(sealed.occurred_at)
        .join(EventSeal, EventSeal.event_id == sealed.id)
        .order_by(EventSeal.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(func.least(func.coalesce(newest, _BEGINNING), func.now()) - LATENESS).scalar_subquery()
