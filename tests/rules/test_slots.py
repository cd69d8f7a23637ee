"""The slot engine against a slow model of the same rules, around every change of the clock (F10.M2, F10.M11).

PORTAL_SLOT_EXAMPLES=5000 looks longer than an ordinary run.
"""

import itertools
import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_api.services.scheduling.slots import wall
from portal_api.services.scheduling.slots.hours import DayStretches, Hours, Place, Question, merged
from portal_api.services.scheduling.slots.sweep import Grid, starts
from tests.rules.slot_oracle import MINUTE, Rules, free_starts

EXAMPLES = int(os.environ.get("PORTAL_SLOT_EXAMPLES", "120"))
ZONES = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu")
FIRST, LAST = date(2024, 1, 1), date(2030, 12, 31)
HISTORY = {
    "America/Sao_Paulo": (date(2016, 1, 1), date(2019, 12, 31)),
    "Asia/Kathmandu": (date(1985, 12, 1), date(1986, 2, 1)),
}
"""When a zone's clock still changed; Kathmandu moved once, by 15 minutes."""


def offset(zone: str, day: date, hour: int = 12) -> timedelta:
    found = datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)).utcoffset()
    assert found is not None
    return found


def changes(zone: str) -> list[date]:
    """The days between whose noons the offset changes."""
    found = []
    for begin, end in ((FIRST, LAST), HISTORY.get(zone, (FIRST, FIRST))):
        days = [begin + timedelta(days=n) for n in range((end - begin).days + 1)]
        found += [day for before, day in itertools.pairwise(days) if offset(zone, before) != offset(zone, day)]
    return found


CHANGES = [(zone, day) for zone in ZONES for day in changes(zone)]
ORDINARY = [(zone, date(2027, 1, 15)) for zone in ZONES]


def every_day(window: tuple[int, int]) -> dict[int, list[tuple[int, int]]]:
    return {weekday: [window] for weekday in range(7)}


def engine(rules: Rules, first: date, last: date) -> list[datetime]:
    stretches = DayStretches()
    stretches.weekly = {weekday: merged(windows) for weekday, windows in rules.weekly.items()}
    stretches.on_date = {wall.day_number(day): merged(windows) for day, windows in rules.dates.items()}
    grid = Grid(rules.duration, rules.before, rules.after, rules.interval, rules.fixed_start)
    taken = sorted((wall.minute_of(a), wall.minute_of(b)) for a, b in rules.taken)
    days = range(wall.day_number(first), wall.day_number(last) + 1)
    earliest = wall.minute_of(rules.earliest)
    found = starts(rules.zone, stretches, grid, taken, days, earliest=earliest)
    return [wall.instant(each) for of_day in found for each in of_day]


def readings(zone: str, found: Iterable[datetime], day: date) -> list[str]:
    local = (at.astimezone(ZoneInfo(zone)) for at in found)
    return [f"{at:%H:%M}" for at in local if at.date() == day]


def test_there_are_changes_to_try() -> None:
    counted = {zone: sum(zone == each for each, _ in CHANGES) for zone in ZONES}
    assert counted == {
        "America/New_York": 14,
        "Europe/London": 14,
        "Australia/Lord_Howe": 14,
        "America/Sao_Paulo": 7,
        "Asia/Kathmandu": 1,
    }


windows = st.lists(
    st.tuples(st.integers(0, 96), st.integers(1, 60)).map(lambda w: (w[0] * 15, min(w[0] * 15 + w[1] * 15, 1440))),
    max_size=3,
).map(lambda found: [window for window in found if window[0] < window[1]])


@st.composite
def around_a_change(draw: st.DrawFn) -> tuple[Rules, date, date]:
    zone, change = draw(st.sampled_from(CHANGES + ORDINARY))
    first = change - timedelta(days=draw(st.integers(0, 2)))
    last = change + timedelta(days=draw(st.integers(0, 1)))
    noon = datetime(change.year, change.month, change.day, 12, tzinfo=UTC)
    busy = [
        (noon + a * MINUTE, noon + (a + length) * MINUTE)
        for a, length in draw(st.lists(st.tuples(st.integers(-3000, 3000), st.integers(1, 900)), max_size=6))
    ]
    return (
        Rules(
            zone,
            {weekday: draw(windows) for weekday in range(7)},
            {change: draw(windows)} if draw(st.booleans()) else {},
            duration=draw(st.sampled_from((1, 15, 50, 90, 600, 1440))),
            before=draw(st.sampled_from((0, 0, 10, 45))),
            after=draw(st.sampled_from((0, 0, 10, 45))),
            interval=draw(st.sampled_from((None, 5, 7, 15, 30, 60))),
            fixed_start=draw(st.sampled_from((None, None, 0, 20))),
            taken=busy,
            earliest=noon + draw(st.integers(-3000, 1000)) * MINUTE,
        ),
        first,
        last,
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(around_a_change())
def test_the_engine_offers_what_the_slow_model_offers(case: tuple[Rules, date, date]) -> None:
    rules, first, last = case
    assert engine(rules, first, last) == free_starts(rules, first, last)


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(st.sampled_from(CHANGES), st.integers(0, 1425), st.integers(2, 96))
def test_a_longer_search_finds_the_same(change: tuple[str, date], start: int, length: int) -> None:
    """Days do not depend on the days that are asked for with them."""
    zone, day = change
    rules = Rules(zone, every_day((start, min(1440, start + 15 * length))), interval=None)
    whole = engine(rules, day - timedelta(days=3), day + timedelta(days=3))
    single = [engine(rules, each, each) for each in (day + timedelta(days=n) for n in range(-3, 4))]
    assert list(itertools.chain(*single)) == whole
    assert whole == sorted(set(whole))


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_a_weekly_window_yields_the_same_wall_times_around_every_change(zone: str, day: date) -> None:
    """Skipped readings are not offered, repeated ones twice, and every other reading stays what it is."""
    rules = Rules(zone, every_day((0, 1440)), duration=10, interval=10)
    every = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(0, 1440, 10)]
    days = [day + timedelta(days=n) for n in range(-7, 8)]
    found = engine(rules, days[0], days[-1])
    assert found == sorted(set(found))
    shown = {each: readings(zone, found, each) for each in days}
    odd = {each: listed for each, listed in shown.items() if listed != every}
    assert len(odd) == 1
    ((changed, listed),) = odd.items()
    assert abs((changed - day).days) <= 1
    moved = abs(offset(zone, day) - offset(zone, day - timedelta(days=1))) // (10 * MINUTE)
    skipped, repeated = set(every) - set(listed), len(listed) - len(set(listed))
    if zone != "Asia/Kathmandu":  # 15 minutes, on a grid of ten
        assert (len(skipped), repeated) in ((moved, 0), (0, moved))


class TestByHand:
    """Worked examples, with the readings written out."""

    def test_the_hour_that_new_york_skips(self) -> None:
        rules = Rules("America/New_York", {6: [(60, 300)]}, duration=30, interval=30)
        found = engine(rules, date(2026, 3, 8), date(2026, 3, 8))
        listed = readings("America/New_York", found, date(2026, 3, 8))
        assert listed == ["01:00", "01:30", "03:00", "03:30", "04:00", "04:30"]

    def test_the_hour_that_new_york_repeats(self) -> None:
        rules = Rules("America/New_York", {6: [(60, 180)]}, duration=30, interval=30)
        found = engine(rules, date(2026, 11, 1), date(2026, 11, 1))
        assert [f"{at:%H:%M}" for at in found] == ["05:00", "05:30", "06:00", "06:30", "07:00", "07:30"]
        listed = readings("America/New_York", found, date(2026, 11, 1))
        assert listed == ["01:00", "01:30", "01:00", "01:30", "02:00", "02:30"]

    def test_a_window_within_the_repeated_hour_is_two(self) -> None:
        """Of 50 minutes from 01:30 on nothing fits before the clock goes back."""
        rules = Rules("Europe/London", {6: [(75, 120)]}, duration=30, interval=15)
        found = engine(rules, date(2026, 10, 25), date(2026, 10, 25))
        assert [f"{at:%H:%M}" for at in found] == ["00:15", "00:30", "01:15", "01:30"]

    def test_half_an_hour_in_lord_howe_moves_no_full_hour(self) -> None:
        rules = Rules("Australia/Lord_Howe", {6: [(0, 360)]}, duration=30, interval=60)
        for change in (date(2026, 4, 5), date(2026, 10, 4)):
            listed = readings("Australia/Lord_Howe", engine(rules, change, change), change)
            assert [each[3:] for each in listed] == ["00"] * len(listed)
            assert len(listed) in (5, 6)

    def test_midnight_that_sao_paulo_skipped(self) -> None:
        rules = Rules("America/Sao_Paulo", {6: [(0, 120)]}, duration=30, interval=30)
        change = date(2018, 11, 4)
        assert readings("America/Sao_Paulo", engine(rules, change, change), change) == ["01:00", "01:30"]

    def test_quarters_in_kathmandu_start_on_its_own_hours(self) -> None:
        rules = Rules("Asia/Kathmandu", {0: [(545, 725)]}, duration=45, interval=None, fixed_start=0)
        found = engine(rules, date(2027, 1, 4), date(2027, 1, 4))
        assert [f"{at:%H:%M}" for at in found] == ["04:15", "05:15"]  # 10:00, 11:00

    def test_sessions_one_after_the_other(self) -> None:
        """OW-obs: time between sessions."""
        day = date(2027, 1, 4)
        taken = [(datetime(2027, 1, 4, 11, 0, tzinfo=UTC), datetime(2027, 1, 4, 11, 30, tzinfo=UTC))]
        rules = Rules("Europe/London", {0: [(540, 780)]}, duration=50, after=10, interval=None, taken=taken)
        assert readings("Europe/London", engine(rules, day, day), day) == ["09:00", "10:00", "11:30"]

    def test_a_session_may_run_past_midnight_where_hours_go_on(self) -> None:
        rules = Rules("Europe/London", {0: [(1380, 1440)], 1: [(0, 60)]}, duration=60, interval=30)
        found = engine(rules, date(2027, 1, 4), date(2027, 1, 5))
        assert [f"{at:%H:%M}" for at in found] == ["23:00", "23:30", "00:00"]

    def test_a_zone_may_leave_a_date_out(self) -> None:
        rules = Rules("Pacific/Apia", every_day((540, 600)), duration=60, interval=60)
        found = engine(rules, date(2011, 12, 29), date(2011, 12, 31))
        local = [at.astimezone(ZoneInfo("Pacific/Apia")) for at in found]
        assert [at.date().isoformat() for at in local] == ["2011-12-29", "2011-12-31"]


class TestHours:
    QUESTION = Question("s1", ("in_person", "video"), "existing")

    @pytest.mark.parametrize(
        ("scope", "place"),
        [
            (None, Place(None, ("in_person", "video"))),
            ({"location_id": "here"}, Place("here", ("in_person", "video"))),
            ({"modes": ["video"]}, Place(None, ("video",))),
            ({"service_ids": ["s1", "s2"]}, Place(None, ("in_person", "video"))),
            ({"service_ids": ["s2"]}, None),
            ({"audience": "new"}, None),
            ({"audience": "existing"}, Place(None, ("in_person", "video"))),
            ({"modes": []}, None),
        ],
    )
    def test_a_window_answers_what_it_is_open_for(self, scope: dict[str, object] | None, place: Place | None) -> None:
        hours = Hours("Europe/London", [[0, 540, 600, scope]], {})
        assert list(hours.answering(self.QUESTION)) == ([place] if place else [])

    def test_staff_are_no_audience(self) -> None:
        hours = Hours("Europe/London", [[0, 540, 600, {"audience": "new"}]], {})
        assert hours.answering(Question("s1", ("video",)))

    def test_a_date_of_its_own_has_no_weekly_windows_whatever_they_are_for(self) -> None:
        monday = date(2027, 1, 4)
        other = [[0, 60, {"service_ids": ["s2"]}]]
        hours = Hours("Europe/London", [[0, 540, 600, None]], {monday.isoformat(): other})
        ((_, stretches),) = hours.answering(self.QUESTION).items()
        assert stretches.on(wall.day_number(monday)) == []
        assert stretches.on(wall.day_number(monday) + 7) == [(540, 600)]

    def test_windows_that_touch_are_one(self) -> None:
        assert merged([(600, 660), (540, 600), (700, 720), (650, 680)]) == [(540, 680), (700, 720)]
