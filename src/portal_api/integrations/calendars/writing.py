"""Entries as text. Instants are in UTC, so there is no time zone to describe."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from icalendar import Calendar, Event, vDuration

PRODUCT = "-//Portal API//Portal API//EN"
REFRESH = timedelta(hours=1)
KEPT_ENTRIES = 20_000
"""About 400 bytes each."""


class Method(StrEnum):
    """RFC 5546 section 3.2."""

    PUBLISH = "PUBLISH"
    CANCEL = "CANCEL"


class Entry(NamedTuple):
    """One VEVENT. `stamp`: when what it says last changed. `organizer`: an e-mail address.

    Instants are in seconds since 1970 in UTC: iCalendar knows no fractions of them (RFC 5545 section 3.3.5).
    """

    uid: str
    sequence: int
    starts_at: int
    ends_at: int
    created_at: int
    stamp: int
    cancelled: bool
    summary: str
    organizer: str
    location: str | None = None
    link: str | None = None


def calendar(entries: Iterable[Entry], *, method: Method = Method.PUBLISH, name: str | None = None) -> bytes:
    """A VCALENDAR of the entries. name: for programs that subscribe to it."""
    frame = Calendar()
    frame.add("prodid", PRODUCT)
    frame.add("version", "2.0")
    frame.add("calscale", "GREGORIAN")
    frame.add("method", method.value)
    if name is not None:
        frame.add("name", name)
        frame.add("x-wr-calname", name)
        frame.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
        frame.add("x-published-ttl", vDuration(REFRESH))
    head, end, _ = frame.to_ical().rpartition(b"END:VCALENDAR\r\n")
    return b"".join([head, *map(_event, entries), end])


@lru_cache(maxsize=KEPT_ENTRIES)
def _event(entry: Entry) -> bytes:
    """Rendering is most of what a feed costs, and few of its entries change between two readings."""
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", _instant(entry.stamp))
    event.add("created", _instant(entry.created_at))
    event.add("last-modified", _instant(entry.stamp))
    event.add("sequence", entry.sequence)
    event.add("dtstart", _instant(entry.starts_at))
    event.add("dtend", _instant(entry.ends_at))
    event.add("summary", entry.summary)
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if entry.cancelled else "OPAQUE")
    event.add("class", "PRIVATE")
    event.add("organizer", f"mailto:{entry.organizer}")
    if entry.location:
        event.add("location", entry.location)
    if entry.link:
        event.add("url", entry.link)
    return event.to_ical()


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
