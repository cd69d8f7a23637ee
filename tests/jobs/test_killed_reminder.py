"""A worker that is killed while it sends: the reminder is sent, and once."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from portal_api.core.config import Settings
from portal_api.main import create_app
from portal_api.models.scheduling import ReminderSettings
from portal_api.services.notifications import reminders
from tests.cast import House, build
from tests.database import migrated_database
from tests.mail.conftest import Replies, serving

WORKER = Path(__file__).with_name("one_worker.py")


@dataclass
class Silent(Replies):
    """Takes a mail and never says so."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.reached.set()
        await asyncio.Event().wait()
        return "250 OK"


@dataclass
class Scene:
    house: House
    settings: Settings
    connection: psycopg.Connection[Any]

    @asynccontextmanager
    async def worker(self, smtp_url: str) -> AsyncIterator[Process]:
        """A worker in a process of its own, with its mail server."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(WORKER),
            env={
                **os.environ,
                "PORTAL_DATABASE_URL": self.settings.database_url,
                "PORTAL_DATA_DIR": str(self.settings.data_dir),
                "PORTAL_SMTP_URL": smtp_url,
                "PORTAL_APP_URL": self.settings.app_url,
            },
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def work(self, smtp_url: str) -> None:
        """Let a worker do what is due, to its end."""
        self.connection.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
        async with self.worker(smtp_url) as process:
            assert await process.wait() == 0

    def state(self) -> str:
        row = self.connection.execute("SELECT state FROM reminder").fetchone()
        assert row is not None
        return str(row[0])


@pytest.fixture
async def scene(cluster: str, settings: Settings, tmp_path: Path) -> AsyncIterator[Scene]:
    """A practice with one reminder that is due, in a database of its own: a killed worker leaves other tests alone."""
    name = f"killed_{token_hex(4)}"
    url = await asyncio.to_thread(migrated_database, cluster, name)
    alone = settings.model_copy(update={"database_url": url, "data_dir": tmp_path})
    app = create_app(alone)
    superuser = make_url(cluster).set(database=name).render_as_string(hide_password=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as http,
    ):
        house = await build(app, http)
        soon = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=70)
        await house.appointment(*await house.some(), soon)
        async with house.session() as session:
            session.add(ReminderSettings(offsets=[60]))
        async with house.session() as session:
            await reminders.plan(session, 60, None)
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("UPDATE reminder SET due_at = now()")
            connection.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
            yield Scene(house, alone, connection)


async def test_a_worker_that_is_killed_while_it_sends(scene: Scene) -> None:
    """F10.M10: exact across a kill -9 in the middle of the conversation with the mail server."""
    silent, replies = Silent(), Replies()
    async with serving(silent) as url, scene.worker(url) as process:
        await asyncio.wait_for(silent.reached.wait(), 60)
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
    assert scene.state() == "sending"
    async with serving(replies) as url:
        scene.connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '5 minutes'")
        scene.connection.execute("UPDATE reminder SET attempted_at = now() - interval '5 minutes'")
        await scene.work(url)  # takes the job back, to be tried in a moment
        assert replies.envelopes == []
        await scene.work(url)
    assert (scene.state(), len(replies.envelopes)) == ("sent", 1)
