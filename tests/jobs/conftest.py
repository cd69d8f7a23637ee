"""A database that holds nothing but the job queue, and a worker on it."""

import asyncio
import importlib.util
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from portal_api.core.jobs import Backoff, Queue, WorkerTimes
from portal_api.core.postgres import throwaway_cluster
from tests.patience import PATIENCE

MIGRATION = Path(__file__).parents[2] / "migrations" / "versions" / "0002_jobs.py"


def migration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("jobs_migration", MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def migrate(connection: Connection, direction: str) -> None:
    with Operations.context(MigrationContext.configure(connection)):
        getattr(migration(), direction)()


def asyncpg_engine(dsn: str) -> AsyncEngine:
    return create_async_engine(make_url(dsn).set(drivername="postgresql+asyncpg"))


@dataclass
class World:
    """What handlers are given in these tests: where they write down that they ran."""

    ran: list[tuple[UUID, int]] = field(default_factory=list)
    event: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Bench:
    """The database from three sides: its owner, the program's sessions, a worker's connection string."""

    owner: AsyncEngine
    runtime: AsyncEngine
    dsn: str

    @property
    def sessions(self) -> async_sessionmaker[AsyncSession]:
        return async_sessionmaker(self.runtime, expire_on_commit=False)

    async def rows(self, sql: str) -> list[Any]:
        async with self.owner.connect() as connection:
            return list((await connection.execute(text(sql))).all())

    async def drain(self, queue: Queue[World], world: World, concurrency: int = 4) -> None:
        await queue.run_worker(self.dsn, world, concurrency=concurrency, stop=asyncio.Event(), wait=False)


@dataclass
class Working:
    """A worker in the background: its connections go by a name of their own."""

    name: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def working(bench: Bench, queue: Queue[World], world: World, concurrency: int = 4) -> AsyncIterator[Working]:
    """A worker as long as the block runs, which must end in time."""
    worker = Working(f"worker-{uuid4()}")
    dsn = make_url(bench.dsn).update_query_dict({"application_name": worker.name})
    run = queue.run_worker(dsn.render_as_string(hide_password=False), world, concurrency=concurrency, stop=worker.stop)
    task = asyncio.ensure_future(run)
    try:
        async with asyncio.timeout(PATIENCE):
            yield worker
    finally:
        worker.stop.set()
        await task


@pytest.fixture(scope="session")
def superuser_dsn() -> Iterator[str]:
    with throwaway_cluster() as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def jobs_database(superuser_dsn: str) -> AsyncIterator[Bench]:
    owner = asyncpg_engine(superuser_dsn)
    password = secrets.token_hex(8)
    async with owner.begin() as connection:
        await connection.execute(text(f"CREATE ROLE portal_app LOGIN PASSWORD '{password}'"))
        await connection.run_sync(migrate, "upgrade")
    runtime = make_url(superuser_dsn).set(username="portal_app", password=password)
    dsn = runtime.render_as_string(hide_password=False)
    engine = asyncpg_engine(dsn)
    yield Bench(owner, engine, dsn)
    await engine.dispose()
    await owner.dispose()


@pytest.fixture
async def bench(jobs_database: Bench) -> Bench:
    async with jobs_database.owner.begin() as connection:
        await connection.execute(text("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE"))
    return jobs_database


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def practice() -> UUID:
    return uuid4()


@pytest.fixture
def make_queue() -> Callable[..., Queue[World]]:
    """A queue with one task, `note`, that writes down its practice and number; its pauses are short."""

    def make(**times: float) -> Queue[World]:
        limits = {"poll": 0.1, "grace": PATIENCE, "restart": 0.05, **times}
        queue: Queue[World] = Queue(backoff=Backoff(first=0.001, factor=1.0), times=WorkerTimes(**limits))

        @queue.task("note")
        async def note(world: World, practice_id: UUID, number: int) -> None:
            world.ran.append((practice_id, number))
            world.event.set()

        return queue

    return make


@pytest.fixture
def queue(make_queue: Callable[..., Queue[World]]) -> Queue[World]:
    return make_queue()
