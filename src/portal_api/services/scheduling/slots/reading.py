"""What a search needs to know, in one round trip: the service, the practitioners' hours, what is taken.

What counts against a cap is read besides, where there is one (caps.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Integer,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.orm import InstrumentedAttribute

from portal_api.core.db import Read, Rows, Source
from portal_api.core.errors import NotFound
from portal_api.models.scheduling import (
    BusyTime,
    Claim,
    Schedule,
    Service,
    TimeOff,
)
from portal_api.models.staff import StaffMember
from portal_api.services.scheduling import bookable
from portal_api.services.scheduling.claims import LONGEST, live
from portal_api.services.scheduling.services import offered_by
from portal_api.services.scheduling.slots import caps
from portal_api.services.scheduling.slots.caps import Count
from portal_api.services.scheduling.slots.hours import Hours
from portal_api.services.scheduling.slots.sweep import Grid, Taken

BEFORE, BEYOND = timedelta(hours=15 + 12), timedelta(hours=15 + 24 + 24 + 12)
"""Around the days asked for, read as UTC: any zone's offset, a session that runs into the next day, buffers."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A service, as a search sees it. Minutes and days."""

    service_id: UUID
    grid: Grid
    modes: tuple[str, ...]
    min_notice: int
    horizon_days: int
    max_per_day: int | None
    max_open_per_client: int | None
    audience: str
    client_bookable: bool
    is_archived: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """One practitioner's hours and what is taken of them. `declined`: they take no requests through the portal."""

    practitioner_id: UUID
    hours: Hours
    offers: bool
    declined: bool
    taken: list[Taken]
    starts: Sequence[Count]
    """Of claims; known where a cap a day needs them."""


@dataclass(frozen=True, slots=True)
class Facts:
    now: int
    """The first whole minute that has not begun."""
    rules: Rules
    calendars: list[Calendar]
    open_of_client: int
    """What the client has to come of this service, requests included."""


async def read(
    source: Source,
    service_id: UUID,
    practitioner_ids: Sequence[UUID] | None,
    first: datetime,
    last: datetime,
    *,
    for_clients: bool,
    client_id: UUID | None = None,
) -> Facts:
    """The facts for a search from one date to another, given as midnights of UTC; None: all who offer the service.

    for_clients: also what binds only them. Raises NotFound for an unknown service or practitioner.
    """
    begin, end = first - BEFORE, last + BEYOND
    rows = await source.rows(
        _facts(listed=practitioner_ids is not None, for_clients=for_clients),
        service_id=service_id,
        asked=list(practitioner_ids or ()),
        begin=begin,
        end=end,
    )
    if not rows:
        raise NotFound
    rules = _rules(rows[0])
    found = {UUID(str(row["practitioner_id"])): row for row in rows if row["practitioner_id"] is not None}
    if practitioner_ids is not None and len(found) < len(set(practitioner_ids)):
        raise NotFound
    capped = [each for each, row in found.items() if for_clients and (rules.max_per_day or row["most_a_day"])]
    starts = await caps.starts_of(source, capped, service_id, begin, end)
    calendars = [_calendar(each, found[each], starts.get(each, ())) for each in sorted(found)]
    opened = 0
    if client_id is not None and rules.max_open_per_client is not None:
        opened = await caps.open_of_client(source, client_id, service_id)
    return Facts(rows[0]["now"], rules, calendars, opened)


# Ids leave the driver's own class here: what is written into each slot is encoded natively.
def _rules(row: dict[str, Any]) -> Rules:
    return Rules(
        UUID(str(row["service_id"])),
        Grid(
            row["duration_minutes"],
            row["buffer_before_minutes"],
            row["buffer_after_minutes"],
            row["slot_interval_minutes"],
            row["fixed_start_minute"],
        ),
        tuple(row["modes"]),
        row["min_notice_minutes"],
        row["horizon_days"],
        row["max_per_day"],
        row["max_open_per_client"],
        row["audience"],
        row["client_bookable"],
        row["is_archived"],
    )


def _calendar(practitioner_id: UUID, row: dict[str, Any], counts: Sequence[Count]) -> Calendar:
    return Calendar(
        practitioner_id,
        Hours(row["time_zone"] or "UTC", row["windows"] or [], row["overrides"] or {}, row["most_a_day"]),
        row["offers"],
        row["declined"],
        sorted(zip(row["taken_from"] or (), row["taken_until"] or (), strict=True)),
        counts,
    )


_begin, _end = (bindparam(name, type_=DateTime(timezone=True)) for name in ("begin", "end"))


def _minutes(at: Any) -> ColumnElement[Any]:
    return func.date_part(literal_column("'epoch'"), at) / literal_column("60.0::float8")


def _minute_of(at: Any) -> ColumnElement[int]:
    return cast(func.floor(_minutes(at)), Integer)


def _minute_after(at: Any) -> ColumnElement[int]:
    return cast(func.ceil(_minutes(at)), Integer)


def _claimed() -> ColumnElement[bool]:
    return and_(
        Claim.practitioner_id == StaffMember.id,
        Claim.blocked_from > _begin - literal(LONGEST),
        Claim.blocked_from < _end,
        Claim.blocked_until > _begin,
        live(),
    )


def _away(table: type[TimeOff] | type[BusyTime]) -> Rows:
    within = and_(table.practitioner_id == StaffMember.id, table.ends_at > _begin, table.starts_at < _end)
    return select(table.starts_at.label("a"), table.ends_at.label("b")).where(within).correlate(StaffMember)


def _taken() -> Any:
    claims = select(Claim.blocked_from.label("a"), Claim.blocked_until.label("b")).where(_claimed())
    every = union_all(claims.correlate(StaffMember), _away(TimeOff), _away(BusyTime)).subquery("every")
    return (
        select(
            func.array_agg(_minute_of(every.c.a)).label("taken_from"),
            func.array_agg(_minute_after(every.c.b)).label("taken_until"),
        )
        .select_from(every)
        .lateral("taken")
    )


_asked: InstrumentedAttribute[Any] = bindparam("asked", type_=ARRAY(PGUUID(as_uuid=True)))  # type: ignore[assignment]


@cache
def _facts(*, listed: bool, for_clients: bool) -> Read:
    """A row for each practitioner; one without a practitioner where nobody offers the service."""
    taken = _taken()
    statement = (
        select(
            _minute_after(func.now()).label("now"),
            Service.id.label("service_id"),
            Service.duration_minutes,
            Service.buffer_before_minutes,
            Service.buffer_after_minutes,
            Service.slot_interval_minutes,
            Service.fixed_start_minute,
            Service.modes,
            Service.min_notice_minutes,
            Service.horizon_days,
            Service.max_per_day,
            Service.max_open_per_client,
            Service.audience,
            Service.client_bookable,
            Service.archived_at.is_not(None).label("is_archived"),
            StaffMember.id.label("practitioner_id"),
            Schedule.time_zone,
            Schedule.windows,
            Schedule.overrides,
            Schedule.max_per_day.label("most_a_day"),
            and_(bookable.practises, offered_by(StaffMember.id)).label("offers"),
            (bookable.declined if for_clients else false()).label("declined"),
            taken.c.taken_from,
            taken.c.taken_until,
        )
        .select_from(Service)
        .where(Service.id == bindparam("service_id"))
    )
    if listed:
        statement = statement.outerjoin(StaffMember, StaffMember.id == func.any(_asked))
        statement = statement.outerjoin(Schedule, Schedule.practitioner_id == StaffMember.id)
    else:
        statement = statement.outerjoin(Schedule, true())
        statement = statement.outerjoin(
            StaffMember,
            and_(StaffMember.id == Schedule.practitioner_id, bookable.practises, offered_by(Schedule.practitioner_id)),
        )
    return Read(statement.outerjoin(taken, true()))
