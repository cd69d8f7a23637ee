"""A web server on loopback that is somebody else's: it answers as it is told and notes what it is asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Outside:
    """`chunks` come after the head, one after the other; `stall`: then nothing more, and no end."""

    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    stall: bool = False
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, content: bytes | str = b"", status: str = "200 OK", **headers: str) -> None:
        self.chunks = [content.encode() if isinstance(content, str) else content]
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            first = await reader.read(1)
            if first == b"\x16":  # a TLS handshake, which this is no server for
                writer.close()
                return
            head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = (line.split(": ", 1) for line in head[1:] if line)
            self.asked.append((head[0], {name.lower(): value for name, value in pairs}))
            if "304" in self.status:
                self.chunks = []
            lines = [f"HTTP/1.1 {self.status}", *(f"{n}: {v}" for n, v in self.headers.items()), "Connection: close"]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            for chunk in self.chunks:
                writer.write(chunk)
                await writer.drain()
            if self.stall:
                await reader.read()
        writer.close()


@asynccontextmanager
async def outside(tls: ssl.SSLContext | None = None) -> AsyncIterator[Outside]:
    server = Outside()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
