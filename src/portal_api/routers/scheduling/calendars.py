"""Appointments in other calendars, and other calendars' busy times here."""

from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from starlette.requests import Request

from portal_api.routers.deps import (
    Anyone,
    CanReadAppointments,
    CanWriteAvailability,
    HasAppointments,
    IfMatch,
    ReaderDep,
    SessionDep,
    SignedIn,
)
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.scheduling.calendars import (
    BusyCalendar,
    BusyCalendarCreate,
    CalendarFeed,
    CalendarFeedCreate,
    CalendarFeedLink,
    CalendarFeedUpdate,
)
from portal_api.services.scheduling import busy_calendars, feeds, ics
from portal_api.web.replies import Reply
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="scheduling")
CALENDAR: Any = {
    200: {"description": "iCalendar (RFC 5545).", "content": {"text/calendar": {"schema": {"type": "string"}}}}
}
UNCHANGED: Any = {304: {"description": "The caller's copy is still right."}}
NOT_FOR_OTHERS = {
    "Cache-Control": "private, no-cache",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Content-Disposition": 'inline; filename="calendar.ics"',
}
"""The address is a secret: no shared cache keeps the answer, and no search engine lists it."""


@router.get("/appointments/{appointment_id}/ics", response_model=None, responses=CALENDAR)
async def get_appointment_ics(appointment_id: UUID, reader: ReaderDep, principal: CanReadAppointments) -> Any:
    """An appointment as a calendar entry, with the clients' initials and nothing of what it is for."""
    return _attachment(await ics.for_staff(reader, principal, appointment_id))


@router.get("/me/appointments/{appointment_id}/ics", response_model=None, responses=CALENDAR)
async def get_my_appointment_ics(appointment_id: UUID, reader: ReaderDep, principal: HasAppointments) -> Any:
    """An appointment of the client as a calendar entry; of one that is cancelled, its cancellation."""
    return _attachment(await ics.for_client(reader, principal, appointment_id))


@router.get("/me/calendar-feed", response_model=CalendarFeed)
async def get_calendar_feed(reader: ReaderDep, principal: SignedIn) -> Any:
    """The caller's calendar feed, without its link."""
    return await feeds.get(reader, principal)


@router.post("/me/calendar-feed", status_code=201, response_model=CalendarFeedLink)
async def create_calendar_feed(data: CalendarFeedCreate, session: SessionDep, principal: SignedIn) -> Any:
    """Make a secret link to the caller's appointments, shown this once. An older link ends at once."""
    return await feeds.create(session, principal, data)


@router.patch("/me/calendar-feed", response_model=CalendarFeed)
async def update_calendar_feed(
    data: CalendarFeedUpdate, session: SessionDep, principal: SignedIn, if_match: IfMatch
) -> Any:
    """Change what the feed says of names. Its link stays."""
    return await feeds.update(session, principal, data, if_match)


@router.delete("/me/calendar-feed", status_code=204, response_model=None)
async def delete_calendar_feed(session: SessionDep, principal: SignedIn) -> Any:
    """End the link: it opens nothing any more."""
    await feeds.remove(session, principal)


@router.get("/calendar-feeds/{secret}.ics", response_model=None, responses=CALENDAR | UNCHANGED)
async def read_calendar_feed(secret: str, request: Request, reader: ReaderDep, visitor: Anyone) -> Any:
    """The calendar behind a secret link, for programs that subscribe to it. Any other link is 404."""
    return _feed(await feeds.read(reader, visitor, secret, _seen(request)))


@router.get("/practitioners/{practitioner_id}/busy-calendars", response_model=Page[BusyCalendar])
async def list_busy_calendars(
    practitioner_id: UUID,
    query: Annotated[PageQuery, Query()],
    reader: ReaderDep,
    principal: CanWriteAvailability,
) -> Any:
    """The practitioner's own calendars whose busy times are offered to nobody, and how reading them goes."""
    return await busy_calendars.page(reader, principal, practitioner_id, query)


@router.post("/practitioners/{practitioner_id}/busy-calendars", status_code=201, response_model=BusyCalendar)
async def create_busy_calendar(
    practitioner_id: UUID, data: BusyCalendarCreate, session: SessionDep, principal: CanWriteAvailability
) -> Any:
    """Read a calendar by its iCalendar address, now and every quarter of an hour."""
    return await busy_calendars.create(session, principal, practitioner_id, data)


@router.post("/busy-calendars/{busy_calendar_id}/refresh", status_code=202, response_model=BusyCalendar)
async def refresh_busy_calendar(busy_calendar_id: UUID, session: SessionDep, principal: CanWriteAvailability) -> Any:
    """Read the calendar as soon as possible."""
    return await busy_calendars.refresh(session, principal, busy_calendar_id)


@router.delete("/busy-calendars/{busy_calendar_id}", status_code=204, response_model=None)
async def delete_busy_calendar(busy_calendar_id: UUID, session: SessionDep, principal: CanWriteAvailability) -> Any:
    """Forget the calendar and its busy times."""
    await busy_calendars.remove(session, principal, busy_calendar_id)


def _attachment(document: ics.Document) -> Reply:
    headers = {"Content-Disposition": 'attachment; filename="appointment.ics"'}
    return Reply(document.content, headers, f"text/calendar; charset=utf-8; method={document.method}")


def _feed(document: feeds.Document) -> Reply:
    modified = format_datetime(document.changed_at.astimezone(UTC).replace(microsecond=0), usegmt=True)
    headers = NOT_FOR_OTHERS | {"ETag": document.etag, "Last-Modified": modified}
    if document.content is None:
        return Reply(None, headers, status=304)
    return Reply(document.content, headers, "text/calendar; charset=utf-8")


def _seen(request: Request) -> feeds.Seen:
    """The conditions of a request; a date that is none is as good as no condition."""
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", "")).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        since = None
    return feeds.Seen(request.headers.get("if-none-match"), since)
