"""Booking under contention: 32 racers over the same 100 times, beside 32 who are in nobody's way."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

import httpx
import psycopg

from bench.calendars import SERVICE, Calendars, plant_calendars
from bench.ground import Ground
from bench.people import Population, numbered
from bench.report import Report

RACERS, TIMES, ROUNDS = 32, 100, 5
HOUR = timedelta(hours=1)
POPULATION = Population(practices=1, clients=100)
OVERLAPS = """
SELECT count(*) FROM calendar_claim a JOIN calendar_claim b ON a.practice_id = b.practice_id
 AND a.practitioner_id = b.practitioner_id AND a.id < b.id
 AND a.blocked_from < b.blocked_until AND b.blocked_from < a.blocked_until
"""


@dataclass(frozen=True, slots=True)
class Run:
    answers: Counter[int]
    seconds: float

    @property
    def rate(self) -> float:
        return self.answers.total() / self.seconds

    @property
    def errors(self) -> int:
        """What is neither booked nor taken; sockets that broke are 0."""
        return self.answers.total() - self.answers[201] - self.answers[409]


def measure(ground: Ground, report: Report) -> None:
    """Requests a second, that one of each 32 gets the time, and that everybody is answered."""
    ground.database("booking", POPULATION)
    plant_calendars(ground.url("booking"), Calendars())
    server = ground.serve("ours", "booking")
    contended, alone = asyncio.run(_rounds(server.port, ground.token(0)))
    server.stop()
    with psycopg.connect(ground.url("booking")) as connection:
        row = connection.execute(OVERLAPS).fetchone()
    assert row is not None
    title = f"booking, {RACERS} racers over {TIMES} times"
    report.goal(f"{title}: errors", sum(run.errors for run in contended), "<=", 0)
    report.goal(f"{title}: booked, of {TIMES} (worst round)", min(run.answers[201] for run in contended), ">=", TIMES)
    report.goal(f"{title}: double bookings", row[0], "<=", 0)
    report.say(f"{title}: requests a second", f"{median(run.rate for run in contended):.0f}")
    report.say(f"booking, {RACERS} in nobody's way: requests a second", f"{median(run.rate for run in alone):.0f}")


async def _rounds(port: int, token: str) -> tuple[list[Run], list[Run]]:
    """Each round is at times of its own."""
    limits = httpx.Limits(max_connections=RACERS, max_keepalive_connections=RACERS)
    headers = {"Authorization": f"Bearer {token}"}
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=100)
    contended, alone = [], []
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, limits=limits, timeout=30
    ) as http:
        for number in range(ROUNDS + 1):
            day = begin + number * timedelta(days=10)
            contended.append(await _race(http, day, TIMES, lambda _racer: 0))
            alone.append(await _race(http, day, TIMES // 10, lambda racer: 1 + racer))
    return contended[1:], alone[1:]  # the first warms up


async def _race(http: httpx.AsyncClient, begin: datetime, times: int, whom: Callable[[int], int]) -> Run:
    answers: Counter[int] = Counter()

    async def racer(number: int) -> None:
        for nth in range(times):
            try:
                response = await http.post("/v1/appointments", json=_body(whom(number), begin + nth * HOUR))
                answers[response.status_code] += 1
            except httpx.HTTPError:
                answers[0] += 1

    begun = time.perf_counter()
    await asyncio.gather(*(racer(number) for number in range(RACERS)))
    return Run(answers, time.perf_counter() - begun)


def _body(practitioner: int, at: datetime) -> dict[str, str]:
    return {
        "client_id": str(numbered("client", practitioner)),
        "practitioner_id": str(Calendars.practitioner(practitioner)),
        "service_id": str(SERVICE),
        "starts_at": at.isoformat(),
        "mode": "video",
    }
