"""Live updates: what an idle stream costs in memory, and how long it takes until those who listen hear of a message."""

import asyncio
import re
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bench.ground import Ground
from bench.processes import memory_mb
from bench.report import Report

IDLE = 2000
LISTENERS = 200
OF_ACCOUNT = 20
"""Streams that one account may have in a process."""
ROUNDS = 50
_FILES = IDLE + 500


@dataclass
class Stream:
    """One that has begun."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def told(self, type: str) -> float:
        """When the next event of this type has come."""
        name = f"event: {type}\n".encode()
        while await self.reader.readline() != name:
            pass
        return time.perf_counter()


@dataclass(frozen=True)
class Desk:
    """An owner, and the conversation with a client of the practice."""

    token: str
    thread_id: str


def measure(ground: Ground, report: Report, clients: Sequence[str]) -> None:
    """On one worker, by the owners of as many practices. clients: one of each practice."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _FILES:
        report.say("idle streams", f"not measured: this machine allows {hard} open files")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, _FILES), hard))
    server = ground.serve("ours", "bench")
    try:
        owners = [ground.token(practice) for practice in range(len(clients))]
        asyncio.run(_measure(owners, clients, report, server.port, server.pids[0]))
    finally:
        server.stop()


async def _measure(owners: list[str], clients: Sequence[str], report: Report, port: int, pid: int) -> None:
    warm = await _open(port, owners, 100)
    before = memory_mb(pid)[1]
    idle = await _open(port, owners, IDLE)
    each = (memory_mb(pid)[1] - before) * 1024 / IDLE
    report.goal(f"{IDLE:,} idle streams on one worker: memory of each", each, "<=", 64, " kB")
    for stream in (*warm, *idle):
        stream.writer.close()
    practices = LISTENERS // OF_ACCOUNT
    desks = [await _open_desk(port, *pair) for pair in zip(owners[:practices], clients[:practices], strict=True)]
    listening = await _open(port, owners[:practices], LISTENERS)
    delays = sorted([delay for n in range(ROUNDS) for delay in await _round(port, desks, listening, n)])
    p50, p99 = (delays[int(len(delays) * part)] * 1000 for part in (0.5, 0.99))
    report.say(f"from a message's request to {LISTENERS} streams: p50", f"{p50:.1f} ms")
    report.goal(f"from a message's request to {LISTENERS} streams: p99", p99, "<=", 250, " ms")


async def _round(port: int, desks: Sequence[Desk], listening: list[Stream], n: int) -> list[float]:
    """A message in each of the practices that somebody listens to, all at once."""
    hearing = [asyncio.create_task(stream.told("message.sent")) for stream in listening]
    begun = time.perf_counter()
    messages = (
        _send(port, f"POST /v1/threads/{desk.thread_id}/messages", desk.token, {"body": f"Message {n}"})
        for desk in desks
    )
    await asyncio.gather(*messages)
    return [heard - begun for heard in await asyncio.gather(*hearing)]


async def _open_desk(port: int, token: str, client_id: str) -> Desk:
    await _send(port, "PATCH /v1/practice/features", token, {"secure_messaging": True})
    said = {"client_id": client_id, "subject": "Bench", "body": "Welcome", "audience": "administrative"}
    thread = await _send(port, "POST /v1/threads", token, said)
    return Desk(token, thread["id"])


async def _open(port: int, owners: list[str], number: int) -> list[Stream]:
    streams: list[Stream] = []
    for start in range(0, number, 50):
        opening = (_stream(port, owners[n % len(owners)]) for n in range(start, min(start + 50, number)))
        streams += await asyncio.gather(*opening)
    return streams


async def _stream(port: int, token: str) -> Stream:
    reader, writer = await _ask(port, "GET /v1/stream", token, b"")
    begun = await reader.readuntil(b": connected")
    assert begun.startswith(b"HTTP/1.1 200"), begun
    return Stream(reader, writer)


async def _send(port: int, what: str, token: str, content: dict[str, object]) -> dict[str, Any]:
    reader, writer = await _ask(port, what, token, orjson.dumps(content))
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    body = await reader.readexactly(int(length[1]) if length else 0)
    assert head.startswith(b"HTTP/1.1 20"), body
    writer.close()
    answer: dict[str, Any] = orjson.loads(body)
    return answer


async def _ask(port: int, what: str, token: str, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"{what} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    return reader, writer
