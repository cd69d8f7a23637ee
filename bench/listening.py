"""Live updates: what an idle stream costs in memory, and how long it takes until those who listen hear of a change."""

import asyncio
import resource
import time
from dataclasses import dataclass

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


def measure(ground: Ground, report: Report, practices: int) -> None:
    """On one worker, by the owners of so many practices."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _FILES:
        report.say("idle streams", f"not measured: this machine allows {hard} open files")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, _FILES), hard))
    server = ground.serve("ours", "bench")
    try:
        owners = [ground.token(practice) for practice in range(practices)]
        asyncio.run(_measure(owners, report, server.port, server.pids[0]))
    finally:
        server.stop()


async def _measure(owners: list[str], report: Report, port: int, pid: int) -> None:
    warm = await _open(port, owners, 100)
    before = memory_mb(pid)[1]
    idle = await _open(port, owners, IDLE)
    each = (memory_mb(pid)[1] - before) * 1024 / IDLE
    report.goal(f"{IDLE:,} idle streams on one worker: memory of each", each, "<=", 64, " kB")
    for stream in (*warm, *idle):
        stream.writer.close()
    listening = await _open(port, owners[: LISTENERS // OF_ACCOUNT], LISTENERS)
    delays = sorted([delay for n in range(ROUNDS) for delay in await _round(port, owners, listening, n)])
    p50, p99 = (delays[int(len(delays) * part)] * 1000 for part in (0.5, 0.99))
    report.say(f"from a change's request to {LISTENERS} streams: p50", f"{p50:.1f} ms")
    report.goal(f"from a change's request to {LISTENERS} streams: p99", p99, "<=", 250, " ms")


async def _round(port: int, owners: list[str], listening: list[Stream], n: int) -> list[float]:
    """A change in each of the practices that somebody listens to, all at once."""
    practices = LISTENERS // OF_ACCOUNT
    hearing = [asyncio.create_task(stream.told("practice.updated")) for stream in listening]
    begun = time.perf_counter()
    await asyncio.gather(*(_change(port, owner, n) for owner in owners[:practices]))
    return [heard - begun for heard in await asyncio.gather(*hearing)]


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


async def _change(port: int, token: str, n: int) -> None:
    body = orjson.dumps({"name": f"Harbor {n}"})
    reader, writer = await _ask(port, "PATCH /v1/practice", token, body)
    answer = await reader.readline()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    writer.close()


async def _ask(port: int, what: str, token: str, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"{what} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    return reader, writer
