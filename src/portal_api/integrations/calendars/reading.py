"""Busy times of a calendar that somebody else wrote, read where it can do no harm."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

PROGRAM = "portal_api.integrations.calendars.expansion"
CPU_SECONDS = 20
"""Enough for the largest calendar that is fetched."""
PATIENCE = 3
"""Times the CPU time, from the start of the process to its end: the machine has other work to do."""

NOT_A_CALENDAR, TOO_MUCH = 3, 4
"""Exit statuses of the program; the kernel's own say that it took too much."""

Stretch = tuple[datetime, datetime]


class Unreadable(Exception):
    """It is no calendar, or takes more than reading one may take. `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def busy_times(
    content: bytes, *, time_zone: str, start: datetime, end: datetime, cpu_seconds: int = CPU_SECONDS
) -> Sequence[Stretch]:
    """The stretches between two instants in which the calendar says busy, merged and in order.

    time_zone: of all-day entries and of those that name none (floating, RFC 5545 section 3.3.5). What is transparent
    or cancelled takes no time. Raises Unreadable.

    It runs in a process of its own, with limits: a few bytes can describe more than a process can count to.
    """
    span = {"start": int(start.timestamp()), "end": int(end.timestamp())}
    question = orjson.dumps({"time_zone": time_zone, "cpu_seconds": cpu_seconds, **span})
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        PROGRAM,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},  # our settings, and so our secrets, are none of its business
    )
    try:
        async with asyncio.timeout(PATIENCE * cpu_seconds):
            output, _ = await child.communicate(question + b"\n" + content)
    except TimeoutError:
        raise Unreadable("too_complex") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise Unreadable("not_a_calendar" if child.returncode == NOT_A_CALENDAR else "too_complex")
    return [
        (datetime.fromtimestamp(from_, UTC), datetime.fromtimestamp(until, UTC))
        for from_, until in orjson.loads(output)
    ]
