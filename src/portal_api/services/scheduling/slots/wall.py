"""Between the wall clock of a zone and instants, in whole minutes.

An instant is minutes since 1970-01-01T00:00Z; a day is days since that date; a wall time is `day * 1440 + minute of the
day`. A day of a zone is the set of instants at which its clock shows that date. Where the clock skips a reading, no
instant has it; where it repeats one, two have, and both belong to the day.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 1440
_PROBE = 60
_WIDEST = 15 * 60
"""No zone is farther from UTC, whole minutes."""
_EPOCH = date(1970, 1, 1)
_MONDAY = 3 * DAY
"""1970 began on a Thursday."""
_START = datetime(1970, 1, 1, tzinfo=UTC)

Segment = tuple[int, int, int]
"""Instants from, until, and the offset there: instant + offset is the wall time."""


def day_number(day: date) -> int:
    return (day - _EPOCH).days


def date_of(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def weekday_of(day: int) -> int:
    """0 is Monday."""
    return (day + 3) % 7


@lru_cache(maxsize=32_768)
def instant(minute: int) -> datetime:
    """Kept: most searches are for the coming weeks, and on the same few minutes of the hour."""
    return datetime.fromtimestamp(minute * 60, UTC)


def minute_of(at: datetime) -> int:
    """The minute in which the instant lies."""
    return (at - _START) // timedelta(minutes=1)


@lru_cache(maxsize=50_000)
def segments(zone: str, day: int) -> tuple[Segment, ...]:
    """The instants at which the zone's clock shows the day: one segment, or one for each offset in force on it.

    None where a zone skipped the whole date.
    """
    begin = day * DAY
    found: list[Segment] = []
    for start, end, offset in _pieces(zone, begin - _WIDEST, begin + DAY + _WIDEST):
        from_, until = max(start, begin - offset), min(end, begin + DAY - offset)
        if from_ < until:
            found.append((from_, until, offset))
    return tuple(found)


def day_of(zone: str, minute: int) -> int:
    """The date that the zone's clock shows at an instant."""
    return (minute + _offset(ZoneInfo(zone), minute)) // DAY


def wall_of(zone: str, minute: int) -> int:
    """The wall time that the zone's clock shows at an instant."""
    return minute + _offset(ZoneInfo(zone), minute)


def minute_of_week(zone: str, minute: int) -> int:
    """How far into its week the zone's clock is at an instant; two on one weekday at one local time are alike."""
    return (wall_of(zone, minute) + _MONDAY) % (7 * DAY)


def _pieces(zone: str, start: int, end: int) -> list[Segment]:
    """The stretches of equal offset between two instants."""
    info = ZoneInfo(zone)
    offset = _offset(info, start)
    found: list[Segment] = []
    begun = start
    for probe in range(start + _PROBE, end + _PROBE, _PROBE):
        there = _offset(info, probe)
        if there != offset:
            changed = _change(info, probe - _PROBE, probe, offset)
            found.append((begun, changed, offset))
            begun, offset = changed, there
    return [*found, (begun, end, offset)]


def _change(info: ZoneInfo, low: int, high: int, offset: int) -> int:
    """The first minute after `low` whose offset is another."""
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(info, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def _offset(info: ZoneInfo, minute: int) -> int:
    offset = datetime.fromtimestamp(minute * 60, info).utcoffset()
    assert offset is not None  # noqa: S101 - the zone is given
    return offset // timedelta(minutes=1)
