"""Reading somebody else's calendar ends, whatever it says."""

from datetime import UTC, datetime, timedelta

import pytest

from portal_api.integrations.calendars import Unreadable, busy_times

START = datetime(2031, 3, 1, tzinfo=UTC)
END = START + timedelta(days=400)


def calendar(*lines: str) -> bytes:
    event = ["BEGIN:VEVENT", "UID:1", "DTSTART:20310303T090000Z", "DURATION:PT1H", *lines, "END:VEVENT"]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *event, "END:VCALENDAR", ""]).encode()


async def read(content: bytes, cpu_seconds: int = 1) -> int:
    span = {"start": START, "end": END}
    return len(await busy_times(content, time_zone="Europe/Berlin", cpu_seconds=cpu_seconds, **span))


async def test_a_calendar_is_read() -> None:
    assert await read(calendar("RRULE:FREQ=DAILY;COUNT=5"), cpu_seconds=10) == 5


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=1",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(60))),
    ],
)
async def test_a_few_bytes_that_take_for_ever_are_given_up(rule: str) -> None:
    """In a process of its own, which the kernel ends: a thread would go on, and hold up every request."""
    with pytest.raises(Unreadable, match="too_complex"):
        await read(calendar(f"RRULE:{rule}"))


@pytest.mark.parametrize(
    "content", [b"", b"<html>Sign in</html>", b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", b"\xff\x00" * 500, b"BEGIN:VCALENDAR"]
)
async def test_what_is_no_calendar_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(Unreadable, match="not_a_calendar"):
        await read(content, cpu_seconds=10)


async def test_it_knows_nothing_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that no interpreter can start with does not reach the child: neither do secrets."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PORTAL_SECRET_KEY", "s" * 48)
    assert await read(calendar(), cpu_seconds=10) == 1
