"""When clients can write next (F12.B1)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from portal_api.services.messages.policy import opens_at

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = {"weekday": "monday", "start": "09:00", "end": "17:00"}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-23T14:00:00Z", None),
        ("2026-11-23T21:59:59Z", None),
        ("2026-11-23T13:59:59Z", "2026-11-23T14:00:00Z"),
        ("2026-11-23T22:00:00Z", "2026-11-30T14:00:00Z"),
        ("2026-10-27T12:00:00Z", "2026-11-02T14:00:00Z"),  # the clock changes between
    ],
)
def test_the_wall_clock_of_the_practice_decides(now: str, opens: str | None) -> None:
    assert opens_at([MONDAY], instant(now), NEW_YORK) == (opens and instant(opens))


def test_a_window_may_go_on_to_midnight() -> None:
    late = [{"weekday": "monday", "start": "20:00", "end": "24:00"}]
    assert opens_at(late, instant("2026-11-24T04:59:59Z"), NEW_YORK) is None
    assert opens_at(late, instant("2026-11-24T05:00:00Z"), NEW_YORK) == instant("2026-12-01T01:00:00Z")


def test_of_several_windows_the_next_one() -> None:
    friday = {"weekday": "friday", "start": "10:00", "end": "11:00"}
    assert opens_at([MONDAY, friday], instant("2026-11-25T12:00:00Z"), NEW_YORK) == instant("2026-11-27T15:00:00Z")
