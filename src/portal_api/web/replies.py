"""How a handler's result becomes bytes."""

import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel
from starlette.types import Send

JSON = "application/json"
BODILESS = {204, 304}
_OPTIONS = orjson.OPT_UTC_Z


@dataclass(slots=True)
class Reply:
    """A result that needs more than a body: headers, cookies (one a line of Set-Cookie), another media type.

    tagged: without a version of its own, the body itself is what its ETag is made of.
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

    async def send(self, send: Send) -> None:
        headers = [
            (name.lower().encode("latin-1"), line.encode("latin-1"))
            for name, value in self.headers.items()
            for line in value.splitlines()
        ]
        if self.status not in BODILESS:
            headers.append((b"content-length", b"%d" % len(self.body)))
        if self.body:
            headers.append((b"content-type", self.media_type.encode("latin-1")))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def encode(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, BaseModel):
        return content.model_dump_json().encode()
    return orjson.dumps(content, default=_plain, option=_OPTIONS)


def answer(result: Any, status: int, *, none_match: str | None = None) -> Answer:
    """The answer to a result. A resource that carries its version gets it as ETag (RFC 9110 section 8.8.3)."""
    if result is None:
        return Answer(204 if status == 200 else status, b"", {})
    reply = result if isinstance(result, Reply) else Reply(result)
    headers = dict(reply.headers)
    if isinstance(reply.content, dict) and "version" in reply.content:
        headers["ETag"] = f'"v{reply.content["version"]}"'
        if none_match is not None and headers["ETag"] in none_match:
            return Answer(304, b"", headers)
    body = encode(reply.content) if reply.content is not None else b""
    if reply.tagged:
        headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if none_match is not None and headers["ETag"] in none_match:
            return Answer(304, b"", headers)
    return Answer(reply.status or status, body, headers, reply.media_type)


def _plain(value: object) -> Any:
    if isinstance(value, UUID):  # the driver's own class, which orjson does not know
        return str(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value)
