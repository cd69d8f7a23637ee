"""When a digest is due: once a local day, whatever the clock on the wall does (F14.M2)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal_api.services.notifications.digests import last_due, next_due

BEGIN = datetime(2011, 1, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
ZONES = st.sampled_from(
    ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns"]
).map(ZoneInfo)
READINGS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
MOMENTS = st.integers(0, 18 * 366 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes))


def ny(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-07T06:00", "2026-03-07T06:00"),
        ("2026-03-07T05:59", "2026-03-06T06:00"),
        # The night in which an hour is skipped, and the one in which an hour comes twice.
        ("2026-03-08T07:00", "2026-03-08T06:00"),
        ("2026-11-01T07:00", "2026-11-01T06:00"),
    ],
)
def test_six_in_the_morning(now: str, due: str) -> None:
    assert last_due(ny(now), NEW_YORK, "06:00") == ny(due)


def test_a_reading_that_is_skipped_is_that_much_later() -> None:
    after = datetime(2026, 3, 8, 12, tzinfo=UTC)
    assert last_due(after, NEW_YORK, "02:30") == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


def test_of_a_reading_that_comes_twice_it_is_the_first() -> None:
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    for later in (0, 30, 60, 90):
        assert last_due(first + timedelta(minutes=later), NEW_YORK, "01:30") == first


@given(MOMENTS, ZONES, READINGS)
@example(datetime(2011, 12, 30, 15, tzinfo=UTC), ZoneInfo("Pacific/Apia"), "06:00")  # which had no 30 December
def test_the_last_is_not_after_now_and_the_next_is_and_nothing_lies_between(
    now: datetime, zone: ZoneInfo, reading: str
) -> None:
    last, following = last_due(now, zone, reading), next_due(now, zone, reading)
    assert last <= now < following
    assert next_due(last, zone, reading) == following
    assert last_due(following - timedelta(microseconds=1), zone, reading) == last
    assert timedelta(hours=22) < following - last < timedelta(hours=26)


@given(MOMENTS, ZONES, READINGS)
def test_each_local_day_has_one(start: datetime, zone: ZoneInfo, reading: str) -> None:
    at, days = last_due(start, zone, reading), []
    for _ in range(20):
        days.append(at.astimezone(zone).date())
        at = next_due(at, zone, reading)
    assert len(set(days)) == 20
    skipped = (days[-1] - days[0]).days - 19
    assert skipped in (0, 1), "only Apia's 30 December 2011"
