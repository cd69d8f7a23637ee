"""Starting, stopping and starting again, and what a start that cannot work says."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psycopg
from sqlalchemy import make_url

from tests.journeys.conftest import SETTINGS
from tests.journeys.people import expect
from tests.journeys.server import Server, run
from tests.patience import PATIENCE
from tests.world import PASSWORD

PRODUCTION = {"environment": "production", "secret_key": "k" * 48}
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


class TestStart:
    async def test_an_empty_directory_is_enough_and_a_second_start_finds_what_the_first_left(self, home: Path) -> None:
        """The embedded database, the development mailbox, a worker: no setting but the open registration."""
        with Server(home, open_registration="true") as server:
            async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http:
                body = _registration("first@harbor.example")
                practice = expect(await http.post("/v1/practices", json=body), 201)["practice"]
            assert run(home, "health", "--url", server.url).returncode == 0
            assert server.stop() == 0
            assert run(home, "health", "--url", server.url).returncode == 1
            server.start()
            listed = run(home, "practice", "list")
            assert practice["id"] in listed.stdout, listed.stderr
            async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http:
                mails = expect(await http.get("/dev/mailbox.json"))["data"]
            assert [mail["to"] for mail in mails] == ["first@harbor.example"]

    def test_several_processes_answer_at_one_address_are_replaced_when_they_die_and_end_together(
        self, empty_database: Callable[[], str], home: Path
    ) -> None:
        with Server(home, "serve", "--migrate", "--workers", "3", database_url=empty_database()) as server:
            first = _children(server.process.pid)
            assert len(first) == 3
            assert httpx.get(f"{server.url}/readyz", timeout=PATIENCE).status_code == 200
            os.kill(first[0], signal.SIGKILL)
            _eventually(lambda: len(set(_children(server.process.pid)) - set(first)) == 1)
            assert httpx.get(f"{server.url}/readyz", timeout=PATIENCE).status_code == 200
            children = _children(server.process.pid)
            assert len(children) == 3
            assert server.stop() == 0
            assert not any(_runs(child) for child in children)


class TestStop:
    async def test_a_stop_finishes_the_request_that_runs(
        self, cluster: str, empty_database: Callable[[], str], home: Path
    ) -> None:
        """R09: the change that waits for a lock when the signal comes is made, and said to be."""
        url = empty_database()
        administrator = make_url(cluster).set(database=make_url(url).database).render_as_string(hide_password=False)
        with Server(home, "serve", "--migrate", **SETTINGS, database_url=url) as server:
            async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http:
                token = await _owner_token(http)
                with psycopg.connect(administrator) as lock, psycopg.connect(administrator, autocommit=True) as watch:
                    lock.execute("SELECT FROM practice FOR UPDATE")
                    change = asyncio.create_task(
                        http.patch("/v1/practice", json={"name": "Changed"}, headers={"Authorization": token})
                    )
                    await _until(lambda: watch.execute(BLOCKED).fetchone() == (1,))
                    server.process.send_signal(signal.SIGTERM)
                    await _until(lambda: _refuses(server.url))
                    assert not change.done()
                    lock.rollback()
                    assert expect(await change)["name"] == "Changed"
                    assert await asyncio.to_thread(server.wait) == 0
                    assert watch.execute("SELECT name FROM practice").fetchone() == ("Changed",)

    def test_when_the_parent_is_killed_its_processes_end(self, empty_database: Callable[[], str], home: Path) -> None:
        with Server(home, "serve", "--migrate", "--workers", "2", database_url=empty_database()) as server:
            children = _children(server.process.pid)
            os.kill(server.process.pid, signal.SIGKILL)
            server.wait()
            _eventually(lambda: _refuses(server.url))
            _eventually(lambda: not any(_runs(child) for child in children))


class TestRefusal:
    """A start that cannot work ends at once, without a traceback, and says what to do."""

    def test_a_taken_port(self, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            _refused(home, "serve", port=port, says=f"--port {port + 1}")

    def test_an_unreachable_database(self, home: Path) -> None:
        url = "postgresql://someone:secret-word@127.0.0.1:1/portal"
        message = _refused(home, "serve", database_url=url, says="PORTAL_DATABASE_URL")
        assert "secret-word" not in message

    def test_an_address_that_is_none(self, home: Path) -> None:
        _refused(home, "serve", database_url="mysql://somewhere/x", says="postgresql://user:password@host")

    def test_a_database_that_was_not_migrated(self, empty_database: Callable[[], str], home: Path) -> None:
        _refused(home, "serve", database_url=empty_database(), says="portal-api migrate")

    def test_a_database_of_a_newer_program(self, empty_database: Callable[[], str], home: Path) -> None:
        url = empty_database()
        assert run(home, "migrate", database_url=url).returncode == 0
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999_future'")
        _refused(home, "serve", "--migrate", database_url=url, says="newer")

    def test_a_superuser_in_production(self, cluster: str, home: Path) -> None:
        _refused(home, "serve", database_url=cluster, **PRODUCTION, says="NOSUPERUSER")

    def test_production_without_a_secret(self, home: Path) -> None:
        _refused(home, "serve", environment="production", says="PORTAL_SECRET_KEY")

    def test_a_setting_that_cannot_be_read_is_named_without_its_value(self, home: Path) -> None:
        message = _refused(home, "serve", database_pool_size="many-of-them", says="PORTAL_DATABASE_POOL_SIZE")
        assert "many-of-them" not in message

    def test_a_video_provider_whose_key_cannot_sign(self, home: Path) -> None:
        named = {"video_provider": "jaas", "video_url": "https://8x8.vc", "video_key": "tenant/key"}
        message = _refused(home, "serve", **named, video_secret="no-private-key", says="PORTAL_VIDEO_SECRET")
        assert "no-private-key" not in message

    def test_a_demo_in_production(self, home: Path) -> None:
        _refused(home, "demo", **PRODUCTION, says="portal-api serve")


class TestWithout:
    """In production, what development stands in for is said to be missing."""

    def test_production_without_mail_and_video_says_so_and_shows_no_page_in_their_place(
        self, empty_database: Callable[[], str], home: Path
    ) -> None:
        with Server(home, "serve", "--migrate", database_url=empty_database(), **PRODUCTION) as server:
            assert "PORTAL_SMTP_URL" in server.log
            assert "PORTAL_VIDEO_PROVIDER" in server.log
            for page in ("/dev/mailbox", "/dev/video"):
                assert httpx.get(f"{server.url}{page}", timeout=PATIENCE).status_code == 404


def test_lists_of_a_setting_are_separated_by_commas(server: Server) -> None:
    for origin in SETTINGS["cors_origins"].split(", "):
        answer = httpx.get(f"{server.url}/healthz", headers={"Origin": origin}, timeout=PATIENCE)
        assert answer.headers["access-control-allow-origin"] == origin


def _registration(email: str) -> dict[str, Any]:
    owner = {"email": email, "password": PASSWORD, "given_name": "Ada", "family_name": "Harbor"}
    return {"name": "Harbor Therapy", "time_zone": "America/New_York", "country": "US", "owner": owner}


async def _owner_token(http: httpx.AsyncClient) -> str:
    body = _registration("owner@harbor.example")
    practice = expect(await http.post("/v1/practices", json=body), 201)["practice"]["id"]
    login = {"practice": practice, "email": "owner@harbor.example", "password": PASSWORD}
    return f"Bearer {expect(await http.post('/v1/auth/login', json=login))['access_token']}"


def _refused(home: Path, *arguments: str, says: str, port: int = 0, **settings: str) -> str:
    ended = run(home, *arguments, "--port", str(port), **settings)
    assert ended.returncode == 1, ended.stderr
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "ready" not in ended.stdout
    return ended.stderr


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def _runs(pid: int) -> bool:
    """Whether the process does anything still; one that ended may wait to be taken leave of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _refuses(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz", timeout=PATIENCE)
    except httpx.TransportError:
        return True
    return False


def _eventually(holds: Callable[[], bool]) -> None:
    """Look until it holds."""
    pause = Event()
    for _ in range(PATIENCE * 50):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError("it never came to hold")


async def _until(holds: Callable[[], bool]) -> None:
    await asyncio.to_thread(_eventually, holds)
