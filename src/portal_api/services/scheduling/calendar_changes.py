"""Whether a calendar still says what it said: one row over all that its entries are made of, without reading them.

Each row that an entry tells of is hashed with the moment of its last change, and the hashes are added up. So a change,
and a row that comes or goes, makes another sum, also where rows have changed at one and the same moment.
"""

from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Subquery, bindparam, cast, func, select, true

from portal_api.core.db import Rows
from portal_api.models.clients import Client
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Appointment, AppointmentAttendee, Location
from portal_api.models.staff import StaffMember


def of_staff(*which: ColumnElement[bool], most: int) -> Rows:
    """`last`, and a sum for each table that the entries of staff are made of. which: of the appointments."""
    columns = Appointment.id, Appointment.updated_at, Appointment.location_id, Appointment.client_ids
    shown = _first(select(*columns).where(*which).order_by(Appointment.starts_at, Appointment.id), most)
    return _together(*_everywhere(shown, func.unnest(shown.c.client_ids)))


def of_clients(*which: ColumnElement[bool], most: int) -> Rows:
    """The same of the clients `viewing`, who also read of their practitioner, the practice and its portal."""
    shown = _first(
        select(
            Appointment.id,
            Appointment.updated_at,
            Appointment.location_id,
            Appointment.practitioner_id,
            AppointmentAttendee.client_id,
        )
        .select_from(AppointmentAttendee)
        .join(Appointment, Appointment.id == AppointmentAttendee.appointment_id)
        .where(
            AppointmentAttendee.client_id == bindparam("viewing").any_(),
            AppointmentAttendee.account_id.is_(None),
            *which,
        )
        .order_by(AppointmentAttendee.starts_at, Appointment.id),
        most,
    )
    return _together(
        *_everywhere(shown, shown.c.client_id),
        _named(StaffMember, shown, shown.c.practitioner_id),
        _changes("practice", Practice.id, Practice.updated_at, Practice.id == bindparam("practice_id")),
        _changes("portal", PortalSettings.practice_id, PortalSettings.updated_at),
    )


def _first(appointments: Rows, most: int) -> CTE:
    return appointments.limit(most).cte("shown")


def _everywhere(shown: CTE, client_ids: ColumnElement[Any]) -> tuple[Subquery, ...]:
    return (
        _changes("appointments", shown.c.id, shown.c.updated_at),
        _named(Client, shown, client_ids),
        _named(Location, shown, shown.c.location_id),
    )


def _named(model: Any, shown: CTE, ids: ColumnElement[Any]) -> Subquery:
    """Those of a table that the shown ones name."""
    return _changes(model.__tablename__, model.id, model.updated_at, model.id.in_(select(ids).select_from(shown)))


def _changes(name: str, id: Any, updated_at: Any, *which: ColumnElement[bool]) -> Subquery:
    microseconds = cast(func.date_part("epoch", updated_at) * 1_000_000, BigInteger)
    total = func.sum(func.uuid_hash_extended(id, microseconds))
    return select(func.max(updated_at).label("last"), total.label("sum")).where(*which).subquery(f"of_{name}")


def _together(first: Subquery, *others: Subquery) -> Rows:
    """Aggregates are one row each, so this is one row."""
    every = (first, *others)
    statement: Rows = select(
        func.greatest(*(each.c.last for each in every)).label("last"),
        *(each.c.sum.label(each.name) for each in every),
    ).select_from(first)
    for each in others:
        statement = statement.join(each, true())
    return statement
