"""A practitioner's bookable hours (F10.M1): one document, read and replaced as a whole."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import NotFound, PreconditionFailed
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Audience, Schedule
from portal_api.models.staff import StaffMember
from portal_api.schemas.scheduling.availability import AvailabilityPut, DayWindow, Weekday
from portal_api.services import audit
from portal_api.services.scheduling import locations, practitioners, services

_DAYS = tuple(Weekday)
ONE = Read(
    select(
        StaffMember.id.label("practitioner_id"),
        StaffMember.state,
        Practice.time_zone.label("practice_time_zone"),
        Schedule.time_zone,
        Schedule.windows,
        Schedule.overrides,
        Schedule.max_per_day,
        Schedule.updated_at,
        Schedule.version,
    )
    .select_from(StaffMember)
    .join(Practice, Practice.id == bindparam("practice_id"))
    .outerjoin(Schedule, Schedule.practitioner_id == StaffMember.id)
    .where(StaffMember.id == bindparam("practitioner_id"))
)


async def get(source: Source, practitioner_id: UUID) -> dict[str, Any]:
    """The hours of a practitioner; without any, an empty document of version 0. Raises NotFound."""
    row = await source.row(ONE, practitioner_id=practitioner_id)
    if row is None or row.pop("state") == "removed":
        raise NotFound
    practice_time_zone = row.pop("practice_time_zone")
    return row | {
        "time_zone": row["time_zone"] or practice_time_zone,
        "windows": [_window(row) for row in row["windows"] or ()],
        "overrides": _overrides(row["overrides"] or {}),
        "version": row["version"] or 0,
    }


async def put(
    session: Session, principal: Principal, practitioner_id: UUID, data: AvailabilityPut, if_match: int | None
) -> dict[str, Any]:
    """Replace the hours. What is booked already stays.

    Raises NotFound, Forbidden, PreconditionFailed with the current copy, Invalid for places and services that are
    not in use or a staff member whose time is not booked.
    """
    practitioners.must_be_own(principal, practitioner_id, Permission.AVAILABILITY_MANAGE)
    await practitioners.locked(session, [practitioner_id])
    current = await get(session, practitioner_id)
    if if_match is not None and current["version"] != if_match:
        raise PreconditionFailed(current=current)
    await practitioners.must_practise(session, [practitioner_id], "/practitioner_id")
    every = [*data.windows, *(window for override in data.overrides for window in override.windows)]
    await locations.must_be_in_use(session, {w.location_id for w in every if w.location_id}, "/windows")
    await services.must_be_in_use(session, {s for w in every for s in w.service_ids or ()}, "/windows")
    now = await clock.now(session)
    this = select(Schedule).where(Schedule.practitioner_id == practitioner_id)
    schedule = (await session.execute(this)).scalar_one_or_none() or Schedule(practitioner_id=practitioner_id)
    schedule.time_zone = data.time_zone or current["time_zone"]
    schedule.windows = [[_DAYS.index(window.weekday), *_stored(window)] for window in data.windows]
    schedule.overrides = {
        override.date.isoformat(): [_stored(window) for window in override.windows] for override in data.overrides
    }
    schedule.max_per_day = data.max_per_day
    schedule.updated_at = now
    session.add(schedule)
    await session.flush()
    await audit.record(session, principal, "availability.replaced", resource=("schedule", practitioner_id))
    return await get(session, practitioner_id)


def _stored(window: DayWindow) -> list[Any]:
    """`[from minute, to minute, scope]`; the scope names only what restricts, and is null where nothing does."""
    scope = window.model_dump(mode="json", include={"location_id", "service_ids", "modes", "audience"})
    restricting = {k: v for k, v in scope.items() if v is not None and (k, v) != ("audience", Audience.ALL)}
    return [_minute(window.start), _minute(window.end), restricting or None]


def _window(stored: list[Any]) -> dict[str, Any]:
    weekday, *rest = stored
    return {"weekday": _DAYS[weekday]} | _day_window(rest)


def _overrides(stored: dict[str, list[Any]]) -> list[dict[str, Any]]:
    days = sorted(stored.items())
    return [{"date": day, "windows": [_day_window(window) for window in windows]} for day, windows in days]


def _day_window(stored: list[Any]) -> dict[str, Any]:
    start, end, scope = stored
    known = {"location_id": None, "service_ids": None, "modes": None, "audience": Audience.ALL}
    return {"start": _clock(start), "end": _clock(end)} | known | (scope or {})


def _minute(clock_time: str) -> int:
    hours, minutes = clock_time.split(":")
    return int(hours) * 60 + int(minutes)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
