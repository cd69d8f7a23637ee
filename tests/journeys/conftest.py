"""A started server with its own database, reached over a socket, and its mail."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from secrets import token_hex

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from tests.journeys.people import People
from tests.journeys.postbox import Postbox
from tests.journeys.server import Server

SETTINGS = {"open_registration": "true", "rate_limit_factor": "100000", "app_url": "https://{slug}.portal.test"}


@pytest.fixture(scope="session")
def empty_database(cluster: str, database_url: str) -> Callable[[], str]:
    """Makes databases without a table, owned by a role that is no superuser; returns the owner's URL."""

    def make() -> str:
        name = f"journey_{token_hex(6)}"
        owner = make_url(database_url)
        with psycopg.connect(cluster, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {owner.username}".encode())
        return owner.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture(scope="session")
async def postbox() -> AsyncIterator[Postbox]:
    async with Postbox() as box:
        yield box


@pytest.fixture(scope="session")
def server(
    empty_database: Callable[[], str], postbox: Postbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Started against a PostgreSQL that someone else runs, with a mail server."""
    directory = tmp_path_factory.mktemp("server")
    settings = SETTINGS | {"database_url": empty_database(), "smtp_url": postbox.url}
    with Server(directory, "serve", "--migrate", **settings) as started:
        yield started


@pytest.fixture
async def people(server: Server, postbox: Postbox) -> AsyncIterator[People]:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        yield People(http, postbox)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory for one start."""
    return tmp_path
