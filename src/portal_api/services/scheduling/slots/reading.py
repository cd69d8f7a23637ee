"""What a search needs to know, in one round trip: the service, the practitioners' hours, what is taken."""

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
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.orm import InstrumentedAttribute

from portal_api.core.access import BOOKABLE_ROLES, Feature
from portal_api.core.db import Read, Rows, Source
from portal_api.core.errors import NotFound
from portal_api.models.features import FeatureSetting, Scope
from portal_api.models.scheduling import (
    HOLDING_STATES,
    Appointment,
    AppointmentAttendee,
    AppointmentRequest,
    BusyTime,
    Claim,
    Schedule,
    Service,
    TimeOff,
)
from portal_api.models.staff import StaffMember
from portal_api.services.scheduling.claims import LONGEST, live
from portal_api.services.scheduling.services import offered_by
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
    starts: Sequence[tuple[int, bool]]
    """Of claims, and whether they are of this service; read where a cap a day needs them."""


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
    rows = await source.rows(
        _facts(listed=practitioner_ids is not None, for_clients=for_clients),
        service_id=service_id,
        asked=list(practitioner_ids or ()),
        begin=first - BEFORE,
        end=last + BEYOND,
        client_id=client_id,
    )
    if not rows:
        raise NotFound
    calendars = [_calendar(row) for row in rows if row["practitioner_id"] is not None]
    if practitioner_ids is not None and len(calendars) < len(set(practitioner_ids)):
        raise NotFound
    return Facts(rows[0]["now"], _rules(rows[0]), calendars, rows[0]["open_of_client"])


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


def _calendar(row: dict[str, Any]) -> Calendar:
    return Calendar(
        UUID(str(row["practitioner_id"])),
        Hours(row["time_zone"] or "UTC", row["windows"] or [], row["overrides"] or {}, row["most_a_day"]),
        row["offers"],
        row["declined"],
        sorted(zip(row["taken_from"] or (), row["taken_until"] or (), strict=True)),
        row["starts"] or (),
    )


_begin, _end = (bindparam(name, type_=DateTime(timezone=True)) for name in ("begin", "end"))
_client = bindparam("client_id", type_=PGUUID(as_uuid=True))


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


def _starts() -> Any:
    """Where claims start, and whether of this service; not read at all where nothing is capped."""
    own = Claim.service_id == Service.id
    return (
        select(func.jsonb_agg(func.jsonb_build_array(_minute_of(Claim.starts_at), own)))
        .where(or_(Schedule.max_per_day.is_not(None), Service.max_per_day.is_not(None)), _claimed())
        .correlate(StaffMember, Schedule, Service)
        .scalar_subquery()
    )


def _declined() -> Any:
    return exists().where(
        FeatureSetting.scope == Scope.PRACTITIONER,
        FeatureSetting.subject_id == StaffMember.id,
        FeatureSetting.feature == Feature.APPOINTMENT_REQUESTS,
        FeatureSetting.enabled.is_(False),
    )


def _open_of_client() -> Any:
    booked = (
        select(func.count())
        .select_from(AppointmentAttendee)
        .join(Appointment, Appointment.id == AppointmentAttendee.appointment_id)
        .where(
            AppointmentAttendee.client_id == _client,
            AppointmentAttendee.starts_at > func.now(),
            AppointmentAttendee.account_id.is_(None),
            Appointment.service_id == bindparam("service_id"),
            Appointment.state == "booked",
        )
        .scalar_subquery()
    )
    asked = (
        select(func.count())
        .select_from(AppointmentRequest)
        .where(
            AppointmentRequest.client_id == _client,
            AppointmentRequest.service_id == bindparam("service_id"),
            AppointmentRequest.state.in_(HOLDING_STATES),
            AppointmentRequest.expires_at > func.now(),
        )
        .scalar_subquery()
    )
    return booked + asked


_practises = and_(
    StaffMember.state == "active", StaffMember.roles.overlap([role.value for role in sorted(BOOKABLE_ROLES)])
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
            (_open_of_client() if for_clients else literal_column("0")).label("open_of_client"),
            StaffMember.id.label("practitioner_id"),
            Schedule.time_zone,
            Schedule.windows,
            Schedule.overrides,
            Schedule.max_per_day.label("most_a_day"),
            and_(_practises, offered_by(StaffMember.id)).label("offers"),
            (_declined() if for_clients else false()).label("declined"),
            taken.c.taken_from,
            taken.c.taken_until,
            _starts().label("starts"),
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
            and_(StaffMember.id == Schedule.practitioner_id, _practises, offered_by(Schedule.practitioner_id)),
        )
    return Read(statement.outerjoin(taken, true()).order_by(StaffMember.id))
