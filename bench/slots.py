"""Free times: a search beside one read by one index, in the same process turn by turn, and as the API answers."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import uvloop
from sqlalchemy import bindparam, select

from bench.calendars import DAYS, PRACTITIONERS, SERVICE, Calendars, plant_calendars
from bench.contest import Contest, Contestant, ratio
from bench.ground import OWNER, Ground
from bench.load import Call
from bench.people import Population, numbered
from bench.report import Report
from portal_api.core.access import ActorKind
from portal_api.core.db import Binding, Database, Read, Reader
from portal_api.models.scheduling import Appointment
from portal_api.services.scheduling import slots

ROUNDS, PAIRS, WARM_UP = 8, 20, 10
SEARCHES = {
    "31 days of one practitioner": (1, 5000),
    "31 days of five practitioners": (5, 5000),
    "the first free among 50": (50, 1),
}
"""How many practitioners, and how many slots at most."""
GOALS = {"31 days of one practitioner": 3, "31 days of five practitioners": 9, "the first free among 50": 60}
SIZES = {"10,000": Calendars(), "1,000,000": Calendars(more=990_000)}
_COLUMNS = (
    Appointment.id,
    Appointment.practitioner_id,
    Appointment.service_id,
    Appointment.state,
    Appointment.starts_at,
    Appointment.ends_at,
    Appointment.time_zone,
    Appointment.mode,
    Appointment.uid,
    Appointment.version,
)
ROW = Read(select(*_COLUMNS).where(Appointment.id == bindparam("appointment_id")))
TWENTY = Read(
    select(*_COLUMNS)
    .where(Appointment.practitioner_id == bindparam("practitioner_id"), Appointment.starts_at >= bindparam("after"))
    .order_by(Appointment.starts_at, Appointment.id)
    .limit(20)
)
Ask = Callable[[int], Awaitable[Any]]


def measure(ground: Ground, contest: Contest, report: Report) -> None:
    """Ratios to the reads between which each search was made, on 10,000 appointments and on 1,000,000."""
    found: dict[str, dict[str, float]] = {}
    for size, calendars in SIZES.items():
        name = f"calendars_{size.replace(',', '')}"
        ground.database(name, Population(practices=100, clients=10_000))
        plant_calendars(ground.url(name), calendars)
        found[size] = uvloop.run(_of_database(ground.url(name, OWNER)))
        for what, value in found[size].items():
            _judge(report, f"slots: {what} / 20 rows by one index, {size} appointments", what, value)
        _answered(ground, contest, report, name, size)
    small, large = found.values()
    for what in ("31 days of one practitioner", "the first free among 50"):
        report.goal(f"slots: {what}, 1,000,000 / 10,000 appointments", large[what] / small[what], "<=", 1.2)


def _judge(report: Report, title: str, what: str, value: float) -> None:
    if what in GOALS:
        report.goal(title, value, "<=", GOALS[what])
    else:
        report.say(title, f"{value:.3g}")


def _answered(ground: Ground, contest: Contest, report: Report, name: str, size: str) -> None:
    """The same as whole requests, with the caller's authority before and the JSON after."""
    server = ground.serve("ours", name)
    first, last = _days()
    several = [f"practitioner_id={Calendars.practitioner(n)}" for n in range(PRACTITIONERS)]
    paths = {
        what: f"/v1/slots?service_id={SERVICE}&from={first}&to={last}&limit={limit}&{'&'.join(several[:count])}"
        for what, (count, limit) in SEARCHES.items()
    }
    calls = {"one row": f"/v1/services/{SERVICE}", **paths}
    courses = contest.run(
        *(
            Contestant(what, server, lambda path=path: [Call(path, ground.token(0))])  # type: ignore[misc]
            for what, path in calls.items()
        ),
        connections=4,
    )
    row = courses.pop("one row")
    for what, course in courses.items():
        value = ratio(course.whole_cpu, row.whole_cpu)
        report.say(f"GET /v1/slots: {what} / GET /v1/services/{{id}}, {size} appointments: CPU", f"{value:.3g}")
    server.stop()


async def _of_database(url: str) -> dict[str, float]:
    database = Database(url)
    database.tools = None  # type: ignore[assignment] - nothing here uses them
    await database.open()
    try:
        async with database.reader(Binding(numbered("practice", 0), ActorKind.STAFF)) as reader:
            yardstick, searches = _twenty(reader), {"one row": _row(reader), **_searches(reader)}
            for ask in searches.values():
                await _times(ask, yardstick, WARM_UP)
            ratios: dict[str, list[float]] = {name: [] for name in searches}
            for _ in range(ROUNDS):
                for name, ask in searches.items():
                    ratios[name].append(await _times(ask, yardstick, PAIRS))
    finally:
        await database.close()
    return {name: median(each) for name, each in ratios.items()}


async def _times(search: Ask, yardstick: Ask, pairs: int) -> float:
    """The median time of the search by that of the yardstick, made in turn."""
    times: tuple[list[float], list[float]] = [], []
    for turn in range(pairs):
        for ask, noted in zip((yardstick, search), times, strict=True):
            begun = time.perf_counter()
            found = await ask(turn)
            noted.append(time.perf_counter() - begun)
            assert found
    return median(times[1]) / median(times[0])


def _row(reader: Reader) -> Ask:
    return lambda turn: reader.row(ROW, appointment_id=Calendars.appointment(turn))


def _twenty(reader: Reader) -> Ask:
    now = datetime.now(UTC)
    return lambda turn: reader.rows(TWENTY, practitioner_id=Calendars.practitioner(turn % PRACTITIONERS), after=now)


def _days() -> tuple[date, date]:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    return tomorrow, tomorrow + timedelta(days=DAYS - 1)


def _searches(reader: Reader) -> dict[str, Ask]:
    client = slots.Asker("existing")

    def search(count: int, limit: int) -> Ask:
        def ask(turn: int) -> Awaitable[Any]:
            several = [Calendars.practitioner((turn + n) % PRACTITIONERS) for n in range(count)]
            return slots.search(reader, client, slots.Wish(SERVICE, several, *_days()), limit)

        return ask

    return {what: search(*of_whom) for what, of_whom in SEARCHES.items()}
