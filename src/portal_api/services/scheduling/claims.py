"""Taking time, and giving it back: the only code that writes Claims.

In a transaction, always in this order: `practitioners.locked`, then `rooms_locked`, then the client, then the request
or appointment itself, then `take`, `move` or `release`. The exclusion constraints stand behind it: whatever path
forgets the order gets a 409, never a double booking.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, delete, func, or_, select, update

from portal_api.core.db import Read, Session
from portal_api.core.errors import Conflict, NotFound, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.scheduling import AppointmentRequest, Claim, Room, Service

LONGEST = timedelta(hours=48)
"""No claim is longer (ck_calendar_claim_length), so a search for what overlaps begins so long before."""


class SlotTaken(Conflict):
    """Callers who can look for free times add `alternatives`."""

    code, title = "slot_taken", "This time is taken"


on_constraint("ex_calendar_claim_practitioner", SlotTaken)
on_constraint("ex_calendar_claim_room", SlotTaken)


@dataclass(frozen=True, slots=True)
class Span:
    """What a session takes: from start to end in the room, with its buffers of the practitioner's time."""

    practitioner_id: UUID
    starts_at: datetime
    ends_at: datetime
    blocked_from: datetime
    blocked_until: datetime
    service_id: UUID | None = None
    room_id: UUID | None = None

    @classmethod
    def of(cls, service: Service, practitioner_id: UUID, starts_at: datetime, room_id: UUID | None = None) -> "Span":
        ends_at = starts_at + timedelta(minutes=service.duration_minutes)
        return cls(
            practitioner_id,
            starts_at,
            ends_at,
            starts_at - timedelta(minutes=service.buffer_before_minutes),
            ends_at + timedelta(minutes=service.buffer_after_minutes),
            service.id,
            room_id,
        )


async def rooms_locked(session: Session, room_ids: Collection[UUID]) -> None:
    """Hold the rooms, after the practitioners and in the order of their ids. Raises NotFound."""
    held = select(Room.id).where(Room.id.in_(room_ids)).order_by(Room.id).with_for_update(key_share=True)
    found = {UUID(str(room_id)) for room_id in await session.scalars(held)}
    if set(room_ids) - found:
        raise NotFound


async def take_for_appointment(
    session: Session, appointment_id: UUID, span: Span, *, allow_overlap: bool = False, over_requests: bool = True
) -> bool:
    """Take the time for an appointment.

    allow_overlap: take it although something is there (F10.M6). over_requests: pending requests of other clients
    give way and are marked so, as they do for staff who book; not for one that is accepted. Returns whether it does
    overlap: only then does the claim stand outside the constraints. Raises SlotTaken.
    """
    await _drop_expired(session, span)
    if over_requests:
        await _displace_requests(session, span)
    overlaps = await is_taken(session, span)
    if overlaps and not allow_overlap:
        raise SlotTaken("Something else is booked at this time.")
    await _insert(session, span, appointment_id=appointment_id, allow_overlap=overlaps)
    return overlaps


async def take_for_request(session: Session, request_id: UUID, span: Span, expires_at: datetime) -> None:
    """Hold the time for a request. Raises SlotTaken where an appointment or another request has it."""
    await _drop_expired(session, span)
    if await is_taken(session, span):
        raise SlotTaken("Somebody else was faster.")
    await _insert(session, span, request_id=request_id, expires_at=expires_at)


async def is_taken(session: Session, span: Span, *, but: UUID | None = None) -> bool:
    """Whether something that has not expired is there: of the practitioner or, with a room, in it.

    but: an appointment or request whose own claim does not count.
    """
    statement = select(Claim.id).where(_overlapping(span), live()).limit(1)
    if but is not None:
        statement = statement.where(Claim.appointment_id.is_distinct_from(but), Claim.request_id.is_distinct_from(but))
    return (await session.execute(statement)).first() is not None


async def glance(session: Session, practitioner_id: UUID, at: datetime, *, requests_too: bool = False) -> None:
    """Raise SlotTaken where an appointment has the practitioner at this instant, before anything is held.

    requests_too: or a pending request. The common loser of a race is answered without waiting in line for the
    calendar; what it says of a free time means nothing yet.
    """
    read = _taken_at(requests_too=requests_too)
    if await session.row(read, practitioner_id=practitioner_id, at=at, since=at - LONGEST):
        raise SlotTaken("Something else is booked at this time.")


@cache
def _taken_at(*, requests_too: bool) -> Read:
    taken = select(Claim.id).where(
        Claim.practitioner_id == bindparam("practitioner_id"),
        Claim.blocked_from > bindparam("since"),
        Claim.blocked_from <= bindparam("at"),
        Claim.blocked_until > bindparam("at"),
        live() if requests_too else Claim.appointment_id.is_not(None),
    )
    return Read(taken.limit(1))


async def requests_between(session: Session, practitioner_id: UUID, begin: datetime, end: datetime) -> int:
    """How many pending requests hold a start between these instants."""
    theirs = Claim.practitioner_id == practitioner_id, Claim.request_id.is_not(None), live()
    near = Claim.blocked_from > begin - LONGEST, Claim.blocked_from < end
    counted = select(func.count()).where(*theirs, *near, Claim.starts_at >= begin, Claim.starts_at < end)
    return await session.scalar(counted) or 0


async def release(session: Session, holder_id: UUID) -> None:
    """Give back the time of an appointment or a request; nothing happens where it holds none."""
    await session.execute(delete(Claim).where(or_(Claim.appointment_id == holder_id, Claim.request_id == holder_id)))


async def _displace_requests(session: Session, span: Span) -> None:
    """Staff come first: a hold keeps other clients away, not the practitioner (SH-417)."""
    held = select(Claim.request_id).where(_overlapping(span), Claim.request_id.is_not(None))
    displaced = [UUID(str(request_id)) for request_id in await session.scalars(held)]
    if displaced:
        await session.execute(delete(Claim).where(Claim.request_id.in_(displaced)))
        marked = update(AppointmentRequest).where(AppointmentRequest.id.in_(displaced))
        await session.execute(marked.values(displaced_at=func.now(), version=AppointmentRequest.version + 1))


async def _drop_expired(session: Session, span: Span) -> None:
    """The constraint knows no clock: what has run out leaves before it could be in the way."""
    await session.execute(delete(Claim).where(_overlapping(span), ~live()))


def live() -> ColumnElement[bool]:
    """A claim that has not expired: the others hold nothing."""
    return or_(Claim.expires_at.is_(None), Claim.expires_at > func.now())


def _overlapping(span: Span) -> ColumnElement[bool]:
    """Plain comparisons of timestamps: `&&` would be no index condition under row-level security."""
    of_practitioner = (
        (Claim.practitioner_id == span.practitioner_id)
        & (Claim.blocked_from > span.blocked_from - LONGEST)
        & (Claim.blocked_from < span.blocked_until)
        & (Claim.blocked_until > span.blocked_from)
    )
    if span.room_id is None:
        return of_practitioner
    in_room = (
        (Claim.room_id == span.room_id)
        & (Claim.starts_at > span.starts_at - LONGEST)
        & (Claim.starts_at < span.ends_at)
        & (Claim.ends_at > span.starts_at)
    )
    return of_practitioner | in_room


async def _insert(
    session: Session,
    span: Span,
    *,
    appointment_id: UUID | None = None,
    request_id: UUID | None = None,
    expires_at: datetime | None = None,
    allow_overlap: bool = False,
) -> None:
    session.add(
        Claim(
            id=new_id(),
            practitioner_id=span.practitioner_id,
            service_id=span.service_id,
            room_id=span.room_id,
            appointment_id=appointment_id,
            request_id=request_id,
            starts_at=span.starts_at,
            ends_at=span.ends_at,
            blocked_from=span.blocked_from,
            blocked_until=span.blocked_until,
            expires_at=expires_at,
            allow_overlap=allow_overlap,
        )
    )
    await session.flush()
