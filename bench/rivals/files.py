"""The limit for files: a bare ASGI application that writes what comes, durably, and reads a file to whoever asks.

It seals nothing, hashes nothing, looks into nothing, knows nobody, and takes the form with its boundaries as it is.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from itertools import count
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
BLOCK = 1024 * 1024
HOME = Path(os.environ.get("PORTAL_DATA_DIR", "/nowhere")) / "bare"
_numbers = count()


async def app(scope: Scope, receive: Callable[[], Awaitable[Scope]], send: Callable[[Scope], Awaitable[None]]) -> None:
    """POST anything: 201. GET: the file `given`."""
    if scope["type"] == "lifespan":
        await receive()
        HOME.mkdir(parents=True, exist_ok=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await (_write(receive, send) if scope["method"] == "POST" else _read(send))


async def _write(receive: Callable[[], Awaitable[Scope]], send: Callable[[Scope], Awaitable[None]]) -> None:
    file = os.open(HOME / f"{os.getpid()}-{next(_numbers)}", os.O_WRONLY | os.O_CREAT, 0o600)
    more = True
    while more:
        message = await receive()
        os.write(file, message.get("body", b""))
        more = message.get("more_body", False)
    await asyncio.to_thread(os.fsync, file)
    os.close(file)
    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def _read(send: Callable[[Scope], Awaitable[None]]) -> None:
    file = os.open(HOME / "given", os.O_RDONLY)
    size, start = os.fstat(file).st_size, 0
    headers = [(b"content-length", b"%d" % size), (b"content-type", b"application/pdf")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while start < size:
        block = os.pread(file, BLOCK, start)
        start += len(block)
        await send({"type": "http.response.body", "body": block, "more_body": start < size})
    os.close(file)
