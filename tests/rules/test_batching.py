"""Group commit: no submission is missed, lost or written twice, and a failure stays with whom it belongs to."""

import asyncio

from portal_api.core.batching import GroupCommit
from tests.patience import PATIENCE


class Ledger:
    """Stands for the database: a write takes as long as the test says."""

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.begun = asyncio.Event()
        self.open = asyncio.Event()

    async def write(self, items: list[str]) -> None:
        self.begun.set()
        await self.open.wait()
        if "poison" in items:
            raise ValueError("refused")
        self.writes.append(items)

    @property
    def written(self) -> list[str]:
        return sorted(item for items in self.writes for item in items)


async def settle(*tasks: "asyncio.Task[None]") -> list[object]:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def begin(group: GroupCommit[str], *items: str) -> "asyncio.Task[None]":
    task = asyncio.create_task(group.submit(items))
    await asyncio.sleep(0)
    return task


async def test_who_comes_during_a_write_shares_the_next_one() -> None:
    ledger = Ledger()
    group = GroupCommit(ledger.write)
    first = await begin(group, "a")
    await ledger.begun.wait()
    rest = [await begin(group, item) for item in "bcd"]
    ledger.open.set()
    assert await settle(first, *rest) == [None] * 4
    assert ledger.writes == [["a"], ["b", "c", "d"]]


async def test_no_wake_up_is_lost_however_submissions_fall() -> None:
    ledger = Ledger()
    ledger.open.set()
    group = GroupCommit(ledger.write, most=3)

    async def submit(number: int) -> None:
        for _ in range(number % 7):
            await asyncio.sleep(0)
        await group.submit([f"{number:03}"])

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(submit(number) for number in range(300)))
    assert ledger.written == [f"{number:03}" for number in range(300)]


async def test_it_starts_again_after_it_ran_dry() -> None:
    ledger = Ledger()
    ledger.open.set()
    group = GroupCommit(ledger.write)
    for item in "ab":
        assert await settle(await begin(group, item)) == [None]
    assert ledger.writes == [["a"], ["b"]]


async def test_a_write_holds_at_most_so_many_submissions() -> None:
    ledger = Ledger()
    group = GroupCommit(ledger.write, most=2)
    tasks = [await begin(group, item) for item in "abcde"]
    ledger.open.set()
    await settle(*tasks)
    assert ledger.written == list("abcde")
    assert max(map(len, ledger.writes)) == 2


async def test_a_cancelled_caller_leaves_its_items_to_be_written_and_the_others_waiting() -> None:
    ledger = Ledger()
    group = GroupCommit(ledger.write)
    gone, stays = await begin(group, "gone"), await begin(group, "stays")
    await ledger.begun.wait()
    gone.cancel()
    ledger.open.set()
    results = await settle(gone, stays)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1] is None
    assert ledger.written == ["gone", "stays"]


async def test_a_failed_write_fails_for_its_cause_alone() -> None:
    ledger = Ledger()
    group = GroupCommit(ledger.write)
    first = await begin(group, "a")
    await ledger.begun.wait()
    shared = [await begin(group, item) for item in ("b", "poison", "c")]
    ledger.open.set()
    results = await settle(first, *shared)
    assert [type(result) for result in results] == [type(None), type(None), ValueError, type(None)]
    assert await settle(await begin(group, "d")) == [None]
    assert ledger.written == ["a", "b", "c", "d"]


async def test_cancelled_while_writing_one_by_one_nobody_waits_for_ever() -> None:
    alone = asyncio.Event()

    async def write(items: list[str]) -> None:
        if len(items) > 1:
            raise ValueError("refused")
        alone.set()
        await asyncio.Event().wait()

    group = GroupCommit(write)
    tasks = [await begin(group, "a", "b"), await begin(group, "c"), await begin(group, "d")]
    await alone.wait()
    writer = group._task
    assert writer is not None
    writer.cancel()
    results = await settle(*tasks)
    assert [type(result) for result in results] == [ValueError, asyncio.CancelledError, asyncio.CancelledError]


async def test_when_the_writer_itself_is_cancelled_nobody_waits_for_ever() -> None:
    ledger = Ledger()
    group = GroupCommit(ledger.write)
    first = await begin(group, "a")
    await ledger.begun.wait()
    second = await begin(group, "b")
    writer = group._task
    assert writer is not None
    writer.cancel()
    results = await settle(first, second)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    ledger.open.set()
    assert await settle(await begin(group, "c")) == [None]
