"""What is measured, one section a question."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from statistics import median
from typing import Any

import orjson
from pydantic import TypeAdapter

from bench.booking import measure as measure_booking
from bench.contest import Contest, Contestant, ratio
from bench.feeds import measure as measure_feeds
from bench.files import measure as measure_files
from bench.forms import measure as measure_forms
from bench.ground import Ground, migrate
from bench.listening import measure as measure_listening
from bench.load import Call, Load, load
from bench.people import PASSWORD, Population, numbered
from bench.processes import Server, memory_mb
from bench.report import Report
from bench.slots import measure as measure_slots
from portal_api.core.postgres import EmbeddedPostgres
from portal_api.schemas.base import Page
from portal_api.schemas.clients import Client
from portal_api.schemas.practices import Practice

POPULATION = Population(practices=200, clients=50_000)
LIST = "/v1/clients?limit=20"


class Bench:
    """What the sections share: the ground, the contest, the report, the servers on the main database."""

    def __init__(self, ground: Ground, contest: Contest, report: Report) -> None:
        self.ground = ground
        self.contest = contest
        self.report = report

    def prepare(self) -> None:
        self.ground.database("bench", POPULATION)
        self.ours = self.ground.serve("ours", "bench")
        self.limit = self.ground.serve("limit", "bench")
        self.usual = self.ground.serve("usual", "bench")

    def owners(self, path: Callable[[int], str], *, method: str = "GET", body: str = "") -> list[Call]:
        """The same request by the owner of each practice."""
        tokens = (self.ground.token(n) for n in range(POPULATION.practices))
        return [Call(path(n), token, method, body) for n, token in enumerate(tokens)]

    def lists(self) -> list[Call]:
        return self.owners(lambda n: LIST)


def _client(n: int) -> str:
    return str(POPULATION.client_of(n, 5))


def _nobodys(path: Callable[[int], str], *, method: str = "GET", body: str = "") -> Callable[[], list[Call]]:
    return lambda: [Call(path(n), "", method, body) for n in range(POPULATION.practices)]


def fetch(server: Server, call: Call) -> bytes:
    headers = {"Authorization": f"Bearer {call.token}"} if call.token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{call.path}", headers=headers)
    with urllib.request.urlopen(request) as response:
        body: bytes = response.read()
        return body


def has_route(server: Server, call: Call) -> bool:
    try:
        fetch(server, call)
    except urllib.error.HTTPError as error:
        return error.code != 404
    return True


def reads(bench: Bench) -> None:
    """The hot list and single reads, against the limit and the usual way."""
    ground, practice = bench.ground, lambda n: str(numbered("practice", n))
    answers: list[tuple[str, str, Any, Callable[[int], str], str | None]] = [
        ("GET /v1/clients?limit=20", LIST, Page[Client], lambda n: f"/list/{practice(n)}", "/clients?limit=20"),
        (
            "GET /v1/clients/{id}",
            "/v1/clients/{client}",
            Client,
            lambda n: f"/client/{practice(n)}/{_client(n)}",
            "/clients/{client}",
        ),
        ("GET /v1/practice", "/v1/practice", Practice, lambda n: f"/practice/{practice(n)}", None),
        ("GET /v1/me", "/v1/me", Any, lambda n: f"/me/{practice(n)}/{numbered('account', n)}", None),
    ]
    for title, path, model, of_limit, of_usual in answers:
        calls = lambda path=path: bench.owners(lambda n: path.replace("{client}", _client(n)))
        if not has_route(bench.ours, calls()[0]):
            bench.report.say(title, "skipped: there is no such route")
            continue
        body = fetch(bench.ours, calls()[0])
        TypeAdapter(model).validate_json(body)
        bare = fetch(bench.limit, Call(of_limit(0)))
        print(f"  {title}: {len(body)} bytes, the limit's answer {len(bare)}", flush=True)
        contestants = [Contestant("ours", bench.ours, calls), Contestant("limit", bench.limit, _nobodys(of_limit))]
        if of_usual:
            usual = lambda path=of_usual: [
                Call(path.replace("{client}", _client(n)), ground.usual_token(n)) for n in range(POPULATION.practices)
            ]
            contestants.append(Contestant("usual", bench.usual, usual))
        courses = bench.contest.run(*contestants)
        ours, limit = courses["ours"], courses["limit"]
        bench.report.goal(f"{title}: rate / the limit's", ratio(ours.rps, limit.rps), ">=", 0.45)
        bench.report.say(f"{title}: CPU of the server / the limit's", f"{ratio(ours.cpu, limit.cpu):.2f}")
        if of_usual:
            bench.report.goal(f"{title}: rate / the usual way's", ratio(ours.rps, courses["usual"].rps), ">=", 8)
        bench.report.goal(f"{title}: p99 / p50", median(ours.p99) / median(ours.p50), "<=", 3.5)
        bench.report.say(f"{title}: the limit's p99 / p50", f"{median(limit.p99) / median(limit.p50):.2f}")


def writes(bench: Bench) -> None:
    """An ordinary endpoint, over the ORM: a change with its event."""
    body = '{"preferred_name":"Grace"}'
    ours = lambda: bench.owners(lambda n: f"/v1/clients/{_client(n)}", method="PATCH", body=body)
    bare = _nobodys(lambda n: f"/client/{numbered('practice', n)}/{_client(n)}", method="PATCH", body=body)
    courses = bench.contest.run(Contestant("ours", bench.ours, ours), Contestant("limit", bench.limit, bare))
    rate = ratio(courses["ours"].rps, courses["limit"].rps)
    bench.report.goal(
        "PATCH /v1/clients/{id}: rate / the limit's (one change, one event, one commit)", rate, ">=", 0.18
    )


def protection(bench: Bench) -> None:
    """What row-level security costs: the same program on a copy of the database without it."""
    bench.ours.stop(), bench.limit.stop(), bench.usual.stop()
    bench.ground.copy_without_rls("unprotected", "bench")
    bench.ours, bench.limit, bench.usual = (bench.ground.serve(n, "bench") for n in ("ours", "limit", "usual"))
    without = bench.ground.serve("ours", "unprotected")
    courses = bench.contest.run(
        Contestant("with RLS", bench.ours, bench.lists), Contestant("without RLS", without, bench.lists)
    )
    on, off = courses["with RLS"], courses["without RLS"]
    bench.report.goal("row-level security: CPU of the server with / without", ratio(on.cpu, off.cpu), "<=", 1.08)
    whole = ratio(on.whole_cpu, off.whole_cpu)
    bench.report.goal("row-level security: CPU with PostgreSQL's, with / without", whole, "<=", 1.08)
    without.stop()


def routes(bench: Bench) -> None:
    """The last route answers like the first."""
    server = bench.ground.serve("positions", "bench")
    courses = bench.contest.run(
        Contestant("first", server, lambda: [Call("/v1/aardvark/x")]),
        Contestant("last", server, lambda: [Call("/v1/zebra/x")]),
    )
    bench.report.goal("last route / first: CPU", ratio(courses["last"].cpu, courses["first"].cpu), "<=", 1.1)
    server.stop()


def growth(bench: Bench) -> None:
    """The cost of a page does not depend on how many clients there are, nor on how deep it lies."""
    sizes = {
        1_000: Population(4, 1_000),
        100_000: Population(400, 100_000),
        1_000_000: Population(3_600, 900_000, crowd=100_000),
    }
    servers: dict[int, Server] = {}
    for size, population in sizes.items():
        bench.ground.database(f"clients_{size}", population)
        servers[size] = bench.ground.serve("ours", f"clients_{size}")
    _sizes(bench, servers)
    _depths(bench, servers[1_000_000])
    for server in servers.values():
        server.stop()


def _sizes(bench: Bench, servers: dict[int, Server]) -> None:
    calls = lambda: [Call(LIST, bench.ground.token(n)) for n in (1, 2, 3)]
    found = bench.contest.run(*(Contestant(f"{size:,} clients", server, calls) for size, server in servers.items()))
    small, *larger = found.items()
    for name, course in larger:
        title = f"a page, {name} / {small[0]}"
        bench.report.goal(f"{title}: CPU with PostgreSQL's", ratio(course.whole_cpu, small[1].whole_cpu), "<=", 1.2)
        bench.report.say(f"{title}: p50", f"{ratio(course.p50, small[1].p50):.2f}")


def _depths(bench: Bench, server: Server) -> None:
    cursor = _walk(server, bench.ground.token(0), pages=900)
    found = bench.contest.run(
        Contestant("first page of 100,250", server, lambda: [Call(LIST, bench.ground.token(0))]),
        Contestant("page 4,501", server, lambda: [Call(f"{LIST}&cursor={cursor}", bench.ground.token(0))]),
    )
    first, deep = found.values()
    bench.report.goal(
        "page 4,501 / the first: CPU with PostgreSQL's", ratio(deep.whole_cpu, first.whole_cpu), "<=", 1.2
    )
    bench.report.say("page 4,501 / the first: p50", f"{ratio(deep.p50, first.p50):.2f}")


def _walk(server: Server, token: str, *, pages: int) -> str:
    """The cursor after so many pages of a hundred."""
    cursor = ""
    for _ in range(pages):
        page = fetch(server, Call(f"/v1/clients?limit=100{cursor and '&cursor='}{cursor}", token))
        cursor = orjson.loads(page)["next_cursor"]
    return cursor


def logins(bench: Bench) -> None:
    """Reads while the hashing pool is saturated."""
    sign_ins = [
        Call(
            "/v1/auth/login",
            "",
            "POST",
            f'{{"practice":"{numbered("practice", n)}","email":"owner-{n}@harbor.example","password":"{PASSWORD}"}}',
        )
        for n in range(POPULATION.practices)
    ]
    quiet, busy, rates = [], [], []
    load(bench.ours.port, sign_ins, 1, 6)
    for _ in range(5):
        quiet.append(load(bench.ours.port, bench.lists(), 3, 8))
        crowd = Load(bench.ours.port, sign_ins, 4, 6)
        time.sleep(0.5)
        busy.append(load(bench.ours.port, bench.lists(), 3, 8))
        rates.append(crowd.result().rps)
    bench.report.say("logins a second while reads go on (6 connections)", f"{median(rates):.0f}")
    kept = median(b.rps / q.rps for b, q in zip(busy, quiet, strict=True))
    bench.report.goal("reads during saturated logins: rate / without", kept, ">=", 0.85)
    slower = median(b.p99 / q.p99 for b, q in zip(busy, quiet, strict=True))
    bench.report.goal("reads during saturated logins: p99 / without", slower, "<=", 1.5)


def statements(bench: Bench) -> None:
    """What PostgreSQL is asked for one list and one single read, counted in its own log."""
    for title, path in (
        ("list", LIST),
        ("single read", f"/v1/clients/{_client(0)}"),
        ("GET /v1/practice", "/v1/practice"),
    ):
        call = Call(path, bench.ground.token(0))
        fetch(bench.ours, call)
        found = _logged(bench, call)
        bench.report.say(f"statements of one {title}", "; ".join(found))


def _logged(bench: Bench, call: Call) -> list[str]:
    _log_statements(bench.ground, "all")
    before = len(bench.ground.statements())
    fetch(bench.ours, call)
    time.sleep(0.3)
    lines = [line for line in bench.ground.statements()[before:] if "execute __asyncpg" in line]
    _log_statements(bench.ground, "none")
    kinds = {"INTO event": "the audit's append", "auth_session": "context and authority"}
    return [next((kind for sign, kind in kinds.items() if sign in line), "context and answer") for line in lines]


def _log_statements(ground: Ground, what: str) -> None:
    ground.execute("postgres", f"ALTER SYSTEM SET log_statement = '{what}'")
    ground.execute("postgres", "SELECT pg_reload_conf()")
    time.sleep(0.3)


def slots(bench: Bench) -> None:
    """Searching free times, beside one read of one row."""
    measure_slots(bench.ground, bench.contest, bench.report)


def feeds(bench: Bench) -> None:
    """A calendar of a thousand events behind a link."""
    measure_feeds(bench.ground, bench.contest, bench.report)


def files(bench: Bench) -> None:
    """Large files in and out."""
    measure_files(bench.ground, bench.report, rounds=bench.contest.rounds, seconds=bench.contest.seconds)


def booking(bench: Bench) -> None:
    """One time, many who want it."""
    measure_booking(bench.ground, bench.report)


def forms(bench: Bench) -> None:
    """A form of thirty questions, saved and handed in."""
    measure_forms(bench.ground, bench.report)


def stream(bench: Bench) -> None:
    """Thousands who listen, and how soon they hear."""
    measure_listening(bench.ground, bench.report, [_client(n) for n in range(POPULATION.practices)])


def processes(bench: Bench) -> None:
    """Memory of the workers, and the time from start to ready."""
    server = bench.ground.serve("ours", "bench", workers=3)
    load(server.port, bench.lists(), 4)
    sizes = [memory_mb(pid) for pid in server.pids]
    for pss, unique in sizes:
        print(f"    a worker: {pss:.0f} MB proportional, {unique:.0f} MB its own", flush=True)
    server.stop()
    alone = bench.ground.serve("ours", "bench")
    load(alone.port, bench.lists(), 2)
    bench.report.goal("first process after warm-up: proportional set", memory_mb(alone.pids[0])[0], "<=", 110, " MB")
    alone.stop()
    bench.report.goal("each further worker, forked: its own memory", max(own for _, own in sizes[1:]), "<=", 25, " MB")
    bench.report.goal(
        "start to ready, embedded database, warm", median(_start(bench.ground) for _ in range(3)), "<=", 3, " s"
    )


def _start(ground: Ground) -> float:
    """A start on a database directory that exists already; the first one makes it."""
    home = ground.home / "second"
    fresh = not home.exists()
    environment = {**ground.environment("portal"), "BENCH_EMBEDDED_DIR": str(home), "PORTAL_DATABASE_URL": ""}
    if fresh:
        embedded = EmbeddedPostgres(home)
        migrate(embedded.start())
        embedded.stop()
    server = Server("ours", environment, ground.home / "second.log")
    server.stop()
    return server.ready_seconds


Section = Callable[[Bench], None]
SECTIONS: dict[str, Section] = {
    section.__name__: section
    for section in (
        *(statements, reads, writes, protection, routes, growth),
        *(slots, feeds, booking, files, forms, stream, logins, processes),
    )
}
