"""Which appointments staff see, and how they are read."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import UUID as PGUUID
from sqlalchemy.orm import aliased

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Rows, Session, Source
from portal_api.core.errors import NotFound, PreconditionFailed, invalid
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Appointment, AppointmentAttendee
from portal_api.models.staff import Supervision
from portal_api.services.scheduling import practitioners
from portal_api.services.scheduling.appointments import booking
from portal_api.services.scheduling.services import money

_UUID, _INSTANT = PGUUID(as_uuid=True), DateTime(timezone=True)
_staff = bindparam("staff_id", type_=_UUID)
_guardians = (
    select(func.coalesce(func.array_agg(AppointmentAttendee.account_id.distinct()), text("'{}'::uuid[]")))
    .where(AppointmentAttendee.appointment_id == Appointment.id, AppointmentAttendee.account_id.is_not(None))
    .correlate(Appointment)
    .scalar_subquery()
)
_late_fee = money(Appointment.late_fee_amount, Appointment.late_fee_currency)


def _before_start(minutes: Any) -> ColumnElement[Any]:
    return Appointment.starts_at - func.make_interval(0, 0, 0, 0, 0, minutes)


POLICY = (
    _before_start(Appointment.late_within_minutes).label("late_from"),
    _before_start(Appointment.closed_within_minutes).label("closed_from"),
    _late_fee.label("late_fee"),
    case((Appointment.state == "late_cancelled", _late_fee), else_=null()).label("fee_due"),
)
"""What `with_policy` folds together."""
COLUMNS = (
    Appointment.id,
    Appointment.state,
    Appointment.state_changed_at,
    Appointment.practitioner_id,
    Appointment.service_id,
    Appointment.client_ids[1].label("client_id"),
    Appointment.client_ids,
    _guardians.label("guardian_account_ids"),
    Appointment.mode,
    Appointment.location_id,
    Appointment.room_id,
    Appointment.starts_at,
    Appointment.ends_at,
    Appointment.time_zone,
    Appointment.allow_overlap,
    Appointment.confidential,
    Appointment.series_id,
    Appointment.request_id,
    money(Appointment.price_amount, Appointment.price_currency).label("price"),
    *POLICY,
    Appointment.cancelled_at,
    Appointment.cancelled_by,
    Appointment.cancelled_by_kind,
    Appointment.cancellation_reason,
    Appointment.note,
    Appointment.uid,
    Appointment.sequence,
    Appointment.created_by,
    Appointment.created_at,
    Appointment.updated_at,
    Appointment.version,
)


def with_policy(row: dict[str, Any]) -> dict[str, Any]:
    """The row as it is answered: its frozen policy in one object."""
    return row | {"cancellation": {name: row.pop(name) for name in ("late_from", "closed_from", "late_fee")}}


def sees_all(principal: Principal) -> bool:
    return principal.may(Permission.APPOINTMENTS_READ_ALL)


async def get(source: Source, appointment_id: UUID) -> dict[str, Any]:
    """One appointment as staff are answered, whosever calendar it is on. Raises NotFound."""
    row = await source.row(one(everyone=True), appointment_id=appointment_id)
    if row is None:
        raise NotFound
    return with_policy(row)


async def held(
    session: Session,
    principal: Principal,
    appointment_id: UUID,
    *,
    following: bool = False,
    room_id: UUID | None = None,
    if_match: int | None = None,
) -> list[Appointment]:
    """The appointment, held for a change; `following`: before those that follow in its series and are still booked.

    room_id: a room that it may move to. Raises NotFound for one that the caller does not see, Forbidden for one on a
    calendar that is not theirs to change, PreconditionFailed with the current copy, Invalid.
    """
    found = await session.row(
        one(everyone=sees_all(principal)), appointment_id=appointment_id, staff_id=principal.staff_id
    )
    if found is None:
        raise NotFound
    practitioners.must_be_own(principal, UUID(str(found["practitioner_id"])), Permission.APPOINTMENTS_WRITE_ALL)
    chosen = await locked(session, found, following=following, room_id=room_id)
    if if_match is not None and chosen[0].version != if_match:
        raise PreconditionFailed(current=await get(session, appointment_id))
    return chosen


async def locked(
    session: Session, found: dict[str, Any], *, following: bool = False, room_id: UUID | None = None
) -> list[Appointment]:
    """Hold practitioner, rooms and rows, in the order that everybody keeps (docs/decisions/0011)."""
    await practitioners.locked(session, [UUID(str(found["practitioner_id"]))])
    chosen = Appointment.id == found["id"]
    if following:
        chosen = or_(chosen, _follows(found))
    rooms = await session.scalars(select(Appointment.room_id).where(chosen, Appointment.room_id.is_not(None)))
    if needed := {UUID(str(room)) for room in (*rooms, room_id) if room}:
        await booking.hold_rooms(session, needed)
    rows = select(Appointment).where(chosen).order_by(Appointment.starts_at, Appointment.id)
    return list(await session.scalars(rows.with_for_update(of=Appointment)))


def _follows(found: dict[str, Any]) -> ColumnElement[bool]:
    if found["series_id"] is None:
        raise invalid("/following", "not_in_a_series", "This appointment belongs to no series.")
    this = aliased(Appointment)
    start = select(this.starts_at).where(this.id == found["id"]).scalar_subquery()
    return and_(
        Appointment.series_id == found["series_id"], Appointment.state == "booked", Appointment.starts_at > start
    )


@cache
def one(*, everyone: bool) -> Read:
    return Read(visible(select(*COLUMNS).where(Appointment.id == bindparam("appointment_id")), everyone))


@cache
def many(
    *, everyone: bool, of_practitioner: bool, of_client: bool, of_series: bool, in_states: bool, resumed: bool
) -> Read:
    """Appointments from the earliest start on; each form begins at an index that is ordered so."""
    across = not (everyone or of_practitioner or of_client or of_series)
    statement: Rows = select(*COLUMNS)
    if of_client:
        statement = statement.join(AppointmentAttendee, AppointmentAttendee.appointment_id == Appointment.id).where(
            AppointmentAttendee.client_id == bindparam("client_id"), AppointmentAttendee.account_id.is_(None)
        )
    start = AppointmentAttendee.starts_at if of_client else Appointment.starts_at
    last = AppointmentAttendee.appointment_id if of_client else Appointment.id
    conditions = [start >= _edge("from", "-infinity"), start < _edge("to", "infinity")]
    if of_practitioner:
        conditions.append(Appointment.practitioner_id == bindparam("practitioner_id"))
    if of_series:
        conditions.append(Appointment.series_id == bindparam("series_id"))
    if in_states:
        conditions.append(Appointment.state == func.any(bindparam("states")))
    if resumed:
        conditions.append(tuple_(start, last) > tuple_(bindparam("after_at"), bindparam("after_id")))
    if across:
        return Read(_over_calendars(conditions))
    statement = visible(statement.where(*conditions), everyone)
    return Read(statement.order_by(start, last).limit(bindparam("limit")))


@cache
def changed(*, everyone: bool, resumed: bool) -> Read:
    """All appointments changed since a moment, oldest change first; cancelled ones are the tombstones."""
    since = tuple_(Appointment.updated_at, Appointment.id) > tuple_(bindparam("after_at"), bindparam("after_id"))
    start = since if resumed else Appointment.updated_at >= bindparam("updated_since")
    statement = visible(select(*COLUMNS).where(start), everyone)
    return Read(statement.order_by(Appointment.updated_at, Appointment.id).limit(bindparam("limit")))


def _edge(name: str, otherwise: str) -> ColumnElement[Any]:
    """An instant, or a date as midnight in the practice's zone.

    A subquery, which is evaluated once: as an expression beside a column it would be no index condition under
    row-level security.
    """
    zone = select(Practice.time_zone).where(Practice.id == bindparam("practice_id")).scalar_subquery()
    midnight = func.timezone(zone, bindparam(f"{name}_day", type_=DateTime()))
    given = func.coalesce(bindparam(f"{name}_at", type_=_INSTANT), midnight, text(f"'{otherwise}'::timestamptz"))
    return select(given).scalar_subquery()


def _supervised() -> Select[UUID]:
    return select(Supervision.supervised_id).where(Supervision.supervisor_id == _staff)


def visible(statement: Rows, everyone: bool) -> Rows:
    """The one statement of who sees what: every calendar, or one's own and those that one supervises (F20.M3)."""
    if everyone:
        return statement
    own = Appointment.practitioner_id == _staff
    return statement.where(or_(own, Appointment.practitioner_id.in_(_supervised().scalar_subquery())))


def _over_calendars(conditions: list[ColumnElement[bool]]) -> Rows:
    """The first of each calendar that the caller sees, then the first of those: never the whole practice's."""
    calendars = union_all(select(_staff.label("id")), _supervised()).subquery("calendar")
    each = (
        select(Appointment.id, Appointment.starts_at)
        .where(Appointment.practitioner_id == calendars.c.id, *conditions)
        .order_by(Appointment.starts_at, Appointment.id)
        .limit(bindparam("limit"))
        .lateral("each")
    )
    first = select(each.c.id).select_from(calendars).join(each, true())
    first = first.order_by(each.c.starts_at, each.c.id).limit(bindparam("limit")).subquery("first")
    statement = select(*COLUMNS).join(first, first.c.id == Appointment.id)
    return statement.order_by(Appointment.starts_at, Appointment.id)
