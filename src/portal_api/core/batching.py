"""Group commit: callers wait, together, for one write."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Collects what is submitted while a write is under way, and writes it all with the next one.

    `submit` returns when its items are durable, or raises what the write raised. One caller alone pays one
    write; many share it. When a shared write fails, each submission is written alone: none fails for another.
    """

    def __init__(self, write: Callable[[list[T]], Awaitable[None]], *, most: int = 500) -> None:
        """most: submissions in one write."""
        self._write = write
        self._most = most
        self._waiting: list[tuple[Sequence[T], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, items: Sequence[T]) -> None:
        """Wait until the items are written. They are written too when the caller is cancelled meanwhile."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        try:
            # Nothing is awaited between the last look at the waiting and the task's end: no submission is missed.
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._write_batch(batch)
        finally:
            self._task = None
            # Left over only when the task was cancelled: who waits for it must not wait for ever.
            _settle(self._waiting, asyncio.CancelledError())
            self._waiting = []

    async def _write_batch(self, batch: "list[tuple[Sequence[T], asyncio.Future[None]]]") -> None:
        try:
            await self._write([item for items, _ in batch for item in items])
        except Exception as error:
            if len(batch) == 1:
                _settle(batch, error)
                return
            try:
                for submission in batch:
                    await self._write_batch([submission])
            finally:
                _settle(batch, asyncio.CancelledError())
        except BaseException as error:
            _settle(batch, error)
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
