"""Turns: callers with the same key work one after the other, and hold nothing while they wait."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Impatient(Exception):
    """The turn did not come in time."""


class Turns:
    """Turns within this process; between processes the database decides.

    Fifty retries of one request then cost one database connection, not fifty.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, key: Hashable, *, patience: float) -> AsyncIterator[None]:
        """Wait for one's turn, first come first served. Raises Impatient after `patience` seconds."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout(patience):
                await lock.acquire()
        except TimeoutError:
            raise Impatient from None
        try:
            yield
        finally:
            lock.release()
