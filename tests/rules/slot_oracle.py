"""Free starts the slow and plain way: every minute is asked what a clock on the wall would show.

Nothing of the program is used, so that both would have to be wrong in the same way.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Window = tuple[int, int]
"""From minute, to minute of the day."""


@dataclass
class Rules:
    zone: str
    weekly: dict[int, list[Window]]
    """By weekday, 0 is Monday."""
    dates: dict[date, list[Window]] = field(default_factory=dict)
    duration: int = 50
    before: int = 0
    after: int = 0
    interval: int | None = 15
    fixed_start: int | None = None
    taken: list[tuple[datetime, datetime]] = field(default_factory=list)
    earliest: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def windows(self, day: date) -> list[Window]:
        return self.dates[day] if day in self.dates else self.weekly.get(day.weekday(), [])


MINUTE = timedelta(minutes=1)


def free_starts(rules: Rules, first: date, last: date) -> list[datetime]:
    """The starts whose wall time lies on one of the days."""
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=2)
    minutes = [begin + n * MINUTE for n in range(1440 * ((last - first).days + 7))]
    zone = ZoneInfo(rules.zone)
    shown = [at.astimezone(zone).replace(tzinfo=None) for at in minutes]
    is_open = [_is_open(rules, reading) for reading in shown]
    is_taken = [any(a <= at < b for a, b in rules.taken) for at in minutes]
    fits = [
        first <= shown[n].date() <= last
        and all(is_open[n : n + rules.duration])
        and not any(is_taken[n - rules.before : n + rules.duration + rules.after])
        for n in range(1440, len(minutes) - 3 * 1440)
    ]
    chosen = _packed if rules.interval is None and rules.fixed_start is None else _gridded
    found = chosen(rules, [(minutes[n + 1440], shown[n + 1440]) if fit else None for n, fit in enumerate(fits)])
    return [at for at in found if at >= rules.earliest]


def _is_open(rules: Rules, reading: datetime) -> bool:
    return _covered(rules.windows(reading.date()), reading.hour * 60 + reading.minute)


def _covered(windows: list[Window], minute: int) -> bool:
    return any(start <= minute < end for start, end in windows)


def _gridded(rules: Rules, fitting: list[tuple[datetime, datetime] | None]) -> list[datetime]:
    step = rules.interval or 60
    found = []
    for at, reading in filter(None, fitting):
        minute = reading.hour * 60 + reading.minute
        anchor = rules.fixed_start
        if anchor is None:
            anchor = minute
            while anchor and _covered(rules.windows(reading.date()), anchor - 1):
                anchor -= 1
        if (minute - anchor) % step == 0:
            found.append(at)
    return found


def _packed(rules: Rules, fitting: list[tuple[datetime, datetime] | None]) -> list[datetime]:
    """One after the other from where each stretch of a day that a session fits in begins."""
    step = rules.before + rules.duration + rules.after
    found = []
    before: tuple[datetime, datetime] | None = None
    begun = None
    for here in fitting:
        if here is not None:
            if before is None or before[1].date() != here[1].date():
                begun = here[0]
            assert begun is not None
            if (here[0] - begun) // MINUTE % step == 0:
                found.append(here[0])
        before = here
    return found
