"""A weekday and a local time are the same over a change of the clock, and another instant (F10.M11)."""

from datetime import UTC, datetime, timedelta

import pytest

from portal_api.services.scheduling.slots.wall import DAY, minute_of, minute_of_week

WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "before", "shift"),
    [
        ("America/New_York", datetime(2026, 3, 3, 20, tzinfo=UTC), -HOUR),
        ("America/New_York", datetime(2026, 10, 27, 19, tzinfo=UTC), HOUR),
        ("Australia/Lord_Howe", datetime(2026, 4, 2, 4, tzinfo=UTC), HOUR / 2),
        ("Asia/Kathmandu", datetime(2026, 3, 3, 9, 15, tzinfo=UTC), timedelta(0)),
    ],
)
def test_the_same_local_time_a_week_later(zone: str, before: datetime, shift: timedelta) -> None:
    at = minute_of_week(zone, minute_of(before))
    assert minute_of_week(zone, minute_of(before + WEEK + shift)) == at
    assert minute_of_week(zone, minute_of(before + WEEK + shift + HOUR)) == at + 60


def test_a_week_begins_on_monday() -> None:
    assert minute_of_week("Etc/UTC", minute_of(datetime(2026, 3, 2, tzinfo=UTC))) == 0
    assert minute_of_week("Etc/UTC", minute_of(datetime(2026, 3, 8, 23, 59, tzinfo=UTC))) == 7 * DAY - 1
