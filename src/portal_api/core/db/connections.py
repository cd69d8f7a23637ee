"""A fixed number of connections, handed out first come, first served."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from portal_api.core.errors import Unavailable


class Connections:
    """Connections that keep nothing of a caller: users set only what ends with its statement or transaction.

    So a release has nothing to reset, and acquiring costs next to nothing. A connection on which something
    was given up half-way is closed; the next caller opens another.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], *, size: int, timeout: float) -> None:
        self._connect = connect
        self._timeout = timeout
        self._idle: list[asyncpg.Connection] = []
        self._gate = asyncio.Semaphore(size)

    async def open(self) -> None:
        """Open the first connection, to fail at the start if there is a reason to."""
        self._idle.append(await self._connect())

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    def one(self) -> "_Lease":
        """A connection for the time of a block: `async with`. Raises Unavailable when all stay busy."""
        return _Lease(self)

    async def take(self) -> asyncpg.Connection:
        await self._turn()
        try:
            connection = self._idle.pop() if self._idle else await self._connect()
            return await self._connect() if connection.is_closed() else connection
        except BaseException:
            self._gate.release()
            raise

    def give_back(self, connection: asyncpg.Connection) -> None:
        if not connection.is_closed():
            self._idle.append(connection)
        self._gate.release()

    async def _turn(self) -> None:
        if not self._gate.locked():
            await self._gate.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._gate.acquire()
        except TimeoutError:
            raise Unavailable("Every database connection is busy.") from None


class _Lease:
    """A class, because a generator would cost each read a good part of its own price."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await self._connections.take()
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, Exception):
            # Cancelled: what was asked may still be under way on the wire.
            self._connection.terminate()
        self._connections.give_back(self._connection)
