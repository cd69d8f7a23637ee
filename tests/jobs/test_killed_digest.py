"""A worker that is killed while it sends a digest: the digest is sent, and once."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from portal_api.core.access import ActorKind, Origin, Principal, Role
from portal_api.core.config import Settings
from portal_api.core.ids import new_id
from portal_api.main import create_app
from portal_api.models.clients import ClientAssignment
from portal_api.services import audit
from portal_api.services.notifications import digests, following
from tests.cast import House, build
from tests.database import migrated_database
from tests.jobs.test_killed_reminder import Scene, Silent
from tests.mail.conftest import Replies, serving


@pytest.fixture
async def scene(cluster: str, settings: Settings, tmp_path: Path) -> AsyncIterator[Scene]:
    """A practice with one digest that is due, in a database of its own: a killed worker leaves other tests alone."""
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
        await upload(house)
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("UPDATE notification SET occurred_at = now() - interval '25 hours'")
            await make_digest(house)
            yield Scene(house, alone, connection)


async def upload(house: House) -> None:
    """Something is told to a practitioner, for the digest."""
    account = await house.account("staff")
    practitioner_id, client_id = await house.member(account, Role.PRACTITIONER), await house.client()
    client = Principal(house.id, ActorKind.CLIENT, Origin("test", "127.0.0.1"), uuid4())
    async with house.session() as session:
        session.add(ClientAssignment(client_id=client_id, practitioner_id=practitioner_id))
        await session.flush()
        resource = ("document", new_id())
        event_id = await audit.record(session, client, "document.uploaded", resource=resource, clients=[client_id])
    async with house.session() as session:
        event = await audit.recorded(session, event_id)
        assert event is not None
        await following.follow(session, event)


async def make_digest(house: House) -> None:
    async with house.session() as session:
        (due,), _ = await digests.due(session, None)
        assert await digests.make(session, due)


async def test_a_worker_that_is_killed_while_it_sends(scene: Scene) -> None:
    """F14.M2: exact across a kill -9 in the middle of the conversation with the mail server."""
    silent, replies = Silent(), Replies()
    async with serving(silent) as url, scene.worker(url) as process:
        await asyncio.wait_for(silent.reached.wait(), 60)
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
    assert state(scene) == [("sending", 1)]
    async with serving(replies) as url:
        scene.connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '5 minutes'")
        scene.connection.execute("UPDATE mail_delivery SET attempted_at = now() - interval '5 minutes'")
        await scene.work(url)  # takes the job back, to be tried in a moment
        assert replies.envelopes == []
        await scene.work(url)
        assert (state(scene), len(replies.envelopes)) == ([("sent", 2)], 1)
        scene.connection.execute("UPDATE digest_cursor SET covered_until = now() - interval '2 days'")
        async with scene.house.session() as session:
            assert await digests.due(session, None) == ([], None), "nothing of it waits any more"


def state(scene: Scene) -> list[tuple[str, int]]:
    return scene.connection.execute("SELECT state, attempts FROM mail_delivery").fetchall()
