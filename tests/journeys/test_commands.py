"""What an operator types, as the program's own processes against a database."""

import json
import re
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psycopg
import pyotp
import pytest
from sqlalchemy import make_url

from tests.journeys.people import expect
from tests.journeys.postbox import Postbox
from tests.journeys.server import Server, run, worker
from tests.patience import PATIENCE
from tests.world import PASSWORD

ZONE = ("--time-zone", "America/New_York", "--country", "US")
NOBODY_LISTENS = "smtp://127.0.0.1:1"


@dataclass
class Installation:
    """A migrated database and a data directory, and commands run on them."""

    home: Path
    settings: dict[str, str]
    administrator: str

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return run(self.home, *arguments, stdin=stdin, **self.settings)

    def prints(self, *arguments: str, stdin: str | None = None) -> str:
        """What a command that works says on standard output."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def refuses(self, *arguments: str, says: str, stdin: str | None = None) -> None:
        ended = self.run(*arguments, stdin=stdin)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert says in ended.stderr
        assert "Traceback" not in ended.stderr

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.administrator, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def until(self, statement: str) -> None:
        """Look until the statement finds something."""
        pause = Event()
        for _ in range(PATIENCE * 20):
            if self.sql(statement):
                return
            pause.wait(0.05)
        raise AssertionError(f"nothing found: {statement}")


@dataclass
class Practice:
    id: str
    owner: str
    """The address."""


@pytest.fixture(scope="module")
def installation(
    cluster: str, empty_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    url = empty_database()
    administrator = make_url(cluster).set(database=make_url(url).database).render_as_string(hide_password=False)
    settings = {"database_url": url, "public_url": "https://api.harbor.example"}
    made = Installation(tmp_path_factory.mktemp("commands"), settings, administrator)
    made.prints("migrate")
    return made


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    """Answers, and leaves the jobs to workers."""
    with Server(installation.home, "serve", "--no-worker", **installation.settings) as started:
        yield started


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def practice(installation: Installation) -> Practice:
    """Registered by command; its owner has the usual password."""
    email = "ada@harbor.example"
    owner = ("--owner-email", email, "--owner-given-name", "Ada", "--owner-family-name", "Harbor", "--password-stdin")
    said = installation.prints("practice", "create", "--name", "Harbor", *ZONE, *owner, stdin=f"{PASSWORD}\n")
    assert "password" not in said
    return Practice(re.findall(r"^practice (\S+)$", said, re.MULTILINE)[0], email)


async def sign_in(http: httpx.AsyncClient, practice: str, email: str, password: str = PASSWORD) -> dict[str, str]:
    """The headers of who has signed in."""
    body = {"practice": practice, "email": email, "password": password}
    return {"Authorization": f"Bearer {expect(await http.post('/v1/auth/login', json=body))['access_token']}"}


class TestPractice:
    async def test_a_new_owner_signs_in_with_the_password_that_was_shown(
        self, installation: Installation, http: httpx.AsyncClient
    ) -> None:
        email = "grace@harbor.example"
        owner = ("--owner-email", email, "--owner-given-name", "Grace", "--owner-family-name", "Quay")
        said = installation.prints("practice", "create", "--name", "Shown Harbor", *ZONE, *owner)
        practice_id = re.findall(r"^practice (\S+)$", said, re.MULTILINE)[0]
        assert f"{practice_id}  {'-':<24}  Shown Harbor\n" in installation.prints("practice", "list")
        await sign_in(http, practice_id, email, said.strip().rsplit(" ", 1)[1])

    @pytest.mark.parametrize(
        ("zone", "password", "says"),
        [("America/New_York", "password1", "/owner/password"), ("Mars/Base", PASSWORD, "time_zone")],
    )
    def test_what_the_api_would_refuse_is_refused(
        self, installation: Installation, zone: str, password: str, says: str
    ) -> None:
        owner = ("--owner-email", "no@harbor.example", "--owner-given-name", "No", "--owner-family-name", "One")
        create = ("practice", "create", "--name", "None", "--time-zone", zone, "--country", "US", *owner)
        installation.refuses(*create, "--password-stdin", stdin=f"{password}\n", says=says)
        assert installation.sql("SELECT 1 FROM practice WHERE name = 'None'") == []

    async def test_a_changed_link_leads_on(
        self, installation: Installation, practice: Practice, http: httpx.AsyncClient
    ) -> None:
        """F1.M1, A51"""
        installation.refuses("practice", "change-link", "no-such-pier", "x-pier", says="practice list")
        installation.prints("practice", "change-link", practice.id, "old-pier")
        assert installation.prints("practice", "change-link", "old-pier", "new-pier") == "old-pier is now new-pier\n"
        owner = await sign_in(http, "old-pier", practice.owner)
        expect(await http.post("/v1/practice/portal/enable", json={}, headers=owner))
        moved = await http.get("/v1/portals/old-pier")
        assert (moved.status_code, moved.headers["Location"]) == (308, "/v1/portals/new-pier")

    async def test_an_owner_with_nobody_to_ask_loses_the_second_factor(
        self, installation: Installation, practice: Practice, http: httpx.AsyncClient
    ) -> None:
        reset = ("practice", "reset-second-factor", practice.id)
        installation.refuses(*reset, practice.owner, says="no second factor")
        owner = await sign_in(http, practice.id, practice.owner)
        started = await http.post("/v1/me/second-factor", json={"password": PASSWORD}, headers=owner)
        otp = {"otp": pyotp.TOTP(expect(started)["secret"]).now()}
        expect(await http.post("/v1/me/second-factor/confirm", json=otp, headers=owner))
        installation.prints(*reset, practice.owner.upper())
        expect(await http.get("/v1/me", headers=owner), 401)
        await sign_in(http, practice.id, practice.owner)
        found = "SELECT actor_kind FROM event WHERE type = 'second_factor.reset' AND practice_id = %s"
        assert installation.sql(found, practice.id) == [("system",)]


class TestWorker:
    async def test_what_failed_for_good_is_listed_put_back_and_delivered(
        self, installation: Installation, practice: Practice, http: httpx.AsyncClient, postbox: Postbox
    ) -> None:
        body = {"practice": practice.id, "email": practice.owner}
        expect(await http.post("/v1/auth/password-reset", json=body), 202)
        [(job,)] = installation.sql(
            "UPDATE procrastinate_jobs SET attempts = 7 WHERE args ->> 'event_id' ="
            " (SELECT id::text FROM event WHERE type = 'password_reset.asked' AND practice_id = %s) RETURNING id",
            practice.id,
        )
        with worker(installation.home, **installation.settings, smtp_url=NOBODY_LISTENS):
            installation.until(f"SELECT 1 FROM procrastinate_jobs WHERE status = 'failed' AND id = {job}")
        [line] = installation.prints("jobs", "dead").splitlines()
        assert line.startswith(f"{job}  event  practice {practice.id}  8 attempts  MailRefused")
        assert practice.owner not in line
        assert installation.prints("jobs", "redrive", str(job)) == "1 jobs are back in the queue\n"
        with worker(installation.home, **installation.settings, smtp_url=postbox.url):
            await self.arrival(postbox, practice.owner, "/reset-password#token=")

    async def arrival(self, postbox: Postbox, to: str, containing: str) -> None:
        """Wait for this mail; others that were due come with it."""
        for number in count(1):
            if containing in await postbox.text(to, number=number):
                return


class TestKeys:
    async def test_after_a_rotation_the_next_key_signs_and_older_tokens_hold(
        self, installation: Installation, practice: Practice, http: httpx.AsyncClient
    ) -> None:
        known = [key["kid"] for key in expect(await http.get("/.well-known/jwks.json"))["keys"]]
        older = await sign_in(http, practice.id, practice.owner)
        assert "Restart every `serve`" in installation.prints("keys", "rotate")
        with Server(installation.home, "serve", "--no-worker", **installation.settings) as restarted:
            async with httpx.AsyncClient(base_url=restarted.url, timeout=PATIENCE) as again:
                newer = await sign_in(again, practice.id, practice.owner)
                assert [_kid(older), _kid(newer)] == known[:2]
                for signed_in in (older, newer):
                    expect(await again.get("/v1/me", headers=signed_in))
        expect(await http.get("/v1/me", headers=newer))  # by who was not restarted yet

    def test_keys_that_cannot_be_read_are_left_alone(self, installation: Installation, tmp_path: Path) -> None:
        keys = tmp_path / "data" / "keys"
        keys.mkdir(parents=True)
        (keys / "signing-keys.pem").write_text("not a key")
        ended = run(tmp_path, "keys", "rotate", **installation.settings)
        assert ended.returncode == 1
        assert str(keys) in ended.stderr
        assert (keys / "signing-keys.pem").read_text() == "not a key"


class TestHealth:
    def test_it_says_whether_the_server_can_work(self, installation: Installation, server: Server) -> None:
        assert '"status":"ready"' in installation.prints("health", "--url", server.url)
        installation.refuses("health", "--url", "http://127.0.0.1:1", says="Nothing answers")


class TestAudit:
    def test_it_names_the_first_event_that_was_changed(self, installation: Installation, practice: Practice) -> None:
        due = "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('audit.seal', 'audit.seal') RETURNING id"
        job = installation.sql(due)[0][0]
        with worker(installation.home, **installation.settings, smtp_url=NOBODY_LISTENS):
            installation.until(f"SELECT 1 WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE id = {job})")
        said = installation.prints("audit", "verify")
        assert re.search(rf"^practice {practice.id}: \d+ events, unbroken$", said, re.MULTILINE)
        second = "(SELECT event_id FROM event_seal WHERE practice_id = %s AND seq = 2)"
        outcome = installation.sql(f"SELECT outcome FROM event WHERE id = {second}", practice.id)[0][0]
        installation.sql(f"UPDATE event SET outcome = 'denied' WHERE id = {second}", practice.id)
        ended = installation.run("audit", "verify")
        installation.sql(f"UPDATE event SET outcome = %s WHERE id = {second}", outcome, practice.id)
        assert ended.returncode == 1
        assert f"practice {practice.id}: broken at seq 2" in ended.stdout


def _kid(signed_in: dict[str, str]) -> str:
    header = signed_in["Authorization"].removeprefix("Bearer ").partition(".")[0]
    kid: str = json.loads(urlsafe_b64decode(header + "=="))["kid"]
    return kid
