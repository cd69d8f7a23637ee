"""A fixed number of connections, handed out first come, first served."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import asyncpg

from portal_api.core.errors import Unavailable


class Connections:
    """Connections that keep nothing of a caller: users set only what ends with its statement or transaction.

    So a release has nothing to reset, and acquiring costs next to nothing. Who gives one back hands it to the
    caller that waits longest. A connection on which something was given up half-way is closed; the next caller
    opens another.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], *, size: int, timeout: float) -> None:
        """timeout: seconds that a caller waits for its turn."""
        self._connect = connect
        self._timeout = timeout
        self._idle: list[asyncpg.Connection] = []
        self._unopened = size
        self._waiting: deque[_Turn] = deque()

    async def open(self) -> None:
        """Open the first connection, to fail at the start if there is a reason to."""
        self.give_back(await self.take())

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    def one(self) -> "Lease":
        """A connection for the time of a block: `async with`. Raises Unavailable when all stay busy."""
        return Lease(self)

    async def take(self) -> asyncpg.Connection:
        """A connection, to be given back. Raises Unavailable when all stay busy."""
        if self._idle:
            connection = self._idle.pop()
        elif self._unopened:
            self._unopened -= 1
            connection = None
        else:
            connection = await self._turn()
        if connection is not None and not connection.is_closed():
            return connection
        try:
            return await self._connect()
        except BaseException:
            self._hand_on(None)
            raise

    def give_back(self, connection: asyncpg.Connection, *, after: type[BaseException] | None = None) -> None:
        """after: what ended its use, if something was raised."""
        if after is not None and not issubclass(after, Exception):
            # Cancelled: what was asked may still be under way on the wire.
            connection.terminate()
        self._hand_on(None if connection.is_closed() else connection)

    def _hand_on(self, connection: asyncpg.Connection | None) -> None:
        """To whoever waits longest, or to the idle ones. None: the right to open one."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._unopened += 1
        else:
            self._idle.append(connection)

    async def _turn(self) -> asyncpg.Connection | None:
        loop = asyncio.get_running_loop()
        turn: _Turn = loop.create_future()
        self._waiting.append(turn)
        limit = loop.call_later(self._timeout, _give_up, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._hand_on(turn.result())  # it came, but its caller has gone
            raise
        finally:
            limit.cancel()


_Turn = asyncio.Future[asyncpg.Connection | None]


def _give_up(turn: _Turn) -> None:
    if not turn.done():
        turn.set_exception(Unavailable("Every database connection is busy."))


class Lease:
    """A class, because a generator would cost each read a good part of its own price."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await self._connections.take()
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connections.give_back(self._connection, after=kind)
