"""A started server with its own database, reached over a socket, and its mail."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.journeys.people import People
from tests.journeys.postbox import Postbox
from tests.journeys.server import Server
from tests.patience import PATIENCE

SETTINGS = {
    "open_registration": "true",
    "rate_limit_factor": "100000",
    "app_url": "https://{slug}.portal.test",
    "cors_origins": "https://one.example, https://two.example",
}


@pytest.fixture(scope="session")
def postbox() -> Iterator[Postbox]:
    with Postbox() as box:
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
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http:
        yield People(http, postbox)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory for one start."""
    return tmp_path
