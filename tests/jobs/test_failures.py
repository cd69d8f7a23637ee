"""Jobs that fail: tried again, given up with a reason, put back, and in nobody's way."""

import asyncio
import logging
import sys
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from portal_api.core.jobs import Backoff, DeadLetter, JobFailed, Queue
from tests.jobs import killed_worker
from tests.jobs.conftest import Bench, World
from tests.patience import PATIENCE

WAITING = "SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"


async def dead(bench: Bench, queue: Queue[World]) -> list[DeadLetter]:
    async with bench.sessions() as session:
        return await queue.dead_letters(session)


async def drain_all(bench: Bench, queue: Queue[World], world: World) -> None:
    """Drain again until retries, which are due a moment later, have run too."""
    while await bench.rows(WAITING):
        await bench.drain(queue, world)


async def test_failing_job_is_tried_again_until_it_is_done(
    bench: Bench, queue: Queue[World], practice: UUID, world: World
) -> None:
    @queue.task("third_time")
    async def third_time(world: World, practice_id: UUID) -> None:
        world.ran.append((practice_id, len(world.ran)))
        if len(world.ran) < 3:
            raise RuntimeError

    async with bench.sessions.begin() as session:
        await queue.defer(session, "third_time", practice)
    await drain_all(bench, queue, world)
    assert len(world.ran) == 3
    assert await bench.rows("SELECT 1 FROM procrastinate_jobs") == []


async def test_dead_letter_names_the_error_and_quotes_nothing_of_it(
    bench: Bench, queue: Queue[World], practice: UUID, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """R06: attempts are capped, the reason is kept; neither it nor any log line holds personal data."""

    @queue.task("leak", max_attempts=2)
    async def leak(world: World, practice_id: UUID) -> None:
        raise ValueError("no such client: Jane Canary")

    caplog.set_level(logging.DEBUG)
    async with bench.sessions.begin() as session:
        await queue.defer(session, "leak", practice)
    await drain_all(bench, queue, world)
    [letter] = await dead(bench, queue)
    assert (letter.task, letter.practice_id, letter.attempts) == ("leak", practice, 2)
    assert letter.reason.startswith("ValueError at tests.jobs.test_failures:")
    assert letter.failed_at is not None
    assert "Canary" not in caplog.text


async def test_job_says_why_and_that_trying_again_is_useless(
    bench: Bench, queue: Queue[World], practice: UUID, world: World
) -> None:
    @queue.task("bounce")
    async def bounce(world: World, practice_id: UUID) -> None:
        raise JobFailed("550 5.1.1", permanent=True)

    async with bench.sessions.begin() as session:
        await queue.defer(session, "bounce", practice)
    await bench.drain(queue, world)
    [letter] = await dead(bench, queue)
    assert (letter.reason, letter.attempts) == ("JobFailed: 550 5.1.1", 1)


async def test_job_says_when_to_try_again(bench: Bench, queue: Queue[World], practice: UUID, world: World) -> None:
    @queue.task("later")
    async def later(world: World, practice_id: UUID) -> None:
        raise JobFailed("receiver asks for patience", retry_in=timedelta(hours=5))

    async with bench.sessions.begin() as session:
        await queue.defer(session, "later", practice)
    await bench.drain(queue, world)
    [(wait, attempts)] = await bench.rows("SELECT scheduled_at - now(), attempts FROM procrastinate_jobs")
    assert timedelta(hours=4, minutes=59) < wait <= timedelta(hours=5)
    assert attempts == 1


async def test_dead_letters_are_put_back_with_all_their_attempts(
    bench: Bench, queue: Queue[World], practice: UUID, world: World
) -> None:
    @queue.task("broken", max_attempts=1)
    async def broken(world: World, practice_id: UUID, number: int) -> None:
        if not world.event.is_set():
            raise RuntimeError
        world.ran.append((practice_id, number))

    async with bench.sessions.begin() as session:
        for number in range(3):
            await queue.defer(session, "broken", practice, number=number, key=str(number))
        await queue.defer(session, "broken", uuid4(), number=9)
    await bench.drain(queue, world)
    async with bench.sessions() as session:
        mine = await queue.dead_letters(session, practice_id=practice)
        rest = await queue.dead_letters(session, after=mine[0].id, limit=2)
        assert [len(mine), len(rest), await queue.count_dead(session)] == [3, 2, 4]
    world.event.set()
    async with bench.sessions.begin() as session:
        await queue.defer(session, "broken", practice, number=1, key="1")  # its key is taken meanwhile
        assert await queue.redrive(session, [mine[0].id, mine[1].id]) == 2
        assert await queue.redrive(session, [mine[0].id]) == 0
    await bench.drain(queue, world)
    assert sorted(number for _, number in world.ran) == [0, 1, 1]
    async with bench.sessions.begin() as session:
        assert await queue.redrive(session) == 2
    await bench.drain(queue, world)
    assert await bench.rows("SELECT 1 FROM procrastinate_jobs") == []


async def test_poison_among_many_stops_nobody(bench: Bench, queue: Queue[World], practice: UUID, world: World) -> None:
    """R06: one job raises and one hangs; all others are done, both end dead with a reason."""

    @queue.task("poison", max_attempts=2)
    async def poison(world: World, practice_id: UUID) -> None:
        raise RuntimeError

    @queue.task("hang", max_attempts=2, timeout=0.05)
    async def hang(world: World, practice_id: UUID) -> None:
        await asyncio.Event().wait()

    async with bench.sessions.begin() as session:
        await queue.defer(session, "poison", practice)
        await queue.defer(session, "hang", practice)
        for number in range(100):
            await queue.defer(session, "note", practice, number=number)
    await drain_all(bench, queue, world)
    assert sorted(number for _, number in world.ran) == list(range(100))
    letters = await dead(bench, queue)
    assert {letter.task: letter.reason.split(" at ")[0] for letter in letters} == {
        "poison": "RuntimeError",
        "hang": "TimeoutError",
    }


async def test_job_that_kills_its_worker_ends_dead(bench: Bench, practice: UUID) -> None:
    """R04, R06: kill -9 uses up an attempt each time, and the last one is the end of it."""
    async with bench.sessions.begin() as session:
        await killed_worker.queue.defer(session, "die", practice)
    process = await asyncio.create_subprocess_exec(sys.executable, killed_worker.__file__, bench.dsn)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 3
    async with bench.sessions() as session:
        [letter] = await killed_worker.queue.dead_letters(session)
    assert (letter.practice_id, letter.attempts, letter.reason) == (practice, 3, "WorkerLost")


async def test_job_whose_end_was_never_written_down_is_taken_back(
    bench: Bench, make_queue: Callable[..., Queue[World]], practice: UUID, world: World
) -> None:
    """Its worker lives, but has lost track of it: it is 'doing' for longer than any run may last."""
    queue = make_queue(lost_after=60.0, grace=0.0)
    async with bench.sessions.begin() as session:
        await queue.defer(session, "note", practice, number=1)
    async with bench.owner.begin() as connection:
        await connection.exec_driver_sql("INSERT INTO procrastinate_workers DEFAULT VALUES")
        await connection.exec_driver_sql(
            "SELECT procrastinate_fetch_job_v2(NULL, (SELECT id FROM procrastinate_workers))"
        )
    await bench.drain(queue, world)
    assert world.ran == []
    async with bench.owner.begin() as connection:
        await connection.exec_driver_sql("UPDATE procrastinate_events SET at = at - interval '10 minutes'")
    await bench.drain(queue, world)
    await drain_all(bench, queue, world)
    assert world.ran == [(practice, 1)]


async def test_retry_gives_way_to_a_job_that_took_its_key(
    bench: Bench, queue: Queue[World], practice: UUID, world: World
) -> None:
    """The same work waits already; the failed one must neither block it nor stay 'doing' for ever."""

    @queue.task("digest")
    async def digest(world: World, practice_id: UUID, number: int) -> None:
        world.ran.append((practice_id, number))
        if number == 1:
            async with bench.sessions.begin() as session:
                await queue.defer(session, "digest", practice_id, key="digest", number=2)
            raise RuntimeError

    async with bench.sessions.begin() as session:
        await queue.defer(session, "digest", practice, key="digest", number=1)
    while await bench.rows(WAITING):
        await bench.drain(queue, world, concurrency=1)  # else the second could start before the first ends
    assert [number for _, number in world.ran] == [1, 2]
    assert await bench.rows("SELECT 1 FROM procrastinate_jobs") == []


def test_waits_grow_up_to_a_ceiling_and_differ() -> None:
    backoff = Backoff(first=5.0, factor=4.0, ceiling=3600.0, jitter=0.25)
    longest = [5.0, 20.0, 80.0, 320.0, 1280.0, 3600.0, 3600.0]
    waits = [[backoff.wait(attempts) for _ in range(50)] for attempts in range(1, 8)]
    for ceiling, drawn in zip(longest, waits, strict=True):
        assert all(0.75 * ceiling <= wait <= ceiling for wait in drawn)
        assert len(set(drawn)) > 1
