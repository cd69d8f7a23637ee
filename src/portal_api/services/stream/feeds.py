"""One listener: what waits to be sent to them, and no more than they can take."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Snapshot
from portal_api.core.sealing import Vault
from portal_api.services.stream.audiences import told
from portal_api.services.stream.log import Happening
from portal_api.services.stream.places import Place, write_place
from portal_api.services.stream.subjects import Subjects
from portal_api.services.stream.viewers import Viewer

MOST_WAITING = 256
"""Messages that a slow reader may fall behind by."""
RESET = "reset"


class Message(NamedTuple):
    """Something to send. `place`: where the reader stands once it has read this. Without `data` nothing is told."""

    event: str | None
    data: bytes | None
    place: str


class Feed:
    """The messages of one connection, from the time that the hub has looked its caller up.

    It holds ids and kinds only, no database connection, and at most MOST_WAITING messages: who reads more slowly is
    told to fetch anew, and let go.
    """

    __slots__ = (
        "_ended", "_failure", "_practice_id", "_vault", "_waiting", "_wake", "account_id", "ahead", "follow", "kind",
        "resume", "session_id", "viewer",
    )  # fmt: skip

    def __init__(self, vault: Vault, principal: Principal, resume: Place | bool, *, follow: bool) -> None:
        """resume: where the reader stood; True, from now on; False, somewhere that is not known any more."""
        self._vault = vault
        self._practice_id = principal.practice_id
        assert principal.session_id and principal.account_id  # noqa: S101 - nobody else is let in
        self.session_id: UUID = principal.session_id
        self.account_id: UUID = principal.account_id
        self.kind: ActorKind = principal.kind
        self.resume = resume
        self.follow = follow
        self.viewer: Viewer | None = None
        self.ahead: Snapshot | None = None
        """What it has seen already, as long as its practice's turn may bring it again."""
        self._waiting: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._ended = False
        self._failure: Exception | None = None

    @property
    def is_open(self) -> bool:
        return not self._ended

    async def next(self) -> Message | None:
        """The next message; None after the last. Raises what kept the hub from looking."""
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    def tell(self, events: Iterable[Happening], subjects: Subjects, before: Snapshot, after: Snapshot) -> None:
        """Offer what the caller may see of it. A reader that is cut off in the midst of it gets all of it again."""
        told = [(event.type, data) for event in events if (data := self._data(event, subjects)) is not None]
        if not told:
            return
        start = self.place(before)
        for type, data in told[:-1]:
            self.put(Message(type, data, start))
        self.put(Message(*told[-1], self.place(after)))

    def put(self, message: Message) -> None:
        if self._ended:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.clear()
            self._waiting.append(_reset("too_slow", message.place))
            self.end()
            return
        self._waiting.append(message)
        self._wake.set()

    def reset(self, why: str, seen: Snapshot) -> None:
        """Have the reader fetch anew whatever it shows."""
        self.put(_reset(why, self.place(seen)))

    def beat(self, seen: Snapshot | None) -> None:
        """A sign of life, with the newest place, for a reader to whom nothing else is to be said."""
        if not self._waiting:
            self.put(Message(None, None, self.place(seen) if seen and self.ahead is None else ""))

    def place(self, seen: Snapshot) -> str:
        """Where a reader stands who has been told of all that the snapshot sees."""
        mark = self.viewer.mark if self.viewer else ""
        return write_place(self._vault, self._practice_id, Place(seen, mark))

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._wake.set()

    def fail(self, error: Exception) -> None:
        self._failure = error
        self.end()

    def _data(self, event: Happening, subjects: Subjects) -> bytes | None:
        if self.viewer is None or (self.ahead is not None and self.ahead.sees(event.xact)):
            return None
        clients = told(self.viewer, event, subjects)
        return None if clients is None else _data(event, clients)


def _data(event: Happening, clients: frozenset[UUID]) -> bytes:
    client_id = str(next(iter(clients))) if len(clients) == 1 else None
    resource_id = str(event.resource_id) if event.resource_id else None
    told: dict[str, Any] = {
        "id": str(event.id),
        "type": event.type,
        "resource_type": event.resource_type,
        "resource_id": resource_id,
        "client_id": client_id,
    }
    return orjson.dumps(told)


def _reset(why: str, place: str) -> Message:
    return Message(RESET, orjson.dumps({"type": RESET, "reason": why}), place)
