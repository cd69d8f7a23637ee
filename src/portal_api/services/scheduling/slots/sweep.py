"""Free starts: windows minus what is taken, in one pass over sorted whole minutes (F10.M2).

A session fits where every minute of it lies in the windows and none of its minutes, buffers included, is taken. It
starts where the wall clock's reading lies on the service's grid, so that a weekly window yields the same wall times
whatever the clock does; on the day of a change a skipped reading is offered not at all, and a repeated one at both of
its instants.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass

from portal_api.services.scheduling.slots import wall
from portal_api.services.scheduling.slots.hours import DayStretches

Taken = tuple[int, int]
"""Instants from, until."""
Piece = tuple[int, int, int]
"""A window, or the part of it under one offset: instants from, until, and the one that the grid counts from."""
Window = tuple[int, int, int, int]
"""The same, and until when windows go on without a gap, past midnight too."""


@dataclass(frozen=True, slots=True)
class Grid:
    """How long a session takes, and where it may start. Minutes."""

    duration: int
    before: int = 0
    after: int = 0
    interval: int | None = None
    fixed_start: int | None = None

    @property
    def step(self) -> int:
        """Between starts. Without an interval: from hour to hour, or one session after the other."""
        if self.interval is not None:
            return self.interval
        return 60 if self.fixed_start is not None else self.before + self.duration + self.after

    @property
    def is_packed(self) -> bool:
        """Sessions follow each other from the beginning of each free stretch of a day."""
        return self.interval is None and self.fixed_start is None


def starts(
    zone: str,
    stretches: DayStretches,
    grid: Grid,
    taken: Iterable[Taken],
    days: Iterable[int],
    *,
    earliest: int = 0,
    closed: Container[int] = (),
) -> Iterator[list[int]]:
    """For each of these days of the zone the instants at which a session can start, in order, none before `earliest`.

    taken: sorted. closed: days on which nothing starts, though a session may run into them. Linear in the days and in
    what is taken, and lazy: the first day is there before the second is looked at.
    """
    step, is_packed, duration = grid.step, grid.is_packed, grid.duration
    blocked = _blocked(taken, grid)
    low, high = next(blocked, _NEVER)
    for day, windows in _windows(zone, stretches, grid, days):
        found: list[int] = []
        for begin, end, anchor, until in () if day in closed else windows:
            at, beyond = begin, min(end, until - duration + 1)
            while at < beyond:
                while high <= at:
                    low, high = next(blocked, _NEVER)
                stop = low if low < beyond else beyond
                if at < stop:
                    first = at if at > earliest else earliest
                    found += range(first + ((at if is_packed else anchor) - first) % step, stop, step)
                if stop == beyond:
                    break
                at = high
        yield found


_NEVER: Taken = (1 << 60, 1 << 60)


def _blocked(taken: Iterable[Taken], grid: Grid) -> Iterator[Taken]:
    """The starts that what is taken rules out: from, until, in order and apart."""
    reach, before = grid.duration + grid.after - 1, grid.before
    low = high = -_NEVER[0]
    for from_, until in taken:
        if from_ - reach > high:
            if high > low:
                yield low, high
            low = from_ - reach
        if until + before > high:
            high = until + before
    if high > low:
        yield low, high


def _windows(zone: str, stretches: DayStretches, grid: Grid, days: Iterable[int]) -> Iterator[tuple[int, list[Window]]]:
    """The windows of each day, piece by piece."""
    known: dict[int, list[Piece]] = {}

    def of(day: int) -> list[Piece]:
        if day not in known:
            known[day] = _pieces(zone, stretches, grid, day)
        return known[day]

    for day in days:
        pieces = of(day)
        end = pieces[-1][1] if pieces else 0
        goes_on = bool(pieces) and end == wall.segments(zone, day)[-1][1]
        yield day, _with_ends(pieces, _onward(of, day + 1, end, grid.duration) if goes_on else end)


def _with_ends(pieces: list[Piece], until: int) -> list[Window]:
    """Each piece with the instant until which windows go on; `until` is that of the last one."""
    if len(pieces) == 1:
        return [(*pieces[0], until)]
    found: list[Window] = []
    for begin, end, anchor in reversed(pieces):
        if found and found[-1][0] != end:
            until = end
        found.append((begin, end, anchor, until))
    found.reverse()
    return found


def _onward(of: Callable[[int], list[Piece]], day: int, end: int, duration: int) -> int:
    """How far the windows of the coming days continue what ends at `end`, as far as a session may need it."""
    enough = end + duration
    while end < enough:
        found = of(day)
        begun = end
        for begin, until, _ in found:
            if begin != end:
                return end
            end = until
        if end == begun:
            return end
        day += 1
    return end


def _pieces(zone: str, stretches: DayStretches, grid: Grid, day: int) -> list[Piece]:
    found: list[Piece] = []
    midnight = day * wall.DAY
    windows = stretches.on(day)
    for from_, until, offset in wall.segments(zone, day) if windows else ():
        for start, end in windows:
            begin = max(from_, midnight + start - offset)
            stop = min(until, midnight + end - offset)
            if begin < stop:
                anchor = midnight + (start if grid.fixed_start is None else grid.fixed_start) - offset
                found.append((begin, stop, anchor))
    return _joined(found) if grid.is_packed else found


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Sessions that follow each other do not begin anew where the clock changes."""
    found: list[Piece] = []
    for begin, end, anchor in pieces:
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end, found[-1][2])
        else:
            found.append((begin, end, anchor))
    return found
