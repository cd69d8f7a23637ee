"""One database, one application and one mail server for each test process; every test makes its own practice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import hypothesis
import psycopg
import pytest
import uvloop
from fastapi import FastAPI
from sqlalchemy import make_url

from portal_api.cli.memory import load_for_good
from portal_api.core.config import Settings
from portal_api.core.db.database import SERVER_SETTINGS
from portal_api.core.passwords import PasswordHasher
from portal_api.core.postgres import throwaway_cluster
from portal_api.integrations.mail import DevelopmentMailbox
from portal_api.main import create_app
from tests.database import migrated_database
from tests.patience import PATIENCE
from tests.responses import check_response
from tests.statements import watched
from tests.world import HASH_COST, World

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # the loop that the program is served in
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


def pytest_collection_finish() -> None:
    load_for_good()  # as `serve` does: the collector need not look at thousands of tests again and again


@pytest.fixture(scope="session", autouse=True)
def patient_program() -> Iterator[None]:
    """The program says "busy" when a caller waits for seconds; here it waits, for the machine may be slow."""
    with pytest.MonkeyPatch.context() as patch:
        for limit in (
            "core.db.database.ACQUIRE_TIMEOUT",
            "core.db.database.CONNECT_TIMEOUT",
            "core.db.database.WRITE_PATIENCE",
            "services.invitations.accepting.PATIENCE",
            "web.gatekeeper.PATIENCE",
        ):
            patch.setattr(f"portal_api.{limit}", float(PATIENCE))
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            patch.setitem(SERVER_SETTINGS, limit, f"{PATIENCE}s")
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """argon2id as in production, but for less: else every fourth second of the tests would be spent in it.

    What it costs in production is tested of the hasher itself, and served to whoever talks to a real server.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portal_api.main.PasswordHasher", partial(PasswordHasher, **HASH_COST))
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The superuser's URL of a throw-away PostgreSQL."""
    with throwaway_cluster() as url:
        yield url


@pytest.fixture(scope="session")
def database_url(cluster: str) -> str:
    """A database with every migration applied; the URL is its owner's, who is no superuser."""
    return migrated_database(cluster, "portal")


@pytest.fixture(scope="session")
def empty_database(cluster: str, database_url: str) -> Callable[[], str]:
    """Makes databases without a table, owned by a role that is no superuser; returns the owner's URL."""

    def make() -> str:
        name = f"test_{token_hex(6)}"
        owner = make_url(database_url)
        with psycopg.connect(cluster, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {owner.username}".encode())
        return owner.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture(scope="session")
async def mailbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevelopmentMailbox]:
    """A real SMTP server on loopback."""
    box = DevelopmentMailbox(tmp_path_factory.mktemp("mailbox"))
    await box.start()
    yield box
    await box.stop()


@pytest.fixture(scope="session")
def settings(database_url: str, mailbox: DevelopmentMailbox, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database_url,
        data_dir=Path(tmp_path_factory.mktemp("data")),
        smtp_url=mailbox.url,
        public_url="http://portal.test",
        app_url="https://{slug}.portal.test",
        cors_origins=("https://app.portal.test",),
        egress_allow=("127.0.0.1",),
        open_registration=True,
        rate_limit_factor=100_000,
    )


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody's client. Every answer is checked against the contract."""
    transport = httpx.ASGITransport(app)

    async def check(response: httpx.Response) -> None:
        await response.aread()
        check_response(app, response)

    async with httpx.AsyncClient(
        transport=transport, base_url="http://portal.test", event_hooks={"response": [check]}
    ) as client:
        yield client


@pytest.fixture
def world(
    app: FastAPI,
    http: httpx.AsyncClient,
    mailbox: DevelopmentMailbox,
    sql: Callable[..., list[Any]],
    request: pytest.FixtureRequest,
) -> World:
    """Makes practices, people and clients through the API, and reads their mail.

    Jobs and mail of earlier tests are dropped: doing and reading them again and again is what costs most. So are
    their practices where a test has something done for every practice.
    """
    if request.node.get_closest_marker("every_practice"):
        sql("TRUNCATE practice, idempotency_record CASCADE")
    sql("DELETE FROM procrastinate_jobs")
    for mail in mailbox.directory.glob("*.eml"):
        mail.unlink()
    return World(app, http, mailbox)


@pytest.fixture(autouse=True)
def whose_rows(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test whose statements leave a practice table without its practice."""
    if request.node.get_closest_marker("whatever_rows"):
        yield
        return
    found: list[str] = []
    with watched(lambda sql, tables: found.append(f"{', '.join(tables)} without a practice in: {sql}")):
        yield
    assert not found, "\n".join(found)


@pytest.fixture(scope="session")
async def strict_app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application with the limits of production, behind a proxy, so that a test chooses its address."""
    strict = settings.model_copy(update={"rate_limit_factor": 1.0, "trusted_proxies": ("127.0.0.1/32",)})
    application = create_app(strict)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def strict_http(strict_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody's client of the strict application; X-Forwarded-For says from where."""
    transport = httpx.ASGITransport(strict_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as client:
        yield client


@pytest.fixture(scope="session")
def sql(cluster: str, database_url: str) -> Iterator[Callable[..., list[Any]]]:
    """Run a statement as superuser: to make time pass, or to look at what HTTP does not show."""
    url = make_url(cluster).set(database=make_url(database_url).database)
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:

        def run(statement: str, *values: Any) -> list[Any]:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

        yield run
