"""When a rule recurs (RFC 5545 section 3.3.10), on the wall clock of a zone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

MOST = 104
"""Occurrences of one series: two years, weekly."""
FARTHEST = timedelta(days=3 * 366)
"""From the first to the last."""


@dataclass(frozen=True, slots=True)
class Wall:
    """What a clock on the wall shows: a date, and minutes after its midnight."""

    day: date
    minute: int

    @classmethod
    def at(cls, instant: datetime, zone: str) -> "Wall":
        local = instant.astimezone(ZoneInfo(zone))
        return cls(local.date(), local.hour * 60 + local.minute)

    def instant(self, zone: str) -> datetime:
        """In UTC. A reading that comes twice is the first; one that is skipped counts from before the gap
        (RFC 5545 section 3.3.5), so that a session at 02:30 is at 03:30 on that one day."""
        hours, minutes = divmod(self.minute, 60)
        return datetime.combine(self.day, time(hours, minutes), ZoneInfo(zone)).astimezone(UTC)


def days(rule: str, first: date) -> list[date]:
    """The dates of a rule that begins on `first`, one more than MOST where there are so many.

    The rule is one that the schema let through: of days, weeks or months, and never empty for long.
    """
    found: Iterator[datetime] = iter(rrulestr(rule, dtstart=datetime.combine(first, time())))
    return [at.date() for at in islice(found, MOST + 1)]
