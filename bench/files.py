"""Files in and out, beside a bare application that writes and reads the same file on the same server."""

import http.client
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import psycopg

from bench.ground import Ground
from bench.people import Population, numbered
from bench.processes import Server
from bench.report import Report

DATABASE = "files"
SIZE = 20_000_000
CONTENT = b"%PDF-1.4\n".ljust(SIZE, b"\0")
AT_ONCE = 2
BODY = b'--b\r\nContent-Disposition: form-data; name="file"; filename="large.pdf"\r\n\r\n' + CONTENT + b"\r\n--b--\r\n"
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
GOAL = 0.7

Request = Callable[[], int]
"""Makes one request, and says how many bytes of a file went."""


def measure(ground: Ground, report: Report, *, rounds: int, seconds: int) -> None:
    """Bytes a second of uploads and of downloads, ours by the bare application's, round by round."""
    population = Population(practices=1, clients=1_000)
    ground.database(DATABASE, population)
    _make_room(ground)
    ours, bare = ground.serve("ours", DATABASE), ground.serve("files", DATABASE)
    client = population.client_of(0, 5)
    path = f"/v1/clients/{client}/documents"
    document = json.loads(_send(ours, "POST", path, ground.token(0), BODY))["id"]
    (ground.home / "data" / "bare" / "given").write_bytes(CONTENT)
    ways: dict[str, tuple[Request, Request]] = {
        "upload": (
            lambda: _sent(ours, path, ground.token(0)),
            lambda: _sent(bare, "/", ""),
        ),
        "download": (
            lambda: len(_send(ours, "GET", f"/v1/documents/{document}/content", ground.token(0))),
            lambda: len(_send(bare, "GET", "/", "")),
        ),
    }
    for name, (mine, theirs) in ways.items():
        rates = [(_rate(mine, seconds), _rate(theirs, seconds)) for _ in range(rounds)]
        one, other = (median(found) / 1e6 for found in zip(*rates, strict=True))
        print(f"    {name:28} ours {one:6.0f} MB/s   bare {other:6.0f} MB/s", flush=True)
        value = median(a / b for a, b in rates)
        report.goal(f"{name} of {SIZE // 10**6} MB: rate / a bare application's", value, ">=", GOAL)
    ours.stop(), bare.stop()


def _make_room(ground: Ground) -> None:
    with psycopg.connect(ground.url(DATABASE), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO document_settings (practice_id, client_quota_bytes) VALUES (%s, %s)",
            (numbered("practice", 0), 10**13),
        )


def _rate(request: Request, seconds: int) -> float:
    """Bytes a second, of AT_ONCE senders that each send one after the other."""
    begun = time.perf_counter()

    def keep_on() -> int:
        done = 0
        while time.perf_counter() - begun < seconds:
            done += request()
        return done

    with ThreadPoolExecutor(AT_ONCE) as senders:
        done = sum(sender.result() for sender in [senders.submit(keep_on) for _ in range(AT_ONCE)])
    return done / (time.perf_counter() - begun)


def _sent(server: Server, path: str, token: str) -> int:
    _send(server, "POST", path, token, BODY)
    return SIZE


def _send(server: Server, method: str, path: str, token: str, body: bytes | None = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {token}"} | (FORM if body else {})
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert response.status in (200, 201), content[:500]
    return content
