"""Group commit: callers wait, together, for one write."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Collects the items of a key while a write of that key is under way, and writes them all with the next one.

    `submit` returns when its items are durable, or raises what the write raised. One caller alone pays
    one write; many callers share it. Different keys never share a write: one that fails, fails for its key.
    """

    def __init__(self, write: Callable[[list[T]], Awaitable[None]], *, most: int = 500, writers: int = 4) -> None:
        """most: submissions in one write. writers: writes at the same time, all keys together."""
        self._write = write
        self._most = most
        self._turns = asyncio.Semaphore(writers)
        self._waiting: dict[Hashable, list[tuple[Sequence[T], asyncio.Future[None]]]] = {}
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    async def submit(self, items: Sequence[T], *, key: Hashable = None) -> None:
        """Wait until the items are written. They are written too when the caller is cancelled meanwhile."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append((items, done))
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._run(key))
        await asyncio.shield(done)

    async def _run(self, key: Hashable) -> None:
        try:
            # Nothing is awaited between the last look at the waiting and the task's end: no submission is missed.
            while key in self._waiting:
                async with self._turns:
                    await self._write_batch(self._take(key))
        finally:
            del self._tasks[key]
            # Left over only when the task was cancelled: who waits for it must not wait for ever.
            _settle(self._waiting.pop(key, []), asyncio.CancelledError())

    def _take(self, key: Hashable) -> "list[tuple[Sequence[T], asyncio.Future[None]]]":
        waiting = self._waiting.pop(key)
        if len(waiting) > self._most:
            self._waiting[key] = waiting[self._most :]
        return waiting[: self._most]

    async def _write_batch(self, batch: "list[tuple[Sequence[T], asyncio.Future[None]]]") -> None:
        try:
            await self._write([item for items, _ in batch for item in items])
        except BaseException as error:
            _settle(batch, error)
            if not isinstance(error, Exception):
                raise
        else:
            _settle(batch, None)


def _settle(batch: "Sequence[tuple[Sequence[T], asyncio.Future[None]]]", error: BaseException | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        elif isinstance(error, Exception):
            done.set_exception(error)
        else:
            done.cancel()
