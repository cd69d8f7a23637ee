"""Thousands of idle streams on one worker: each costs some memory, and none a question to the database."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from portal_api.core.access import Role
from portal_api.services.stream import hub
from tests.api.scheduling.desk import Desk
from tests.live import Line, idle
from tests.patience import PATIENCE
from tests.people import colleague
from tests.world import World

STREAMS = 2000
BOTH_ENDS = 2 * STREAMS + 500


@pytest.fixture
def descriptors() -> None:
    """As many open files as it takes, if the machine lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < BOTH_ENDS and os.geteuid() != 0:
        pytest.skip(f"this machine allows {hard} open files, and {BOTH_ENDS} are needed")
    if soft != resource.RLIM_INFINITY and soft < BOTH_ENDS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (BOTH_ENDS, max(hard, BOTH_ENDS)))


@asynccontextmanager
async def many(address: str, tokens: list[str], number: int) -> AsyncIterator[list[Line]]:
    """So many streams, each of which has said where it begins."""
    lines: list[Line] = []
    try:
        for start in range(0, number, 100):
            opening = (idle(address, tokens[n % len(tokens)]) for n in range(start, min(start + 100, number)))
            lines += await asyncio.gather(*opening)
        yield lines
    finally:
        for line in lines:
            line.close()


@pytest.mark.usefixtures("descriptors")
async def test_one_worker_holds_two_thousand(
    world: World,
    desk: Desk,
    app: FastAPI,
    address: str,
    sql: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "MOST_OF_ACCOUNT", STREAMS)
    people = [desk.owner, await desk.portal()]
    people += [(await colleague(world, desk.practice, Role.SCHEDULER))[0] for _ in range(3)]
    before = app.state.hub.listeners
    async with asyncio.timeout(5 * PATIENCE), many(address, [who.access_token for who in people], STREAMS) as lines:
        assert app.state.hub.listeners - before == STREAMS
        assert sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %%portal%%'") == [(1,)]
        made = await desk.book()
        for line in lines:
            assert made["id"] in await line.event()
        answered = await desk.owner.get("/v1/practice")
        assert answered.status_code == 200
    async with asyncio.timeout(PATIENCE):
        while app.state.hub.listeners > before:
            await desk.owner.get("/v1/practice")
