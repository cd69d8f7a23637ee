"""Fixtures of the tests of signatures."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from portal_api.core.config import APP_ROLE
from tests.api.signatures.signing import SigningDesk, open_signing_desk
from tests.world import World


@pytest.fixture
async def desk(world: World) -> SigningDesk:
    return await open_signing_desk(world)


@pytest.fixture(scope="session")
def program(database_url: str) -> Iterator[Callable[[str, str], str | None]]:
    """Runs a statement as the application does, bound to a practice; the SQLSTATE of what refuses it."""
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:

        def run(practice_id: str, statement: str) -> str | None:
            try:
                connection.execute(f"SET LOCAL ROLE {APP_ROLE}".encode())
                connection.execute("SELECT set_config('app.practice_id', %s, true)", [practice_id])
                connection.execute(statement.encode())
            except psycopg.Error as error:
                return error.sqlstate
            finally:
                connection.rollback()
            return None

        yield run
