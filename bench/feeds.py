"""A calendar feed of 1,000 events, beside one row: whole, and asked for by somebody who has it already."""

import time
import urllib.request
from base64 import urlsafe_b64encode

import psycopg

from bench.calendars import SERVICE, Calendars, booked, plant_calendars
from bench.contest import Contest, Contestant, ratio
from bench.ground import Ground
from bench.load import Call
from bench.people import Population, numbered, sql_id
from bench.report import Report
from portal_api.core.sealing import Secret

EVENTS = 1000
DATABASE = "feeds"
FIRST = 5_000_000
"""Numbers of the appointments that nothing else has."""


def measure(ground: Ground, contest: Contest, report: Report) -> None:
    """CPU of the server and PostgreSQL together. Rendering is paid once an entry: the first reading is told apart."""
    ground.database(DATABASE, Population(practices=1, clients=1_000))
    plant_calendars(ground.url(DATABASE), Calendars())
    path = _plant(ground)
    server = ground.serve("ours", DATABASE)
    begun = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as answer:
        body, etag = answer.read(), answer.headers["ETag"]
    report.say(f"the first reading of a feed of {EVENTS:,} events", f"{(time.perf_counter() - begun) * 1000:.0f} ms")
    assert body.count(b"BEGIN:VEVENT") == EVENTS
    courses = contest.run(
        Contestant("one row", server, lambda: [Call(f"/v1/services/{SERVICE}", ground.token(0))]),
        Contestant("the feed", server, lambda: [Call(path)]),
        Contestant("the feed, unchanged", server, lambda: [Call(path, etag=etag)]),
        connections=4,
    )
    row = courses["one row"]
    for name, goal in (("the feed", 50), ("the feed, unchanged", 12)):
        value = ratio(courses[name].whole_cpu, row.whole_cpu)
        report.goal(f"{name}, {EVENTS:,} events / GET /v1/services/{{id}}: CPU", value, "<=", goal)
    server.stop()


def _plant(ground: Ground) -> str:
    """A thousand appointments of the owner of practice 0, one each eight hours, and the path of a feed of them."""
    practice_id = numbered("practice", 0)
    secret = Secret.parse(f"{practice_id.hex}.{urlsafe_b64encode(bytes(32)).rstrip(b'=').decode()}")
    with psycopg.connect(ground.url(DATABASE), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in booked(
            f"{FIRST}, {FIRST + EVENTS - 1}",
            practice=sql_id("practice", "0"),
            practitioner=sql_id("staff", "0"),
            start=f"date_trunc('hour', now()) + (n - {FIRST}) * interval '8 hours'",
            clients=1_000,
        ):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO calendar_feed (practice_id, id, account_id, secret_hash, linked_at)"
            " VALUES (%s, gen_random_uuid(), %s, %s, now())",
            (practice_id, numbered("account", 0), secret.hash),
        )
        connection.execute("VACUUM ANALYZE")
    return f"/v1/calendar-feeds/{secret.text}.ics"
