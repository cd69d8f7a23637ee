"""Answers that do not end: server-sent events (WHATWG HTML, section 9.2)."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from fastapi.sse import format_sse_event
from starlette.types import Message, Receive, Send

from portal_api.web.replies import Answer

EVENT_STREAM = "text/event-stream"
PATIENCE = 30.0
"""Seconds that a reader may take for one message before it is given up."""
RETRY_MS = (1000, 4000)
"""When a reader comes back: not all at the same moment, after a restart."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Told(Protocol):
    """One message. Without `data` nothing is told: it is a sign of life, and maybe a new place."""

    @property
    def event(self) -> str | None: ...

    @property
    def data(self) -> bytes | None: ...

    @property
    def place(self) -> str: ...


class Feed(Protocol):
    """Messages until there are no more. The answer begins with the first of them."""

    def begin(self) -> None: ...

    async def next(self) -> Told | None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class LiveAnswer(Answer):
    """Sends what a feed says, when it says it, until one of the two goes away. It holds no database connection."""

    feed: Feed | None = None

    @classmethod
    def of(cls, feed: Feed) -> "LiveAnswer":
        return cls(200, b"", dict(_HEADERS), EVENT_STREAM, feed)

    def head(self) -> Answer:
        """What is answered to who wants no body, and so no events."""
        return Answer(self.status, b"", self.headers | {"Content-Type": EVENT_STREAM})

    async def send(self, receive: Receive, send: Send) -> None:
        assert self.feed is not None  # noqa: S101 - made with one
        feed = self.feed
        feed.begin()
        leaving = None
        try:
            told = await feed.next()
            headers = [(b"content-type", EVENT_STREAM.encode())]
            headers += [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
            await send({"type": "http.response.start", "status": self.status, "headers": headers})
            leaving = asyncio.create_task(_left(receive, feed))
            retry: int | None = random.randint(*RETRY_MS)  # noqa: S311 - no secret
            while told is not None:
                async with asyncio.timeout(PATIENCE):
                    await send({"type": "http.response.body", "body": _written(told, retry), "more_body": True})
                told, retry = await feed.next(), None
            await send({"type": "http.response.body", "body": b""})
        finally:
            feed.close()
            if leaving is not None:
                leaving.cancel()
                with suppress(asyncio.CancelledError):
                    await leaving


async def _left(receive: Receive, feed: Feed) -> None:
    """Close the feed when its reader goes away."""
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()
    feed.close()


def _written(told: Told, retry: int | None) -> bytes:
    """A block of the stream; one without data moves the reader's place without telling it anything."""
    data = told.data.decode() if told.data is not None else None
    comment = None if data is not None else "heartbeat" if retry is None else "connected"
    return format_sse_event(event=told.event, data_str=data, id=told.place or None, retry=retry, comment=comment)
