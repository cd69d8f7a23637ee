"""Practitioners' own calendars, from which busy times come (F10.M2): named, polled by a job, taken away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select

from portal_api.core import clock
from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Reader, Session
from portal_api.core.errors import Conflict, NotFound, invalid, on_constraint
from portal_api.core.ids import new_id
from portal_api.integrations.egress import Egress, EgressError
from portal_api.models.practices import Practice
from portal_api.models.scheduling import BusyCalendar, BusyState, BusyTime, Schedule
from portal_api.models.staff import StaffMember
from portal_api.schemas.base import PageQuery
from portal_api.schemas.scheduling.calendars import BusyCalendarCreate
from portal_api.services import audit
from portal_api.services.paging import Pager
from portal_api.services.scheduling import practitioners

MOST = 10
"""Of one practitioner."""
EVERY = timedelta(minutes=15)
LONGEST_PAUSE = timedelta(hours=8)
AHEAD = timedelta(days=400)
STALE = timedelta(days=1)
"""After so long it is read again though it has not changed: the stretch ahead has moved on."""
AT_ONCE = 500
PURPOSE = "busy-calendar"
COLUMNS = (
    BusyCalendar.id,
    BusyCalendar.practitioner_id,
    BusyCalendar.name,
    BusyCalendar.host,
    BusyCalendar.state,
    BusyCalendar.failure,
    BusyCalendar.polled_at,
    BusyCalendar.read_at,
    BusyCalendar.next_poll_at,
    BusyCalendar.created_at,
    BusyCalendar.version,
)
ONE = Read(select(*COLUMNS).where(BusyCalendar.id == bindparam("busy_calendar_id")))


def _many(*, resumed: bool) -> Read:
    statement = select(*COLUMNS).where(BusyCalendar.practitioner_id == bindparam("practitioner_id"))
    if resumed:
        statement = statement.where(BusyCalendar.id > bindparam("after_id"))
    return Read(statement.order_by(BusyCalendar.id).limit(bindparam("limit")))


MANY, MANY_AFTER = _many(resumed=False), _many(resumed=True)
DUE = Read(
    select(BusyCalendar.id)
    .join(StaffMember, StaffMember.id == BusyCalendar.practitioner_id)
    .where(BusyCalendar.next_poll_at <= func.now(), StaffMember.state == "active")
    .order_by(BusyCalendar.next_poll_at)
    .limit(AT_ONCE)
)


class CalendarKnown(Conflict):
    code, title = "busy_calendar_exists", "This calendar is read already"


class TooManyCalendars(Conflict):
    code, title = "too_many_busy_calendars", "No more calendars fit here"


on_constraint("uq_busy_calendar_address", CalendarKnown)


@dataclass(frozen=True, slots=True)
class Poll:
    """What to ask for, and how to read what comes back."""

    url: str
    headers: dict[str, str]
    time_zone: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Copy:
    """What the server calls the copy that was read."""

    etag: str | None
    last_modified: str | None


async def page(reader: Reader, principal: Principal, practitioner_id: UUID, query: PageQuery) -> dict[str, Any]:
    """A practitioner's calendars and how reading them goes, oldest first. Raises NotFound, Forbidden."""
    await practitioners.must_exist(reader, practitioner_id)
    practitioners.must_be_own(principal, practitioner_id, Permission.AVAILABILITY_MANAGE)
    pager = Pager(reader, principal, f"busy-calendars/{practitioner_id}", query, "id")
    after_id = UUID(pager.position[0]) if pager.position else None
    read = MANY_AFTER if after_id else MANY
    rows = await reader.rows(read, practitioner_id=practitioner_id, after_id=after_id, limit=pager.limit + 1)
    return pager.envelope(rows)


async def create(
    session: Session, principal: Principal, practitioner_id: UUID, data: BusyCalendarCreate
) -> dict[str, Any]:
    """Read a calendar from now on; the first time follows at once.

    Raises NotFound, Forbidden, CalendarKnown, TooManyCalendars, Invalid for an address that can never be read.
    """
    practitioners.must_be_own(principal, practitioner_id, Permission.AVAILABILITY_MANAGE)
    await practitioners.locked(session, [practitioner_id])
    await practitioners.must_practise(session, [practitioner_id], "/practitioner_id")
    count = select(func.count()).select_from(BusyCalendar).where(BusyCalendar.practitioner_id == practitioner_id)
    if (await session.execute(count)).scalar_one() >= MOST:
        raise TooManyCalendars(f"A practitioner has {MOST} of them at most: take one away first.")
    url, host = _address(session, data.url)
    id, vault, practice_id = new_id(), session.tools.vault, session.binding.practice_id
    session.add(
        BusyCalendar(
            id=id,
            practitioner_id=practitioner_id,
            name=data.name,
            host=host,
            sealed_address=vault.seal(url.encode(), purpose=PURPOSE, aad=(practice_id.hex, id.hex)),
            address_mac=vault.mac(practice_id.hex, url, purpose=PURPOSE),
            next_poll_at=await clock.now(session),
            created_by=principal.account_id,
        )
    )
    await session.flush()
    await audit.record(session, principal, "busy_calendar.added", resource=("busy_calendar", id))
    await ask(session, id)
    row = await session.row(ONE, busy_calendar_id=id)
    assert row is not None  # noqa: S101 - made above
    return row


async def refresh(session: Session, principal: Principal, busy_calendar_id: UUID) -> dict[str, Any]:
    """Read it now instead of in a while. Raises NotFound, Forbidden."""
    await _own(session, principal, busy_calendar_id)
    await ask(session, busy_calendar_id)
    row = await session.row(ONE, busy_calendar_id=busy_calendar_id)
    assert row is not None  # noqa: S101 - held above
    return row


async def remove(session: Session, principal: Principal, busy_calendar_id: UUID) -> None:
    """Forget the calendar; its busy times are free again. Raises NotFound, Forbidden."""
    calendar = await _own(session, principal, busy_calendar_id)
    await session.execute(delete(BusyTime).where(BusyTime.source_id == busy_calendar_id))
    await session.delete(calendar)
    await session.flush()
    await audit.record(session, principal, "busy_calendar.removed", resource=("busy_calendar", busy_calendar_id))


async def ask(session: Session, busy_calendar_id: UUID) -> None:
    """Have it polled; once, however often that is asked for before it begins."""
    practice_id = session.binding.practice_id
    queue = session.tools.queue
    await queue.defer(
        session, "calendars.poll", practice_id, key=str(busy_calendar_id), busy_calendar_id=busy_calendar_id
    )


async def poll(session: Session, busy_calendar_id: UUID) -> Poll | None:
    """What to ask a calendar's server for; None for a calendar that is gone, or whose practitioner has left."""
    wanted = (
        select(BusyCalendar, func.coalesce(Schedule.time_zone, Practice.time_zone), func.now())
        .join(StaffMember, StaffMember.id == BusyCalendar.practitioner_id)
        .join(Practice, Practice.id == session.binding.practice_id)
        .outerjoin(Schedule, Schedule.practitioner_id == BusyCalendar.practitioner_id)
        .where(BusyCalendar.id == busy_calendar_id, StaffMember.state == "active")
    )
    found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    calendar, time_zone, now = found
    aad = (calendar.practice_id.hex, calendar.id.hex)
    url = session.tools.vault.open(calendar.sealed_address, purpose=PURPOSE, aad=aad).decode()
    fresh = calendar.expanded_at is not None and calendar.expanded_at > now - STALE
    known = {"If-None-Match": calendar.etag, "If-Modified-Since": calendar.last_modified} if fresh else {}
    headers = {name: value for name, value in known.items() if value}
    return Poll(url, headers, time_zone, now - STALE, now + AHEAD)


async def keep(session: Session, busy_calendar_id: UUID, copy: Copy, busy: Sequence[tuple[datetime, datetime]]) -> None:
    """Put what was read in place of what was read before."""
    calendar = await _held(session, busy_calendar_id)
    if calendar is None:
        return
    await session.execute(delete(BusyTime).where(BusyTime.source_id == calendar.id))
    shared = {
        "practice_id": calendar.practice_id,
        "practitioner_id": calendar.practitioner_id,
        "source_id": calendar.id,
    }
    rows = [shared | {"id": new_id(), "starts_at": start, "ends_at": end} for start, end in busy]
    if rows:
        await session.execute(insert(BusyTime), rows)
    calendar.etag, calendar.last_modified = copy.etag, copy.last_modified
    calendar.expanded_at = await clock.now(session)
    await _read(session, calendar)


async def unchanged(session: Session, busy_calendar_id: UUID) -> None:
    """The server says that what was read before still holds."""
    calendar = await _held(session, busy_calendar_id)
    if calendar is not None:
        await _read(session, calendar)


async def failed(session: Session, busy_calendar_id: UUID, code: str) -> None:
    """Say so to whom it belongs, and try again after a while; the busy times of before stay."""
    calendar = await _held(session, busy_calendar_id)
    if calendar is None:
        return
    now = await clock.now(session)
    if calendar.state != BusyState.FAILING:
        program = Principal.program(calendar.practice_id)
        resource = ("busy_calendar", calendar.id)
        await audit.record(session, program, "busy_calendar.failing", resource=resource, reason=code)
    calendar.state, calendar.failure, calendar.failures = BusyState.FAILING, code, calendar.failures + 1
    calendar.polled_at = now
    calendar.next_poll_at = now + min(LONGEST_PAUSE, EVERY * 2 ** min(calendar.failures - 1, 10))


async def _read(session: Session, calendar: BusyCalendar) -> None:
    now = await clock.now(session)
    calendar.state, calendar.failure, calendar.failures = BusyState.OK, None, 0
    calendar.polled_at = calendar.read_at = now
    calendar.next_poll_at = now + EVERY


async def _held(session: Session, busy_calendar_id: UUID) -> BusyCalendar | None:
    held = select(BusyCalendar).where(BusyCalendar.id == busy_calendar_id).with_for_update()
    return (await session.execute(held)).scalar_one_or_none()


async def _own(session: Session, principal: Principal, busy_calendar_id: UUID) -> BusyCalendar:
    calendar = await _held(session, busy_calendar_id)
    if calendar is None:
        raise NotFound
    practitioners.must_be_own(principal, calendar.practitioner_id, Permission.AVAILABILITY_MANAGE)
    return calendar


def _address(session: Session, given: str) -> tuple[str, str]:
    """The address to ask, and its host. webcal is what calendar programs call https. Raises Invalid."""
    scheme, separator, rest = given.partition("://")
    url = f"https://{rest}" if separator and scheme.lower() in ("webcal", "webcals") else given
    try:
        target = Egress(allow=session.tools.settings.egress_allow).check(url)
    except EgressError as error:
        why = "Give the https address of a calendar on the public internet, without a user name."
        raise invalid("/url", error.code, why) from None
    return url, target.authority
