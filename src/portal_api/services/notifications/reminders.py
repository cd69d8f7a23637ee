"""Reminders, planned a little ahead and sent once each (F10.M10).

A sweep looks, practice by practice, for starts whose reminder is due within LEAD and has no row yet. The row's unique
key makes it one; its job sends it, and takes the row first, so that two workers send it once. Nothing is planned months
ahead: a reminder follows what is true when it is due, the start, the people, their addresses, what they and the
practice chose. A row whose job was lost is found by the sweep. A worker that dies between the mail server's yes and its
own note of it is the one case of a second mail, under the same Message-ID.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import any_, exists, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from portal_api.core import clock
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.core.jobs import JobFailed
from portal_api.integrations.reminders import Notice
from portal_api.models.notifications import MailDelivery
from portal_api.models.notifications.deliveries import LEASE
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.scheduling import OPEN_REMINDERS, Appointment, Reminder, ReminderSettings, Service
from portal_api.services.notifications import addresses, recipients, unsubscribing
from portal_api.services.notifications.kinds import REMINDERS
from portal_api.services.notifications.letters import app_link
from portal_api.services.notifications.recipients import Recipient
from portal_api.services.scheduling.reminding import Quiet, moment

LEAD = timedelta(hours=2)
"""How long before it is due a reminder is planned: longer than a sweep may fail to run."""
OVERDUE = timedelta(minutes=5)
AT_ONCE = 200
CHANNEL = "email"
TASK = "reminders.send"
Position = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a practice chose. `since`: a reminder that was due before then was not wanted yet."""

    quiet: Quiet | None
    since: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Start:
    """A booked appointment as it bears on its reminders. `offsets`: of its service, else the practice's."""

    id: UUID
    starts_at: datetime
    offsets: tuple[int, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Sending:
    """`delivery_id`: its row in the delivery log."""

    reminder_id: UUID
    delivery_id: UUID
    channel: str
    notice: Notice


async def offsets(session: Session) -> list[int]:
    """Every offset that the practice or one of its services uses, nearest to the start first; none: nothing to do."""
    used = [set(row) for row in await session.scalars(select(ReminderSettings.offsets))]
    of_services = select(Service.reminder_offsets_minutes).where(Service.reminder_offsets_minutes.is_not(None))
    used += [set(row or ()) for row in await session.scalars(of_services.distinct())]
    return sorted(set().union(*used))


async def plan(session: Session, offset: int, after: Position | None) -> Position | None:
    """Plan reminders of one offset, for up to AT_ONCE starts; returns where to go on, None after the last."""
    rules = await _rules(session)
    starts = await _starts(session, rules, offset, after)
    people = await recipients.of_appointments(session, [start.id for start in starts])
    rows = [row for start in starts for row in _rows(rules, start, offset, people.get(start.id, ()))]
    await _insert(session, rows)
    return (starts[-1].starts_at, starts[-1].id) if len(starts) == AT_ONCE else None


async def make_good(session: Session) -> None:
    """Queue again what is overdue or was begun and not finished, as far as no job waits for it."""
    lost = (
        select(Reminder.id)
        .where(
            Reminder.state.in_(OPEN_REMINDERS),
            Reminder.due_at < func.now() - OVERDUE,
            or_(Reminder.attempted_at.is_(None), Reminder.attempted_at < func.now() - LEASE),
        )
        .order_by(Reminder.due_at)
        .limit(AT_ONCE)
    )
    for reminder_id in (await session.scalars(lost)).all():
        await _queue(session, UUID(str(reminder_id)), None)


async def begin(session: Session, reminder_id: UUID) -> Sending | None:
    """Take a reminder to be sent now; None where there is nothing to send any more, or not yet.

    Everything is looked at again: what was true when it was planned may be so no longer. Raises JobFailed while
    somebody else is sending it.
    """
    held = select(Reminder).where(Reminder.id == reminder_id).with_for_update()
    reminder = (await session.execute(held)).scalar_one_or_none()
    if reminder is None or reminder.state not in OPEN_REMINDERS:
        return None
    now = await clock.now(session)
    if reminder.state == "sending" and reminder.attempted_at and now - reminder.attempted_at < LEASE:
        raise JobFailed("somebody else is sending it", retry_in=reminder.attempted_at + LEASE - now)
    appointment = await session.scalar(select(Appointment).where(Appointment.id == reminder.appointment_id))
    assert appointment is not None  # noqa: S101 - a foreign key
    recipient = await _recipient(session, reminder)
    reason = await _why_not(session, reminder, appointment, recipient, now)
    if reason or recipient is None:
        await _drop(session, reminder, reason, now)
        return None
    rules = await _rules(session)
    if rules.quiet and rules.quiet.holds(now, recipient.zone):
        await _after_quiet(session, reminder, rules.quiet, recipient.zone, now)
        return None
    reminder.state, reminder.attempted_at = "sending", now
    return await _sending(session, reminder, appointment, recipient)


async def finish(session: Session, reminder_id: UUID, failure: JobFailed | None = None) -> None:
    """Write down how the sending went; after a failure that may pass it is planned as before."""
    held = select(Reminder).where(Reminder.id == reminder_id).with_for_update()
    reminder = (await session.execute(held)).scalar_one()
    now = await clock.now(session)
    if failure is None:
        reminder.finish("sent", now)
    elif failure.permanent:
        reminder.finish("bounced", now)
    else:
        reminder.state, reminder.attempted_at = "planned", None


async def _rules(session: Session) -> Rules:
    now = await clock.now(session)
    settings = await session.scalar(select(ReminderSettings))
    if settings is None:  # a service may have offsets of its own
        return Rules(None, datetime.min.replace(tzinfo=UTC), now)
    start, end = settings.quiet_from, settings.quiet_until
    return Rules(None if start is None or end is None else Quiet(start, end), settings.updated_at, now)


async def _starts(session: Session, rules: Rules, offset: int, after: Position | None) -> Sequence[Start]:
    """Booked starts that could be reminded of by now, and were not: no row of this offset is there."""
    margin = LEAD + (rules.quiet.length + timedelta(hours=1) if rules.quiet else timedelta(0))
    practices = select(ReminderSettings.offsets).scalar_subquery()
    chosen = func.coalesce(Service.reminder_offsets_minutes, practices)
    known = exists().where(
        Reminder.appointment_id == Appointment.id,
        Reminder.starts_at == Appointment.starts_at,
        Reminder.offset_minutes == offset,
    )
    statement = (
        select(
            Appointment.id,
            Appointment.starts_at,
            chosen.label("offsets"),
            func.greatest(Appointment.updated_at, Service.updated_at).label("since"),
        )
        .join(Service, Service.id == Appointment.service_id)
        .join(PortalSettings, PortalSettings.practice_id == Appointment.practice_id)
        .where(
            Appointment.state == "booked",
            Appointment.starts_at > func.now(),
            Appointment.starts_at <= rules.now + timedelta(minutes=offset) + margin,
            PortalSettings.enabled,
            literal(offset) == any_(chosen),
            ~known,
        )
        .order_by(Appointment.starts_at, Appointment.id)
        .limit(AT_ONCE)
    )
    if after is not None:
        statement = statement.where(tuple_(Appointment.starts_at, Appointment.id) > after)
    rows = (await session.execute(statement)).all()
    return [Start(UUID(str(row.id)), row.starts_at, tuple(row.offsets), max(row.since, rules.since)) for row in rows]


def _rows(rules: Rules, start: Start, offset: int, people: Sequence[Recipient]) -> Iterator[dict[str, Any]]:
    """A row for each recipient whose reminder is due within LEAD, and for what is decided against for good."""
    for recipient in people:
        due = moment(start.starts_at, offset, recipient.zone, rules.quiet)
        if due > rules.now + LEAD or not recipient.email or not recipient.wants(CHANNEL):
            continue
        nearer = (moment(start.starts_at, o, recipient.zone, rules.quiet) for o in start.offsets if o < offset)
        reason = None
        if due <= rules.now and due <= start.since:
            reason = "booked_later"
        elif due <= rules.now and any(other <= rules.now for other in nearer):
            reason = "overtaken"
        yield {
            "id": new_id(),
            "client_id": recipient.client_id,
            "appointment_id": start.id,
            "starts_at": start.starts_at,
            "offset_minutes": offset,
            "recipient_id": recipient.id,
            "account_id": recipient.account_id,
            "channel": CHANNEL,
            "due_at": due,
            "state": "dropped" if reason else "planned",
            "reason": reason,
            "finished_at": rules.now if reason else None,
        }


async def _insert(session: Session, rows: list[dict[str, Any]]) -> None:
    """Whoever plans the same at the same time makes no second one."""
    if not rows:
        return
    scoped = [{"practice_id": session.binding.practice_id, **row} for row in rows]
    made = insert(Reminder).values(scoped).on_conflict_do_nothing(constraint="uq_reminder_once")
    fresh = {UUID(str(id)) for id in await session.scalars(made.returning(Reminder.id))}
    for row in rows:
        if row["id"] in fresh and row["state"] == "planned":
            await _queue(session, row["id"], row["due_at"])


async def _queue(session: Session, reminder_id: UUID, at: datetime | None) -> None:
    practice_id, queue = session.binding.practice_id, session.tools.queue
    await queue.defer(session, TASK, practice_id, at=at, key=str(reminder_id), reminder_id=reminder_id)


async def _recipient(session: Session, reminder: Reminder) -> Recipient | None:
    """Who it is for, as they are now; None for who does not come along any more."""
    people = await recipients.of_appointments(session, [reminder.appointment_id])
    found = people.get(reminder.appointment_id, ())
    return next((recipient for recipient in found if recipient.id == reminder.recipient_id), None)


async def _why_not(
    session: Session, reminder: Reminder, appointment: Appointment, recipient: Recipient | None, now: datetime
) -> str | None:
    if appointment.state != "booked":
        return "not_booked"
    if appointment.starts_at != reminder.starts_at:
        return "moved"
    if appointment.starts_at <= now:
        return "started"
    if recipient is None or not recipient.email:
        return "no_address"
    if not recipient.wants(reminder.channel):
        return "unwanted"
    if await addresses.is_suppressed(session, recipient.email):
        return "suppressed"
    enabled = (await session.execute(select(PortalSettings.enabled))).scalar_one()
    return None if enabled else "portal_off"


async def _drop(session: Session, reminder: Reminder, reason: str | None, now: datetime) -> None:
    """Of a start that is no more nothing is kept: should it come back, it is reminded of."""
    if reason == "moved":
        await session.delete(reminder)
    else:
        reminder.finish("dropped", now, reason)


async def _after_quiet(session: Session, reminder: Reminder, quiet: Quiet, zone: ZoneInfo, now: datetime) -> None:
    """It is late, and nobody is disturbed now: it waits, or is dropped where it would come too late."""
    later = quiet.end_after(now, zone)
    if later >= reminder.starts_at:
        reminder.finish("dropped", now, "quiet_hours")
        return
    reminder.due_at = later
    await session.flush()
    await _queue(session, reminder.id, later)


async def _sending(session: Session, reminder: Reminder, appointment: Appointment, recipient: Recipient) -> Sending:
    practice = (await session.execute(select(Practice).where(Practice.id == reminder.practice_id))).scalar_one()
    delivery = MailDelivery(
        id=new_id(),
        template="appointment_reminder",
        subject_id=reminder.id,
        account_id=recipient.account_id,
        recipient_id=recipient.id,
        kind=REMINDERS,
        attempts=0,
    )
    addresses.note(session, delivery, recipient.email or "")
    delivery.begin(await clock.now(session))
    session.add(delivery)
    local = appointment.starts_at.astimezone(recipient.zone)
    notice = Notice(
        to=recipient.email or "",
        practice_name=practice.name,
        when=f"{local:%A}, {local.day} {local:%B %Y}, {local:%H:%M} ({recipient.zone.key})",
        by_video=appointment.mode == "video",
        link=await app_link(session, f"/appointments/{appointment.id}"),
        reference=f"reminder/{reminder.id}",
        headers=await unsubscribing.headers(session, recipient.id, REMINDERS),
    )
    return Sending(reminder.id, delivery.id, reminder.channel, notice)
