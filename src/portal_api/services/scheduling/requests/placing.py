"""A time that somebody wishes for: whether they may have it, and what holds it for them (A23)."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from portal_api.core.db import Session
from portal_api.core.errors import Conflict, Fault, Invalid, NotFound, invalid
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import AppointmentRequest, Mode, Schedule, Service
from portal_api.schemas.scheduling.requests import WishedTime
from portal_api.services.scheduling import alternatives, claims, practitioners, slots
from portal_api.services.scheduling.appointments.booking import Booking
from portal_api.services.scheduling.claims import SlotTaken, Span
from portal_api.services.scheduling.slots import Asker, Slot, Wish

EXPIRY = "appointment_requests.expire"
"""The job that writes down that a request has expired."""


class TooManyPending(Conflict):
    code, title = "too_many_pending_requests", "Too many requests wait for an answer"


class NotOffered(Invalid):
    """Its fault carries the code; `alternatives` are times that are offered."""

    def __init__(self, alternatives: list[Slot]) -> None:
        why = "This time is not offered. Choose one of the times that are."
        super().__init__(why, faults=(Fault("/starts_at", "not_offered", why),), alternatives=alternatives)


@dataclass(frozen=True, slots=True)
class Placing:
    """A time that is offered to the asker at `now`. `ttl`: how long the practice lets a request wait."""

    slot: Slot
    service: Service
    now: datetime
    ttl: timedelta

    @property
    def span(self) -> Span:
        return Span.of(self.service, UUID(str(self.slot["practitioner_id"])), self.slot["starts_at"])

    def until(self, wait: timedelta) -> datetime:
        """When a request that waits so long expires: at its start at the latest."""
        return min(self.now + wait, self.slot["starts_at"])


async def locked_practitioner(session: Session, practitioner_id: UUID) -> None:
    """Hold the calendar. Raises Invalid for somebody unknown."""
    try:
        await practitioners.locked(session, [practitioner_id])
    except NotFound:
        raise invalid("/practitioner_id", "unknown_practitioner", "Name a practitioner of the practice.") from None


async def offered(session: Session, asker: Asker, wished: WishedTime) -> Placing:
    """Look again whether the time is offered, on a calendar that is held by the caller: so it stays true.

    Raises SlotTaken where somebody has it, NotOffered where nobody could ask for it, both with alternatives;
    TooManyPending where the practitioner has enough to answer for that day (A25).
    """
    day = wished.starts_at.date()
    wish = Wish(wished.service_id, [wished.practitioner_id], day, day, mode=wished.mode)
    try:
        slot = await slots.offered(session, asker, wish, wished.starts_at)
    except NotFound:
        raise invalid("/service_id", "unknown_service", "Name a service that can be booked.") from None
    facts = (
        select(Service, PortalSettings, func.now())
        .join(PortalSettings, PortalSettings.practice_id == Service.practice_id)
        .where(Service.id == wished.service_id)
    )
    service, settings, now = (await session.execute(facts)).one()
    if slot is not None:
        await _day_must_have_room(session, wished, settings.pending_requests_per_day)
        return Placing(slot, service, now, timedelta(hours=settings.request_ttl_hours))
    free = await alternatives.near(
        session, asker, wished.practitioner_id, wished.service_id, wished.starts_at, mode=wished.mode
    )
    if await claims.is_taken(session, Span.of(service, wished.practitioner_id, wished.starts_at)):
        raise SlotTaken("Choose another time.", alternatives=free)
    raise NotOffered(free)


async def _day_must_have_room(session: Session, wished: WishedTime, most: int) -> None:
    of_practitioner = Schedule.practitioner_id == wished.practitioner_id
    zone = ZoneInfo(await session.scalar(select(Schedule.time_zone).where(of_practitioner)) or "UTC")
    day = wished.starts_at.astimezone(zone).date()
    begin, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    if await claims.requests_between(session, wished.practitioner_id, begin, end) >= most:
        raise TooManyPending("Many people wait for this day already. Choose another day, or try later.", limit=most)


def request_for(placing: Placing, wished: WishedTime, **whose: Any) -> AppointmentRequest:
    """The request as it is stored; `whose`: its id, state, asker and times."""
    return AppointmentRequest(
        practitioner_id=wished.practitioner_id,
        service_id=wished.service_id,
        location_id=placing.slot["location_id"],
        mode=wished.mode,
        starts_at=placing.slot["starts_at"],
        ends_at=placing.slot["ends_at"],
        note=wished.note,
        **whose,
    )


async def expire_in_time(session: Session, request: AppointmentRequest) -> None:
    """Have it written down that the request has expired, once it has. Until then the clock alone says so."""
    queue, practice_id = session.tools.queue, session.binding.practice_id
    await queue.defer(session, EXPIRY, practice_id, at=request.expires_at, request_id=request.id)


def wish_of(request: AppointmentRequest) -> WishedTime:
    """The time that was asked for, to look at it once more."""
    return WishedTime(
        practitioner_id=request.practitioner_id,
        service_id=request.service_id,
        starts_at=request.starts_at,
        mode=Mode(request.mode),
        note=request.note,
    )


def booking_of(row: dict[str, Any]) -> Booking:
    """The appointment that a client's request, as it is read, asks for."""
    return Booking(
        practitioner_id=UUID(str(row["practitioner_id"])),
        service_id=UUID(str(row["service_id"])),
        client_ids=(UUID(str(row["client_id"])),),
        starts_at=row["starts_at"],
        mode=row["mode"],
        location_id=UUID(str(row["location_id"])) if row["location_id"] else None,
        request_id=UUID(str(row["id"])),
        confidential=row["confidential"],
    )


def others(
    session: Session, asker: Asker, asked: AppointmentRequest | WishedTime, *, at: datetime | None = None
) -> AbstractAsyncContextManager[None]:
    """What finds the time taken within is raised with times that are free for the asker. at: instead of the asked."""
    start = at or asked.starts_at
    return alternatives.offered(session, asker, asked.practitioner_id, asked.service_id, start, mode=asked.mode)
