"""What a practice says about messages: who may begin, when, and what they are not for (F12.M8, F12.B1)."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import Conflict, Forbidden, PreconditionFailed, invalid
from portal_api.models.messages import ClientsMay, MessagingPolicy
from portal_api.models.practices import Practice
from portal_api.schemas.base import Weekday
from portal_api.schemas.messages import MessagingPolicyUpdate
from portal_api.services import audit
from portal_api.services.messages import reading

NOTICE = "Messages are not for emergencies. If you or somebody else is in danger, call your local emergency number."
WEEKDAYS = tuple(Weekday)
POLICY = Read(
    select(
        MessagingPolicy.clients_may,
        MessagingPolicy.office_hours,
        MessagingPolicy.expected_response_hours,
        func.coalesce(MessagingPolicy.emergency_notice, NOTICE).label("emergency_notice"),
        MessagingPolicy.updated_at,
        MessagingPolicy.version,
    )
)
NOW = Read(select(func.now().label("now"), Practice.time_zone).where(Practice.id == bindparam("practice_id")))


class OnlyReplies(Forbidden):
    code, title = "only_replies", "The practice writes first; clients reply"


class OutsideOfficeHours(Conflict):
    code, title = "outside_office_hours", "Messages can be written in office hours only"


async def get(source: Source) -> dict[str, Any]:
    """What the practice says; what it has not said is as it is for everybody."""
    return await source.row(POLICY) or {
        "clients_may": ClientsMay.START,
        "office_hours": None,
        "expected_response_hours": None,
        "emergency_notice": NOTICE,
        "updated_at": None,
        "version": 0,
    }


async def update(
    session: Session, principal: Principal, data: MessagingPolicyUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given. Raises PreconditionFailed, Invalid."""
    made = insert(MessagingPolicy).values(practice_id=session.binding.practice_id, version=0)
    await session.execute(made.on_conflict_do_nothing())
    policy = (await session.scalars(select(MessagingPolicy).with_for_update())).one()
    if if_match is not None and policy.version != if_match:
        raise PreconditionFailed(current=await get(session))
    changes = data.given()
    if changes.get("clients_may", ClientsMay.START) is None:
        raise invalid("/clients_may", "null_not_allowed", "This cannot be cleared.")
    for name in changes:
        value = getattr(data, name)
        if name == "office_hours" and value is not None:
            value = [window.model_dump() for window in value]
        setattr(policy, name, value)
    await session.flush()
    await audit.record(session, principal, "messaging_policy.updated", changed=changes)
    return await get(session)


async def for_client(reader: Reader, principal: Principal) -> dict[str, Any]:
    """What somebody should know before they write."""
    policy = await get(reader)
    opens_at = await _opens_at(reader, policy)
    told = {name: policy[name] for name in ("clients_may", "expected_response_hours", "emergency_notice")}
    return told | {
        "open_now": opens_at is None,
        "opens_at": opens_at,
        "unread_count": await reading.unread_of(reader, principal),
    }


async def must_allow_starting(session: Session) -> None:
    """Raise OnlyReplies, OutsideOfficeHours."""
    policy = await get(session)
    if policy["clients_may"] == ClientsMay.REPLY:
        raise OnlyReplies("Call the practice, or reply in a thread that it has begun.")
    await _must_be_open(session, policy)


async def must_be_open(session: Session) -> None:
    """Raise OutsideOfficeHours."""
    await _must_be_open(session, await get(session))


async def _must_be_open(session: Session, policy: dict[str, Any]) -> None:
    opens_at = await _opens_at(session, policy)
    if opens_at is not None:
        raise OutsideOfficeHours("Write when the office is open, or call.", opens_at=opens_at)


async def _opens_at(source: Source, policy: dict[str, Any]) -> datetime | None:
    """When clients can write next; None: now."""
    windows = policy["office_hours"]
    if not windows:
        return None
    row = await source.row(NOW)
    assert row is not None  # noqa: S101 - the practice itself
    return opens_at(windows, row["now"], ZoneInfo(row["time_zone"]))


def opens_at(windows: list[dict[str, Any]], now: datetime, zone: ZoneInfo) -> datetime | None:
    """The start of the next of these weekly windows; None while one is open."""
    today = now.astimezone(zone).date()
    coming: list[datetime] = []
    for day in (today + timedelta(days=n) for n in range(8)):
        for window in windows:
            if window["weekday"] != WEEKDAYS[day.weekday()]:
                continue
            start, end = (_instant(day, window[edge], zone) for edge in ("start", "end"))
            if start <= now < end:
                return None
            if start > now:
                coming.append(start)
    return min(coming)


def _instant(day: date, reading: str, zone: ZoneInfo) -> datetime:
    """When the zone's clock reads this on the day; 24:00 is the midnight that ends it."""
    hours, minutes = map(int, reading.split(":"))
    at = datetime.combine(day + timedelta(days=hours // 24), time(hours % 24, minutes), zone)
    return at.astimezone(UTC)  # within a zone, Python would compare readings of the clock
