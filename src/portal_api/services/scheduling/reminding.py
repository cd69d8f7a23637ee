"""When to remind: offsets before the start, moved out of the hours in which nobody is disturbed (F10.M10, F14.B1)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BEFORE_QUIET = timedelta(minutes=30)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of somebody's day, as minutes of it; over midnight where the first is the later one."""

    start: int
    end: int

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def end_after(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The next time that they end."""
        day = at.astimezone(zone).date()
        today = _on(day, self.end, zone)
        return today if today > at else _on(day + DAY, self.end, zone)

    def start_before(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The last time that they started."""
        day = at.astimezone(zone).date()
        today = _on(day, self.start, zone)
        return today if today <= at else _on(day - DAY, self.start, zone)

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=(self.end - self.start) % 1440)


def moment(starts_at: datetime, offset_minutes: int, zone: ZoneInfo, quiet: Quiet | None) -> datetime:
    """When a reminder is due.

    In quiet hours it waits for their end if at least half of the offset is left by then; else it is sent half an hour
    before they begin.
    """
    offset = timedelta(minutes=offset_minutes)
    starts_at = starts_at.astimezone(UTC)  # within a zone, Python would subtract readings of the clock
    due = starts_at - offset
    if quiet is None or not quiet.holds(due, zone):
        return due
    later = quiet.end_after(due, zone)
    return later if starts_at - later >= offset / 2 else quiet.start_before(due, zone) - BEFORE_QUIET


def _on(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """A reading of the wall clock as an instant; one that is skipped is that much later, of two the first."""
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)
