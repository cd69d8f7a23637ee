"""Deferring: with the caller's transaction or not at all, once a key, ids only."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from portal_api.core.jobs import Queue
from tests.jobs.conftest import Bench, World, working

COUNT = "SELECT count(*) FROM procrastinate_jobs"


async def count(bench: Bench) -> int:
    return int((await bench.rows(COUNT))[0][0])


async def test_rolled_back_transaction_leaves_no_job(bench: Bench, queue: Queue[World], practice: UUID) -> None:
    """R04: the deferral is the first statement of its session, where a raw driver call would escape."""
    async with bench.sessions() as session:
        await queue.defer(session, "note", practice, number=1)
        await session.rollback()
    assert await count(bench) == 0


async def test_committed_transaction_leaves_one_job_with_ids_only(
    bench: Bench, queue: Queue[World], practice: UUID
) -> None:
    """R04."""
    async with bench.sessions.begin() as session:
        await queue.defer(session, "note", practice, number=1)
    rows = await bench.rows("SELECT task_name, args FROM procrastinate_jobs")
    assert rows == [("note", {"practice_id": str(practice), "number": 1})]


async def test_committed_job_runs_and_leaves_no_row(bench: Bench, queue: Queue[World], practice: UUID) -> None:
    world = World()
    async with bench.sessions.begin() as session:
        await queue.defer(session, "note", practice, number=7)
    await bench.drain(queue, world)
    assert world.ran == [(practice, 7)]
    assert await count(bench) == 0


async def test_job_for_later_waits(bench: Bench, queue: Queue[World], practice: UUID) -> None:
    world = World()
    async with bench.sessions.begin() as session:
        await queue.defer(session, "note", practice, number=1, at=datetime.now(UTC) + timedelta(hours=1))
        await queue.defer(session, "note", practice, number=2, at=datetime.now(UTC) - timedelta(hours=1))
    await bench.drain(queue, world)
    assert world.ran == [(practice, 2)]


async def test_waiting_key_is_not_deferred_twice(bench: Bench, queue: Queue[World], practice: UUID) -> None:
    async with bench.sessions.begin() as session:
        await queue.defer(session, "note", practice, key="digest", number=1)
        await queue.defer(session, "note", practice, key="digest", number=2)
        await queue.defer(session, "note", practice, number=3)
        await queue.defer(session, "note", uuid4(), key="digest", number=4)
    assert await count(bench) == 3


async def test_same_key_at_the_same_time_aborts_nobody(bench: Bench, queue: Queue[World], practice: UUID) -> None:
    """The second waits for the first, finds its job, and its own transaction goes on."""
    async with bench.sessions() as first, bench.sessions() as second:
        await queue.defer(first, "note", practice, key="digest", number=1)
        blocked = asyncio.ensure_future(queue.defer(second, "note", practice, key="digest", number=2))
        while not await bench.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert not blocked.done()
        await first.commit()
        await blocked
        await queue.defer(second, "note", practice, number=3)
        await second.commit()
    assert sorted(await bench.rows("SELECT (args ->> 'number')::int FROM procrastinate_jobs")) == [(1,), (3,)]


async def test_same_key_is_deferred_when_the_first_rolls_back(
    bench: Bench, queue: Queue[World], practice: UUID
) -> None:
    async with bench.sessions() as first, bench.sessions() as second:
        await queue.defer(first, "note", practice, key="digest", number=1)
        blocked = asyncio.ensure_future(queue.defer(second, "note", practice, key="digest", number=2))
        while not await bench.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert not blocked.done()
        await first.rollback()
        await blocked
        await second.commit()
    assert await bench.rows("SELECT (args ->> 'number')::int FROM procrastinate_jobs") == [(2,)]


async def test_waiting_job_does_not_start_before_who_relies_on_it_has_committed(
    bench: Bench, queue: Queue[World], practice: UUID, world: World
) -> None:
    """Else it would read what it works on too early, and the later change would never be worked on."""
    async with bench.sessions.begin() as session:
        await queue.defer(session, "note", practice, key="digest", number=1)
    async with bench.sessions() as relying:
        await queue.defer(relying, "note", practice, key="digest", number=2)
        async with working(bench, queue, world):
            async with bench.sessions.begin() as other:
                await queue.defer(other, "note", uuid4(), number=3)
            await world.event.wait()
            assert [number for _, number in world.ran] == [3]
            world.event.clear()
            await relying.commit()
            await world.event.wait()
    assert [number for _, number in world.ran] == [3, 1]


@pytest.mark.parametrize("word", ["jane@example.test", "Jane Doe", "x" * 129, ""])
async def test_payload_refuses_what_is_no_id(bench: Bench, queue: Queue[World], practice: UUID, word: str) -> None:
    @queue.task("tell")
    async def tell(world: World, practice_id: UUID, to: str) -> None: ...

    async with bench.sessions() as session:
        with pytest.raises(ValueError, match="no id"):
            await queue.defer(session, "tell", practice, to=word)


async def test_payload_must_be_what_the_handler_takes(bench: Bench, queue: Queue[World], practice: UUID) -> None:
    async with bench.sessions() as session:
        with pytest.raises(TypeError):
            await queue.defer(session, "note", practice, numer=1)
        with pytest.raises(TypeError):
            await queue.defer(session, "note", practice, number="1")


async def test_uuids_arrive_as_uuids(bench: Bench, queue: Queue[World], practice: UUID, world: World) -> None:
    @queue.task("look")
    async def look(world: World, practice_id: UUID, message_id: UUID, kind: str) -> None:
        world.ran.append((message_id, len(kind)))

    message_id = uuid4()
    async with bench.sessions.begin() as session:
        await queue.defer(session, "look", practice, message_id=message_id, kind="sms")
    await bench.drain(queue, world)
    assert world.ran == [(message_id, 3)]


def test_handler_that_takes_more_than_ids_is_refused(queue: Queue[World]) -> None:
    with pytest.raises(TypeError):

        @queue.task("bad")
        async def bad(world: World, practice_id: UUID, body: dict[str, str]) -> None: ...


@pytest.mark.parametrize("name", ["Note", "a" * 41, "note", "jobs.recover", ""])
def test_name_that_is_taken_or_does_not_fit_is_refused(queue: Queue[World], name: str) -> None:
    with pytest.raises(ValueError, match=r"name|twice"):

        @queue.task(name)
        async def again(world: World, practice_id: UUID) -> None: ...
