"""The answer comes after the commit: whatever stops the commit is an error to the caller, and nothing is written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import psycopg
import pytest
from sqlalchemy import make_url

from portal_api.core.config import Settings
from portal_api.core.db import Binding
from portal_api.web import system
from tests.database import migrated_database
from tests.patience import PATIENCE
from tests.served import served
from tests.world import World

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def own_database(cluster: str) -> str:
    return migrated_database(cluster, "commits")


@pytest.fixture
async def owner_connection(cluster: str, own_database: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser's, beside the application."""
    url = make_url(cluster).set(database=make_url(own_database).database, drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def small(settings: Settings, own_database: str) -> AsyncIterator[World]:
    async with served(settings.model_copy(update={"database_url": own_database, "database_pool_size": 2})) as world:
        yield world


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds every connection busy is told so soon. For `small`, which must be made after it."""
    for limit in ("ACQUIRE_TIMEOUT", "WRITE_PATIENCE"):
        monkeypatch.setattr(f"portal_api.core.db.database.{limit}", 0.05)


@asynccontextmanager
async def trigger(connection: asyncpg.Connection, body: str) -> AsyncIterator[None]:
    """A constraint trigger that runs at the commit of a new client."""
    await connection.execute(f"CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
    await connection.execute(
        "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON client DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION at_commit()"
    )
    try:
        yield
    finally:
        await connection.execute("DROP FUNCTION at_commit CASCADE")


NEW_CLIENT = {"given_name": "Grace", "family_name": "Client"}


class TestCommitFails:
    @pytest.mark.parametrize("keyed", [False, True], ids=["", "with a key"])
    async def test_there_is_no_success_and_nothing_is_written(
        self, keyed: bool, small: World, owner_connection: asyncpg.Connection
    ) -> None:
        practice = await small.practice()
        headers = {"Idempotency-Key": "at the commit"} if keyed else {}
        body = "RAISE EXCEPTION 'secret of the database' USING ERRCODE = '23514'; RETURN NULL;"
        async with trigger(owner_connection, body):
            response = await practice.owner.post("/v1/clients", NEW_CLIENT, headers=headers)
        assert response.status_code == 409
        assert "secret" not in response.text
        assert await owner_connection.fetchval("SELECT count(*) FROM client WHERE practice_id = $1", practice.id) == 0
        assert (
            await owner_connection.fetchval(
                "SELECT count(*) FROM idempotency_record WHERE practice_id = $1", practice.id
            )
            == 0
        )
        again = await practice.owner.post("/v1/clients", NEW_CLIENT, headers=headers)
        assert again.status_code == 201, "a key whose work failed is free"

    async def test_a_connection_that_dies_at_the_commit_is_503(
        self, small: World, owner_connection: asyncpg.Connection
    ) -> None:
        practice = await small.practice()
        async with trigger(owner_connection, "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL;"):
            await owner_connection.execute("ALTER FUNCTION at_commit SECURITY DEFINER")
            response = await practice.owner.post("/v1/clients", NEW_CLIENT)
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert await owner_connection.fetchval("SELECT count(*) FROM client WHERE practice_id = $1", practice.id) == 0
        assert (await practice.owner.post("/v1/clients", NEW_CLIENT)).status_code == 201


class TestConflictsOfTransactions:
    @pytest.mark.parametrize("state", ["40001", "40P01"])
    @pytest.mark.parametrize("keyed", [False, True], ids=["", "with a key"])
    async def test_they_are_tried_again(
        self, state: str, keyed: bool, small: World, owner_connection: asyncpg.Connection
    ) -> None:
        practice = await small.practice()
        await owner_connection.execute("CREATE SEQUENCE attempts; GRANT USAGE ON SEQUENCE attempts TO portal_app")
        raised = f"RAISE EXCEPTION 'try again' USING ERRCODE = '{state}'"
        body = f"IF nextval('attempts') < 3 THEN {raised}; END IF; RETURN NULL;"
        headers = {"Idempotency-Key": "again"} if keyed else {}
        try:
            async with trigger(owner_connection, body):
                response = await practice.owner.post("/v1/clients", NEW_CLIENT, headers=headers)
        finally:
            await owner_connection.execute("DROP SEQUENCE attempts")
        assert response.status_code == 201
        assert await owner_connection.fetchval("SELECT count(*) FROM client WHERE practice_id = $1", practice.id) == 1

    @pytest.mark.parametrize("state", ["40001", "40P01"])
    async def test_they_never_surface(self, state: str, small: World, owner_connection: asyncpg.Connection) -> None:
        practice = await small.practice()
        async with trigger(owner_connection, f"RAISE EXCEPTION 'try again' USING ERRCODE = '{state}';"):
            response = await practice.owner.post("/v1/clients", NEW_CLIENT)
        assert response.status_code == 503
        assert response.headers["retry-after"]


class TestDatabaseTrouble:
    async def test_a_database_that_does_not_answer_is_503_in_time(
        self, small: World, owner_connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Within two seconds: the answer is here while the database still waits, however long that is."""
        assert system.READY_WITHIN < 2
        monkeypatch.setattr(system, "READY_WITHIN", 0.05)
        async with owner_connection.transaction():
            await owner_connection.execute("LOCK TABLE procrastinate_jobs IN ACCESS EXCLUSIVE MODE")
            assert (await small.http.get("/readyz")).status_code == 503
        monkeypatch.setattr(system, "READY_WITHIN", PATIENCE)
        assert (await small.http.get("/readyz")).status_code == 200

    @pytest.mark.usefixtures("impatient")
    async def test_a_pool_that_is_used_up_is_503(self, small: World) -> None:
        practice = await small.practice()
        database = small.tools.database
        binding = Binding.system(UUID(practice.id))
        async with database.session(binding) as one, database.session(binding) as two:
            await one.connection()
            await two.connection()
            refused = await practice.owner.post("/v1/clients", NEW_CLIENT)
        async with database.reader(binding), database.reader(binding):
            unread = await practice.owner.get("/v1/practice")
        for response in (refused, unread):
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) > 0
            assert response.json()["code"] == "unavailable"
        assert (await practice.owner.get("/v1/practice")).status_code == 200

    async def test_a_database_that_is_down_is_503_and_comes_back(
        self, small: World, own_database: str, cluster: str
    ) -> None:
        practice = await small.practice()
        name = make_url(own_database).database
        with psycopg.connect(cluster, autocommit=True) as server:
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            connected = "FROM pg_stat_activity WHERE datname = %s"
            server.execute(f"SELECT pg_terminate_backend(pid, {PATIENCE * 1000}) {connected}".encode(), [name])
        try:
            assert (await small.http.get("/readyz")).status_code == 503
            for _ in range(3):
                assert (await practice.owner.get("/v1/practice")).status_code == 503
                assert (await practice.owner.post("/v1/clients", NEW_CLIENT)).status_code == 503
            assert (await small.http.get("/healthz")).status_code == 200
        finally:
            with psycopg.connect(cluster, autocommit=True) as server:
                server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        assert (await practice.owner.get("/v1/practice")).status_code == 200
        assert (await practice.owner.post("/v1/clients", NEW_CLIENT)).status_code == 201
        assert (await small.http.get("/readyz")).status_code == 200
