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


def _block(lines: list[str]) -> Block:
    block = Block()
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "data":
            block.data = json.loads(value)
        elif name in ("event", "id"):
            setattr(block, name, value)
        elif name == "retry":
            block.retry = int(value)
        else:
            block.comment = value
    return block


def blocks(text: str) -> list[Block]:
    """Those of a stream that has ended."""
    return [_block(block.split("\n")) for block in text.split("\n\n") if block]


@dataclass
class Reading:
    """A stream that is being read."""

    response: httpx.Response
    _lines: AsyncIterator[str]
    last_event_id: str | None = None
    heard: list[Block] = field(default_factory=list)

    async def block(self) -> Block | None:
        """The next block; None at the end."""
        lines: list[str] = []
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if line:
                    lines.append(line)
                elif lines:
                    block = _block(lines)
                    self.last_event_id = block.id or self.last_event_id
                    return block
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


@dataclass
class Line:
    """A stream on a bare socket: a client library would cost more than what it listens to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def event(self) -> str:
        """The next `data` line."""
        while not (line := await self.reader.readline()).startswith(b"data:"):
            if not line:
                raise AssertionError("the stream has ended")
        return line.decode()

    def close(self) -> None:
        self.writer.close()


async def idle(address: str, token: str) -> Line:
    """A stream that has begun."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    asked = f"GET /v1/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(asked.encode())
    line = Line(reader, writer)
    begun = await reader.readuntil(b": connected")
    assert begun.startswith(b"HTTP/1.1 200"), begun.decode()
    return line
