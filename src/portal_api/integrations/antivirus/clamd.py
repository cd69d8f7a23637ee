"""ClamAV's daemon, asked with INSTREAM (clamd(8)): the content goes over the socket, clamd reads no file of ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from portal_api.integrations.antivirus.scanning import ScannerUnavailable

PATIENCE = 120.0
"""Seconds for a verdict."""
CHUNK = 256 * 1024
LONGEST_REPLY = 4096


class Clamd:
    """By a path of its socket, or by host and port."""

    def __init__(self, *, path: str = "", host: str = "", port: int = 0) -> None:
        self._path, self._host, self._port = path, host, port

    async def scan(self, content: AsyncIterator[bytes]) -> str | None:
        async with self._asked(b"zINSTREAM\0") as (reader, writer):
            # Over its StreamMaxLength clamd closes the connection: then its reply says why, if it still comes.
            with suppress(ConnectionError):
                async for piece in content:
                    for start in range(0, len(piece), CHUNK):
                        chunk = piece[start : start + CHUNK]
                        writer.write(len(chunk).to_bytes(4) + chunk)
                        await writer.drain()
                writer.write(bytes(4))
                await writer.drain()
            reply = await self._reply(reader)
        if reply == "stream: OK":
            return None
        if reply.startswith("stream: ") and reply.endswith(" FOUND"):
            return reply.removeprefix("stream: ").removesuffix(" FOUND")[:200]
        raise ScannerUnavailable("clamd gave no verdict")

    async def check(self) -> None:
        async with self._asked(b"zPING\0") as (reader, _):
            if await self._reply(reader) != "PONG":
                raise ScannerUnavailable("clamd does not answer")

    @asynccontextmanager
    async def _asked(self, command: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await self._connect()
                try:
                    writer.write(command)
                    yield reader, writer
                finally:
                    writer.close()
        except (TimeoutError, OSError) as error:
            raise ScannerUnavailable(type(error).__name__) from error

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._path:
            return await asyncio.open_unix_connection(self._path, limit=LONGEST_REPLY)
        return await asyncio.open_connection(self._host, self._port, limit=LONGEST_REPLY)

    @staticmethod
    async def _reply(reader: asyncio.StreamReader) -> str:
        try:
            reply = await reader.readuntil(b"\0")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise ScannerUnavailable("clamd broke off") from None
        return reply.rstrip(b"\0").decode("utf-8", "replace")
