"""How a handler's result becomes bytes."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel
from starlette.types import Receive, Send

from portal_api.core.errors import RangeNotSatisfiable

JSON = "application/json"
BODILESS = {204, 304}
_OPTIONS = orjson.OPT_UTC_Z


_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Stream:
    """Content that is read while it is sent: `read(start, stop)` gives the bytes of [start, stop).

    size: None where it is not known before; then it is read from the start to the end.
    """

    read: Callable[[int, int], AsyncIterator[bytes]]
    size: int | None


@dataclass(slots=True)
class Reply:
    """A result that needs more than a body: headers, cookies (one a line of Set-Cookie), another media type.

    tagged: the body is what its ETag is made of, as it has no version or shows more than its version counts; a version
    stands before it, for If-Match.
    """

    content: Any
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = JSON
    status: int | None = None
    tagged: bool = False


@dataclass(slots=True)
class Answer:
    """What goes over the wire, and what an idempotency record keeps."""

    status: int
    body: bytes
    headers: dict[str, str]
    media_type: str = JSON

    async def send(self, receive: Receive, send: Send) -> None:
        headers = _encoded(self.headers)
        if self.status not in BODILESS:
            headers.append((b"content-length", b"%d" % len(self.body)))
        if self.body:
            headers.append((b"content-type", self.media_type.encode("latin-1")))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(slots=True)
class StreamedAnswer(Answer):
    """An answer that begins when the first of its content has been read; so what cannot be read is a problem."""

    stream: Stream | None = None
    start: int = 0
    stop: int = 0

    def cut(self, wanted: str | None, if_range: str | None) -> None:
        """Answer with the one range that is asked for (RFC 9110 section 14). Raises RangeNotSatisfiable.

        Several ranges, another unit, or a copy that is no longer the same: the whole.
        """
        found = _RANGE.fullmatch(wanted or "")
        size = self.stream.size if self.stream else None
        if size is None or found is None or not any(found.groups()):
            return
        if if_range is not None and if_range != self.headers.get("ETag"):
            return
        first, last = found.groups()
        start = int(first) if first else max(0, size - int(last))
        stop = min(size, int(last) + 1) if first and last else size
        if start >= stop:
            error = RangeNotSatisfiable(f"It has {size} bytes.")
            error.headers["Content-Range"] = f"bytes */{size}"
            raise error
        self.status, self.start, self.stop = 206, start, stop
        self.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"

    async def send(self, receive: Receive, send: Send) -> None:
        assert self.stream is not None  # noqa: S101 - made with one
        pieces = aiter(self.stream.read(self.start, self.stop))
        piece = await anext(pieces, b"")
        headers = [*_encoded(self.headers), (b"content-type", self.media_type.encode("latin-1"))]
        if self.stream.size is not None:
            headers += [(b"content-length", b"%d" % (self.stop - self.start)), (b"accept-ranges", b"bytes")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        while piece:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await anext(pieces, b"")
        await send({"type": "http.response.body", "body": b""})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode("latin-1"), line.encode("latin-1"))
        for name, value in headers.items()
        for line in value.splitlines()
    ]


def encode(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, BaseModel):
        return content.model_dump_json().encode()
    return orjson.dumps(content, default=_plain, option=_OPTIONS)


def answer(result: Any, status: int, *, none_match: str | None = None) -> Answer:
    """The answer to a result, if it is none yet. A resource with a version gets it as ETag (RFC 9110 section 8.8.3)."""
    if isinstance(result, Answer):
        return result
    if result is None:
        return Answer(204 if status == 200 else status, b"", {})
    reply = result if isinstance(result, Reply) else Reply(result)
    headers = dict(reply.headers)
    if isinstance(reply.content, Stream):
        stream = reply.content
        return StreamedAnswer(reply.status or status, b"", headers, reply.media_type, stream, 0, stream.size or 0)
    body = encode(reply.content) if reply.content is not None else b""
    if tag := _tag(reply, body):
        headers["ETag"] = tag
        # The header names the reader's copy, or takes any (RFC 9110 section 13.1.2).
        if none_match is not None and (tag in none_match or none_match.strip() == "*"):
            return Answer(304, b"", headers)
    return Answer(reply.status or status, body, headers, reply.media_type)


def _tag(reply: Reply, body: bytes) -> str | None:
    """The copy's ETag: its version, a digest of what is shown, or both."""
    version = reply.content.get("version") if isinstance(reply.content, dict) else None
    parts = [] if version is None else [f"v{version}"]
    if reply.tagged:
        parts.append(hashlib.sha256(body).hexdigest()[:32])
    return f'"{".".join(parts)}"' if parts else None


def _plain(value: object) -> Any:
    if isinstance(value, UUID):  # the driver's own class, which orjson does not know
        return str(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value)
