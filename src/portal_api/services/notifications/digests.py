"""The daily digest (F14.M2): at a reading of its reader's clock, of all that came since the last one that was sent.

Nothing is reckoned by windows of time. A row of the inbox waits for a digest until one takes it, in the transaction
that makes the digest's delivery; so each is in exactly one, whatever the clock does, however late a transaction
commits, and whoever dies when. The clock only says when the next one is due: once a local day, at the first reading of
the hour, or when the programs run again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Reader, Session
from portal_api.models.notifications import OPEN_DELIVERIES, DigestCursor, MailDelivery, Notification
from portal_api.services.clients import reading
from portal_api.services.notifications import addresses, composing, delivery, gathering, inbox, wishes
from portal_api.services.notifications.kinds import BY_KEY, DIGEST

AT_ONCE = 200
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A digest that is to be made. `at`: the moment when it was to come."""

    recipient_id: UUID
    at: datetime


def last_due(now: datetime, zone: ZoneInfo, digest_at: str) -> datetime:
    """The last time, up to now, that somebody's clock came to read `digest_at`: once each local day.

    A reading that is skipped is that much later, of two it is the first.
    """
    day = now.astimezone(zone).date()
    while (at := _on(day, digest_at, zone)) > now:
        day -= DAY
    return at


def next_due(now: datetime, zone: ZoneInfo, digest_at: str) -> datetime:
    """The next time after now."""
    day = now.astimezone(zone).date()
    while (at := _on(day, digest_at, zone)) <= now:
        day += DAY
    return at


async def any_wait(session: Session) -> bool:
    """Whether anything waits for a digest in the practice."""
    waiting = select(Notification.id).where(_waits()).limit(1)
    return await session.scalar(waiting) is not None


async def due(session: Session, after: UUID | None) -> tuple[list[Due], UUID | None]:
    """Whose digest is due, of the next AT_ONCE for whom something waits; and where to go on, None at the end.

    It is due where something happened before its hour and no digest came since; after an outage at once, not tomorrow.
    In quiet hours it waits for their end.
    """
    first = select(Notification.recipient_id, func.min(Notification.occurred_at).label("since")).where(_waits())
    if after is not None:
        first = first.where(Notification.recipient_id > after)
    first = first.group_by(Notification.recipient_id).order_by(Notification.recipient_id).limit(AT_ONCE)
    since = {UUID(str(row.recipient_id)): row.since for row in (await session.execute(first)).all()}
    now = await clock.now(session)
    found = []
    for id, clocks in (await wishes.hours_of(session, list(since))).items():
        at = last_due(now, clocks.zone, clocks.digest_at)
        covered = clocks.covered_until is not None and clocks.covered_until >= at
        if since[id] < at and not covered and clocks.open_at(now) == now:
            found.append(Due(id, at))
    return found, list(since)[-1] if len(since) == AT_ONCE else None


async def make(session: Session, wanted: Due) -> bool:
    """Take what waits for the recipient, unless somebody else has, or there is nobody to mail; says whether it did."""
    now = await clock.now(session)
    address = await wishes.address_of(session, wanted.recipient_id, to_login=False)
    if address is None or await addresses.is_suppressed(session, address):
        return False  # it waits for a better one
    if not await composing.may_be_mailed(session, wanted.recipient_id, None):
        return False  # it waits until they are let in again
    if not await _advance(session, wanted, now):
        return False
    await _take_back(session, wanted.recipient_id, now)
    waiting = select(Notification).where(Notification.recipient_id == wanted.recipient_id, _waits())
    rows = (await session.scalars(waiting.order_by(Notification.id).with_for_update())).all()
    unwanted = await _unwanted(session, wanted.recipient_id, rows)
    for row in rows:
        if row.kind in unwanted:
            row.email = "off"
    told = [row for row in rows if row.kind not in unwanted]
    if told:
        delivery_id = await gathering.opened(session, wanted.recipient_id, DIGEST, "digest")
        mine = update(Notification).where(Notification.id.in_([row.id for row in told]))
        await session.execute(mine.values(delivery_id=delivery_id).execution_options(synchronize_session=False))
        await delivery.queue(session, delivery_id)
    return bool(told)


async def preview(reader: Reader, principal: Principal) -> dict[str, Any]:
    """What the caller's next digest would say if it came now, and when it comes."""
    account_id = principal.account_id
    assert account_id is not None  # noqa: S101 - the route is for accounts
    row = await reader.row(wishes.HOURS, recipient_ids=[account_id])
    assert row is not None  # noqa: S101 - one for each id
    clocks = wishes.hours(row)
    async with reader.tools.database.session(reader.binding) as session:
        told = await _would_tell(session, account_id)
    waiting = await reader.rows(inbox.waiting_for_digest(reading.sees_all(principal)), **inbox.values(principal))
    found = [each for each in waiting if UUID(str(each["id"])) in told]
    shown = [inbox.shown(each) for each in found[: composing.MOST_LINES]]
    return {
        "due_at": clocks.open_at(next_due(row["now"], clocks.zone, clocks.digest_at)),
        "covered_until": clocks.covered_until,
        "data": shown,
        "left_out": len(found) - len(shown),
    }


async def _would_tell(session: Session, recipient_id: UUID) -> set[UUID]:
    """The rows of which there would be something to say: wanted, still theirs to see, and not over."""
    waiting = select(Notification).where(Notification.recipient_id == recipient_id, _waits())
    rows = (await session.scalars(waiting.order_by(Notification.occurred_at).limit(inbox.LONGEST_DIGEST))).all()
    unwanted = await _unwanted(session, recipient_id, rows)
    lines = await composing.lines_of(session, [row for row in rows if row.kind not in unwanted])
    return {line.row.id for line in lines}


def _on(day: date, digest_at: str, zone: ZoneInfo) -> datetime:
    minute = wishes.minute(digest_at)
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)


def _waits() -> Any:
    return (Notification.email == "digest") & Notification.delivery_id.is_(None)


async def _advance(session: Session, wanted: Due, now: datetime) -> bool:
    """Move the cursor past the due moment; of two who try at once the second sees that it is done."""
    row = insert(DigestCursor).values(
        practice_id=session.binding.practice_id, recipient_id=wanted.recipient_id, covered_until=now
    )
    moved = row.on_conflict_do_update(
        index_elements=["practice_id", "recipient_id"],
        set_={"covered_until": now},
        where=DigestCursor.covered_until < wanted.at,
    )
    return await session.scalar(moved.returning(DigestCursor.recipient_id)) is not None


async def _take_back(session: Session, recipient_id: UUID, now: datetime) -> None:
    """What an earlier digest could not tell so far is told by this one: nobody gets both at once."""
    earlier = select(MailDelivery).where(
        MailDelivery.recipient_id == recipient_id,
        MailDelivery.kind == DIGEST,
        MailDelivery.state.in_(OPEN_DELIVERIES),
    )
    for each in (await session.scalars(earlier.with_for_update())).all():
        if each.busy_until(now) is None:
            await delivery.give_up(session, each, now, "abandoned")


async def _unwanted(session: Session, recipient_id: UUID, rows: Sequence[Notification]) -> set[str]:
    """Kinds that the recipient does not want any more, or that there are no more."""
    found = set[str]()
    for key in {row.kind for row in rows}:
        kind = BY_KEY.get(key)
        if kind is None or (await wishes.modes_of(session, kind, [recipient_id]))[recipient_id].email == "off":
            found.add(key)
    return found
