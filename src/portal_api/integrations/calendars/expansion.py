"""The program that reads a calendar: a question and the calendar on standard input, busy times on standard output.

Started by `reading`, in a process with little memory and little time. The question is one line of JSON, instants are
seconds since 1970; the answer is a JSON list of [from, until].
"""

import os
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import recurring_ical_events
from icalendar import Calendar, Event

from portal_api.integrations.calendars.reading import NOT_A_CALENDAR, TOO_MUCH

MEMORY = 512 * 1024 * 1024
MOST = 20_000
"""Merged stretches."""
FREE = {"FREE", "WORKINGELSEWHERE"}

Span = tuple[int, int]


def busy(calendar: Calendar, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Span]:
    """The time that each occurrence takes, within the two instants; one that cannot be understood takes none."""
    calendar.subcomponents = [part for part in calendar.subcomponents if not isinstance(part, Event) or is_whole(part)]
    # A day of any zone that touches the stretch begins at most a day before it.
    found = recurring_ical_events.of(calendar, components=["VEVENT"], skip_bad_series=True)
    for event in found.between(start - timedelta(days=1), end + timedelta(days=1)):
        if isinstance(event, Event) and takes_time(event):
            from_, until = instant(event.start, zone), instant(event.end, zone)
            from_, until = max(from_, start), min(until, end)
            if from_ < until:
                yield int(from_.timestamp()), int(until.timestamp())


def is_whole(event: Event) -> bool:
    """Whether it says when it begins and ends; the library stops at one that does not."""
    try:
        _ = event.start, event.end
    except Exception:  # a kind for each way of being wrong
        return False
    return True


def takes_time(event: Event) -> bool:
    """RFC 5545 section 3.8.2.7; what is cancelled takes none, nor what Outlook marks as free in its own words."""
    return (
        str(event.get("TRANSP", "OPAQUE")).upper() != "TRANSPARENT"
        and str(event.get("STATUS", "")).upper() != "CANCELLED"
        and str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "BUSY")).upper() not in FREE
    )


def instant(value: date | datetime, zone: ZoneInfo) -> datetime:
    """A date is its midnight, and a time without a zone is read, on the zone's wall clock."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def merged(spans: Iterable[Span]) -> list[Span]:
    """In order, joined where they overlap or touch."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def confine(cpu_seconds: int) -> None:
    """Give up what reading a calendar does not need. The kernel ends the process where that is too little."""
    os.nice(10)
    for limit, value in ((resource.RLIMIT_CPU, cpu_seconds), (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (value, value))


def answer(question: dict[str, Any], content: bytes) -> list[Span]:
    """The busy times. Raises ValueError for what is no calendar."""
    calendars = Calendar.from_ical(content.decode("utf-8", "replace"), multiple=True)
    found = [calendar for calendar in calendars if isinstance(calendar, Calendar)]
    if not found or len(found) < len(calendars):
        raise ValueError("no VCALENDAR")
    zone = ZoneInfo(question["time_zone"])
    start, end = (datetime.fromtimestamp(question[name], UTC) for name in ("start", "end"))
    return merged(span for calendar in found for span in busy(calendar, zone, start, end))


def main() -> int:
    question, content = orjson.loads(sys.stdin.buffer.readline()), sys.stdin.buffer.read()
    confine(question["cpu_seconds"])
    try:
        stretches = answer(question, content)
    except MemoryError:
        return TOO_MUCH
    except Exception:  # whatever the libraries make of what somebody else wrote
        return NOT_A_CALENDAR
    if len(stretches) > MOST:
        return TOO_MUCH
    sys.stdout.buffer.write(orjson.dumps(stretches))
    return 0


if __name__ == "__main__":
    sys.exit(main())
