"""What waits to be told at once becomes one mail and one push (F14.B1).

One job a recipient and kind waits a moment for what else may come, so that a series of bookings is one mail; in quiet
hours it waits for their end.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from portal_api.core import clock
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.models.audit import Event
from portal_api.models.notifications import OPEN_DELIVERIES, MailDelivery, Notification
from portal_api.services.notifications import composing, delivery, devices, wishes
from portal_api.services.notifications.kinds import BY_EVENT, BY_KEY, Kind

GATHER = "notices.gather"
PAUSE = timedelta(seconds=20)
"""How long a first notice waits for others of its kind."""
SPACING = timedelta(minutes=5)
"""Between two mails of a kind that gathers."""
AT_ONCE = 200


async def soon(session: Session, kind: Kind, recipient_ids: Sequence[UUID]) -> None:
    """Have what waits for these recipients sent: when others of the kind have had time to come, and nobody sleeps."""
    now = await clock.now(session)
    last = await _last_mails(session, kind, recipient_ids) if kind.gathers else {}
    hours = await wishes.hours_of(session, recipient_ids) if kind.quiet else {}
    for recipient_id in recipient_ids:
        at = now
        if kind.gathers:
            at = max(now + PAUSE, last.get(recipient_id, now - SPACING) + SPACING)
        if recipient_id in hours:
            at = hours[recipient_id].open_at(at)
        if at > now:
            await _gather_at(session, kind, recipient_id, at)
        else:
            await gather(session, recipient_id, kind.key)


async def _gather_at(session: Session, kind: Kind, recipient_id: UUID, at: datetime) -> None:
    practice_id, queue = session.binding.practice_id, session.tools.queue
    ids = {"recipient_id": recipient_id, "kind": kind.key}
    await queue.defer(session, GATHER, practice_id, at=at, key=f"{recipient_id}/{kind.key}", **ids)


async def _last_mails(session: Session, kind: Kind, recipient_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    last = (
        select(MailDelivery.recipient_id, func.max(MailDelivery.created_at))
        .where(
            MailDelivery.recipient_id.in_(recipient_ids),
            MailDelivery.kind == kind.key,
            MailDelivery.created_at > func.now() - SPACING,
        )
        .group_by(MailDelivery.recipient_id)
    )
    return {UUID(str(id)): at for id, at in (await session.execute(last)).all()}


async def gather(session: Session, recipient_id: UUID, kind_key: str) -> list[UUID]:
    """Take what waits for the recipient, of one kind; returns the mails to be sent for it, and those begun before.

    In quiet hours it waits for their end.
    """
    kind = BY_KEY.get(kind_key)
    if kind is None:  # a kind that there is no more
        return []
    now = await clock.now(session)
    if kind.quiet:
        hours = (await wishes.hours_of(session, [recipient_id]))[recipient_id]
        if hours.open_at(now) > now:
            await soon(session, kind, [recipient_id])
            return []
    wanted = (await wishes.modes_of(session, kind, [recipient_id]))[recipient_id]
    await _push(session, recipient_id, kind, wanted=wanted.push != "off")
    await _mail(session, recipient_id, kind, wanted.email)
    begun = select(MailDelivery.id).where(
        MailDelivery.recipient_id == recipient_id,
        MailDelivery.kind == kind_key,
        MailDelivery.state.in_(OPEN_DELIVERIES),
    )
    return [UUID(str(id)) for id in await session.scalars(begun.order_by(MailDelivery.id))]


async def open_mails(session: Session, event: Event) -> list[UUID]:
    """The mails that tell of this event at once and are still to be sent."""
    told = (
        select(MailDelivery.id)
        .join(Notification, Notification.delivery_id == MailDelivery.id)
        .where(
            Notification.event_id == event.id,
            MailDelivery.state.in_(OPEN_DELIVERIES),
            MailDelivery.kind.in_([kind.key for kind in BY_EVENT.get(event.type, ()) if not kind.gathers]),
        )
    )
    return [UUID(str(id)) for id in await session.scalars(told.order_by(MailDelivery.id))]


async def make_good(session: Session) -> None:
    """Gather what has waited for long: its job was lost."""
    overdue = func.now() - delivery.OVERDUE
    unmailed = select(Notification.recipient_id, Notification.kind).where(
        Notification.delivery_id.is_(None), Notification.email == "immediate", Notification.created_at < overdue
    )
    unpushed = select(Notification.recipient_id, Notification.kind).where(
        Notification.push, Notification.pushed_at.is_(None), Notification.created_at < overdue
    )
    for found in (unmailed, unpushed):
        for recipient_id, kind in (await session.execute(found.distinct().limit(AT_ONCE))).all():
            if kind in BY_KEY:
                await soon(session, BY_KEY[kind], [UUID(str(recipient_id))])


async def _mail(session: Session, recipient_id: UUID, kind: Kind, mode: str) -> None:
    """One mail for all of it; of a kind that does not gather, one each. Who wants it in the digest now has it there."""
    waiting = (
        select(Notification.id)
        .where(
            Notification.recipient_id == recipient_id,
            Notification.kind == kind.key,
            Notification.email == "immediate",
            Notification.delivery_id.is_(None),
        )
        .order_by(Notification.id)
        .with_for_update(skip_locked=True)
    )
    ids = [UUID(str(id)) for id in await session.scalars(waiting)]
    if mode != "immediate":
        await _set(session, ids, email=mode)
        return
    for together in [ids] if kind.gathers else [[id] for id in ids]:
        if together:
            await _set(session, together, delivery_id=await opened(session, recipient_id, kind.key, "notice"))


async def opened(session: Session, recipient_id: UUID, kind: str, template: str) -> UUID:
    """A new row in the delivery log."""
    row = MailDelivery(id=new_id(), template=template, subject_id=recipient_id, recipient_id=recipient_id, kind=kind)
    session.add(row)
    await session.flush()
    return row.id


async def _push(session: Session, recipient_id: UUID, kind: Kind, *, wanted: bool) -> None:
    """One push for all of it, as far as there is still something to say."""
    waiting = (
        select(Notification)
        .where(
            Notification.recipient_id == recipient_id,
            Notification.kind == kind.key,
            Notification.push,
            Notification.pushed_at.is_(None),
        )
        .order_by(Notification.id)
        .with_for_update(skip_locked=True)
    )
    rows = (await session.scalars(waiting)).all()
    await _set(session, [row.id for row in rows], pushed_at=func.now())
    lines = await composing.lines_of(session, rows) if wanted and rows else []
    if lines:
        await devices.wake(session, recipient_id, lines[-1].row.id)


async def _set(session: Session, ids: list[UUID], **values: object) -> None:
    if ids:
        change = update(Notification).where(Notification.id.in_(ids)).values(**values)
        await session.execute(change.execution_options(synchronize_session=False))
