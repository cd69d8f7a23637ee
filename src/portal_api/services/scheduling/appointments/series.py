"""Series: appointments made of a rule, each a row of its own from then on (F10.B3)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import NotFound, invalid
from portal_api.core.ids import new_id
from portal_api.models.scheduling import Appointment, AppointmentSeries
from portal_api.schemas.scheduling.appointments import SeriesCreate
from portal_api.services import audit, clients
from portal_api.services.scheduling import practitioners
from portal_api.services.scheduling.appointments import booking, reading, recurrence
from portal_api.services.scheduling.appointments.recurrence import Wall
from portal_api.services.scheduling.claims import SlotTaken

COLUMNS = (
    AppointmentSeries.id,
    AppointmentSeries.practitioner_id,
    AppointmentSeries.service_id,
    AppointmentSeries.time_zone,
    AppointmentSeries.first_date,
    AppointmentSeries.start_minute,
    AppointmentSeries.rrule,
    AppointmentSeries.created_by,
    AppointmentSeries.created_at,
    AppointmentSeries.version,
)
ONE = Read(select(*COLUMNS).where(AppointmentSeries.id == bindparam("series_id")))


async def get(reader: Reader, principal: Principal, series_id: UUID) -> dict[str, Any]:
    """A series with its appointments, whatever has become of them. Raises NotFound."""
    answer = await _answer(reader, series_id, principal=principal)
    seen = {client_id for appointment in answer["appointments"] for client_id in appointment["client_ids"]}
    audit.viewed(reader, principal, "appointments.listed", seen)
    return answer


async def create(session: Session, principal: Principal, data: SeriesCreate) -> dict[str, Any]:
    """Book every occurrence of a rule, at the same time of the zone's day.

    All or none, unless the caller has those skipped that are taken. Raises SlotTaken with all `clashes`, and what
    booking one of them raises.
    """
    practitioners.must_be_own(principal, data.practitioner_id, Permission.APPOINTMENTS_WRITE_ALL)
    await clients.must_see_all(session, principal, data.client_ids)
    series_id = new_id()
    wanted = replace(booking.wanted(data), series_id=series_id)
    terms = await booking.agree(session, wanted)
    zone = data.time_zone or terms.time_zone
    starts = occurrences(data.rrule, data.starts_at, zone)
    await _add(session, principal, data, series_id, zone)
    skipped = await _open_all(session, principal, terms, starts, allow_overlap=data.allow_overlap)
    if skipped and (data.on_clash == "refuse" or len(skipped) == len(starts)):
        raise SlotTaken(f"{len(skipped)} of {len(starts)} times are taken.", clashes=skipped)
    await audit.record(
        session,
        principal,
        "appointment_series.created",
        resource=("appointment_series", series_id),
        clients=data.client_ids,
        details={"booked": len(starts) - len(skipped), "skipped": len(skipped)},
    )
    return await _answer(session, series_id) | {"skipped": skipped}


async def moved(
    session: Session, chosen: Sequence[Appointment], starts_at: datetime
) -> list[tuple[Appointment, datetime]]:
    """Where the appointments go when the first goes to `starts_at`: as many days on, to the same time of the day."""
    first, *others = chosen
    moves = [(first, starts_at)]
    if others:
        this = select(AppointmentSeries.time_zone).where(AppointmentSeries.id == first.series_id)
        zone = (await session.execute(this)).scalar_one()
        before, after = Wall.at(first.starts_at, zone), Wall.at(starts_at, zone)
        for each in others:
            day = Wall.at(each.starts_at, zone).day + (after.day - before.day)
            moves.append((each, Wall(day, after.minute).instant(zone)))
    return moves


def occurrences(rrule: str, starts_at: datetime, zone: str) -> list[datetime]:
    """The instants of a rule that begins at `starts_at`. Raises Invalid where it does not, or is too long."""
    first = Wall.at(starts_at, zone)
    days = recurrence.days(rrule, first.day)
    if not days or days[0] != first.day or first.instant(zone) != starts_at:
        raise invalid("/starts_at", "not_in_the_rule", "The rule begins with the first appointment: let it be one.")
    if len(days) > recurrence.MOST or days[-1] - days[0] > recurrence.FARTHEST:
        why = f"A series has at most {recurrence.MOST} appointments within three years."
        raise invalid("/rrule", "series_too_long", why)
    return [Wall(day, first.minute).instant(zone) for day in days]


async def _open_all(
    session: Session, principal: Principal, terms: booking.Terms, starts: list[datetime], *, allow_overlap: bool
) -> list[datetime]:
    """Open what is free; returns what is not."""
    taken: list[datetime] = []
    for start in starts:
        try:
            async with session.begin_nested():
                await booking.open_at(session, principal, terms, start, allow_overlap=allow_overlap)
        except SlotTaken:
            taken.append(start)
    return taken


async def _add(session: Session, principal: Principal, data: SeriesCreate, series_id: UUID, zone: str) -> None:
    first = Wall.at(data.starts_at, zone)
    session.add(
        AppointmentSeries(
            id=series_id,
            practitioner_id=data.practitioner_id,
            service_id=data.service_id,
            time_zone=zone,
            first_date=first.day,
            start_minute=first.minute,
            rrule=data.rrule,
            created_by=principal.account_id,
        )
    )
    await session.flush()


async def _answer(source: Source, series_id: UUID, *, principal: Principal | None = None) -> dict[str, Any]:
    row = await source.row(ONE, series_id=series_id)
    everyone = principal is None or reading.sees_all(principal)
    read = reading.many(
        everyone=everyone, of_practitioner=False, of_client=False, of_series=True, in_states=False, resumed=False
    )
    staff_id = principal.staff_id if principal else None
    rows = await source.rows(read, series_id=series_id, staff_id=staff_id, limit=recurrence.MOST)
    if row is None or not rows:
        raise NotFound
    minute = row.pop("start_minute")
    return row | {
        "start_time": f"{minute // 60:02}:{minute % 60:02}",
        "appointments": [reading.with_policy(each) for each in rows],
    }
