"""When a reminder is due: so long before, and not in the hours in which nobody is disturbed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_api.services.scheduling.reminding import BEFORE_QUIET, Quiet, moment

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(21 * 60, 8 * 60)
ZONES = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu")


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "offset", "due", "why"),
    [
        ("2031-03-03 14:00", 1440, "2031-03-02 14:00", "by day it is so long before"),
        ("2031-03-03 08:00", 1440, "2031-03-02 08:00", "the end of the quiet hours is not quiet"),
        ("2031-03-03 07:00", 1440, "2031-03-02 08:00", "later: 23 of 24 hours are left"),
        ("2031-03-03 22:30", 1440, "2031-03-03 08:00", "later: 14.5 of 24 hours are left"),
        ("2031-03-03 08:30", 60, "2031-03-03 08:00", "later: half of the hour is left"),
        ("2031-03-03 08:29", 60, "2031-03-02 20:30", "less than half: the evening before"),
        ("2031-03-03 08:10", 30, "2031-03-02 20:30", "the evening before, half an hour before it is quiet"),
        ("2031-03-03 00:30", 120, "2031-03-02 20:30", "from before midnight too"),
        ("2031-03-03 21:30", 30, "2031-03-03 20:30", "at their very start: half an hour before"),
    ],
)
def test_the_rule(start: str, offset: int, due: str, why: str) -> None:
    assert moment(local(start), offset, BERLIN, NIGHT).astimezone(BERLIN) == local(due), why


def test_without_quiet_hours_it_is_the_offset() -> None:
    assert moment(local("2031-03-03 03:00"), 60, BERLIN, None) == local("2031-03-03 02:00")


def test_quiet_hours_may_lie_within_a_day() -> None:
    siesta = Quiet(13 * 60, 15 * 60)
    assert moment(local("2031-03-04 14:00"), 1440, BERLIN, siesta) == local("2031-03-03 15:00")
    assert moment(local("2031-03-04 15:10"), 60, BERLIN, siesta) == local("2031-03-04 12:30")


def test_it_is_the_clock_of_whom_it_is_for() -> None:
    """F10.M10: 22:00 in Berlin is the afternoon in New York."""
    start = local("2031-03-03 22:00")
    assert moment(start, 60, ZoneInfo("America/New_York"), NIGHT) == start - timedelta(hours=1)


def test_an_offset_of_a_day_is_24_hours_over_a_change_of_the_clock() -> None:
    """Clocks go forward on 30 March 2031 in Berlin: wall time shifts, the 24 hours do not."""
    assert moment(local("2031-03-30 14:00"), 1440, BERLIN, NIGHT) == local("2031-03-29 13:00")


@given(
    day=st.integers(0, 2555),
    minute=st.integers(0, 1439),
    offset=st.integers(5, 43_200),
    zone=st.sampled_from(ZONES),
    quiet=st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda span: span[0] != span[1]),
)
@settings(max_examples=400, deadline=None)
def test_it_is_before_the_start_and_not_far_from_the_offset(
    day: int, minute: int, offset: int, zone: str, quiet: tuple[int, int]
) -> None:
    starts_at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day, minutes=minute)
    clock, hours = ZoneInfo(zone), Quiet(*quiet)
    due = moment(starts_at, offset, clock, hours)
    plain = starts_at - timedelta(minutes=offset)
    assert due < starts_at
    if not hours.holds(plain, clock):
        assert due == plain
    elif due > plain:
        assert starts_at - due >= timedelta(minutes=offset) / 2
    hour = timedelta(hours=1)  # a change of the clock
    assert plain - hours.length - BEFORE_QUIET - hour <= due <= plain + hours.length + hour
    free = (quiet[0] - quiet[1]) % 1440
    if free > 90:  # else half an hour before is quiet again
        assert not hours.holds(due, clock)
