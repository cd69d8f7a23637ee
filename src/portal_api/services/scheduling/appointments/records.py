"""Appointments of staff: found, booked, changed."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Reader, Session
from portal_api.core.errors import NotFound
from portal_api.schemas.scheduling.appointments import AppointmentCreate, AppointmentFilters
from portal_api.services import audit, clients
from portal_api.services.paging import Pager
from portal_api.services.scheduling import alternatives, practitioners, slots
from portal_api.services.scheduling.appointments import booking, reading


async def page(reader: Reader, principal: Principal, filters: AppointmentFilters) -> dict[str, Any]:
    """The appointments that the caller sees, the earliest first; with `updated_since`, the oldest change first."""
    everyone = reading.sees_all(principal)
    if filters.updated_since is not None:
        pager = Pager(reader, principal, "appointments", filters, "updated_at", "id")
        read = reading.changed(everyone=everyone, resumed=pager.position is not None)
    else:
        pager = Pager(reader, principal, "appointments", filters, "starts_at", "id")
        read = reading.many(
            everyone=everyone,
            of_practitioner=filters.practitioner_id is not None,
            of_client=filters.client_id is not None,
            of_series=filters.series_id is not None,
            in_states=bool(filters.state),
            resumed=pager.position is not None,
        )
    at, after = pager.position or (None, None)
    rows = await reader.rows(
        read,
        limit=pager.limit + 1,
        staff_id=principal.staff_id,
        after_at=at and datetime.fromisoformat(at),
        after_id=after and UUID(after),
        updated_since=filters.updated_since,
        practitioner_id=filters.practitioner_id,
        client_id=filters.client_id,
        series_id=filters.series_id,
        states=list(filters.state),
        **_edge("from", filters.from_),
        **_edge("to", filters.to, days=1),
    )
    answer = pager.envelope([reading.with_policy(row) for row in rows])
    seen = {client_id for row in answer["data"] for client_id in row["client_ids"]}
    audit.viewed(reader, principal, "appointments.listed", seen)
    return answer


async def get(reader: Reader, principal: Principal, appointment_id: UUID) -> dict[str, Any]:
    """One appointment that the caller sees. Raises NotFound."""
    read = reading.one(everyone=reading.sees_all(principal))
    row = await reader.row(read, appointment_id=appointment_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound
    audit.viewed(reader, principal, "appointment.viewed", row["client_ids"])
    return reading.with_policy(row)


async def create(session: Session, principal: Principal, data: AppointmentCreate) -> dict[str, Any]:
    """Book a time. Staff book in and outside of a practitioner's hours, and over requests that nobody decided.

    Raises Forbidden for somebody else's calendar, NotFound for a client whom the caller does not see, SlotTaken with
    alternatives, Invalid.
    """
    practitioners.must_be_own(principal, data.practitioner_id, Permission.APPOINTMENTS_WRITE_ALL)
    await clients.must_see_all(session, principal, data.client_ids)
    async with alternatives.offered(session, slots.STAFF, data.practitioner_id, data.service_id, data.starts_at):
        made = await booking.book(session, principal, booking.wanted(data), allow_overlap=data.allow_overlap)
    return await reading.get(session, made.id)


def _edge(name: str, given: datetime | date | None, *, days: int = 0) -> dict[str, Any]:
    """An instant as it is; a date as the midnight that begins it or, with `days`, one after it."""
    if given is None or isinstance(given, datetime):
        return {f"{name}_at": given, f"{name}_day": None}
    return {f"{name}_at": None, f"{name}_day": datetime.combine(given, time()) + timedelta(days=days)}
