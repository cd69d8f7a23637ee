"""A server on a socket, in the tests' own loop, and readers of its event stream."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from tests.patience import PATIENCE


class Announcing(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextlib.asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """The address of the application, whose lifespan is somebody else's."""
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_config=None, access_log=False, proxy_headers=False, timeout_graceful_shutdown=5
    )
    server = Announcing(config)
    serving = asyncio.create_task(server.serve())
    await server.is_up.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@dataclass
class Block:
    """One block of a stream; a heartbeat has neither a name nor data."""

    event: str | None = None
    data: dict[str, Any] | None = None
    id: str | None = None
    comment: str | None = None
    retry: int | None = None


@dataclass
class Reading:
    """A stream that is being read."""

    response: httpx.Response
    _lines: AsyncIterator[str]
    last_event_id: str | None = None
    heard: list[Block] = field(default_factory=list)

    async def block(self) -> Block | None:
        """The next block; None at the end."""
        block, empty = Block(), True
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if not line and not empty:
                    if block.id:
                        self.last_event_id = block.id
                    return block
                if line:
                    empty = False
                    name, _, value = line.partition(": ")
                    if name == "data":
                        block.data = json.loads(value)
                    elif name in ("event", "id"):
                        setattr(block, name, value)
                    elif name == "retry":
                        block.retry = int(value)
                    else:
                        block.comment = value
        return None

    async def event(self) -> Block | None:
        """The next that tells something."""
        while (block := await self.block()) is not None:
            if block.data is not None:
                self.heard.append(block)
                return block
        return None

    async def until(self, type: str, resource_id: str | None = None) -> dict[str, Any]:
        """The data of the next event of a type."""
        while (found := await self.event()) is not None:
            assert found.data is not None
            if found.event == type and resource_id in (None, found.data.get("resource_id")):
                return found.data
        raise AssertionError(f"the stream ended without {type}: {[block.event for block in self.heard]}")

    async def ends(self) -> None:
        """Read to the end."""
        while await self.event() is not None:
            pass


@contextlib.asynccontextmanager
async def stream(
    http: httpx.AsyncClient, token: str, last_event_id: str | None = None, **query: Any
) -> AsyncIterator[Reading]:
    """Read the stream of a caller; what happens after the block was entered is in it."""
    headers = {"Authorization": f"Bearer {token}"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    async with http.stream("GET", "/v1/stream", headers=headers, params=query) as response:
        if response.status_code != 200:
            await response.aread()
        assert response.status_code == 200, response.text
        reading = Reading(response, response.aiter_lines())
        first = await reading.block()
        assert first is not None
        assert first.comment == "connected"
        assert first.retry
        yield reading
