"""The worker: fair between practices, awake at once, stopped gently, back after a lost database."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from procrastinate.manager import JobManager

from portal_api.core.jobs import Queue
from tests.jobs.conftest import Bench, Working, World, working
from tests.patience import PATIENCE


async def until(bench: Bench, sql: str) -> None:
    while not await bench.rows(sql):
        pass


def backends(worker: Working) -> str:
    """Its connections, as the database sees them."""
    return f"FROM pg_stat_activity WHERE application_name = '{worker.name}'"


async def test_large_backlog_of_one_practice_does_not_hold_up_another(
    bench: Bench, queue: Queue[World], world: World
) -> None:
    """R06: 1,000 jobs of A wait before 10 of B; B's last one is done among the first 50."""
    large, small = uuid4(), uuid4()
    async with bench.sessions.begin() as session:  # one, so that its moment is the same for all
        for number in range(1000):
            await queue.defer(session, "note", large, number=number)
        for number in range(10):
            await queue.defer(session, "note", small, number=number)
    await bench.drain(queue, world)
    assert len(world.ran) == 1010
    order = [practice_id for practice_id, _ in world.ran]
    assert max(place for place, practice_id in enumerate(order) if practice_id == small) < 50
    assert [number for practice_id, number in world.ran if practice_id == small] == list(range(10))


async def test_backlog_is_overtaken_for_a_bounded_time_only(bench: Bench, queue: Queue[World], world: World) -> None:
    """No starvation the other way: A's backlog of an hour ago goes before what others defer now."""
    large, small = uuid4(), uuid4()
    async with bench.sessions.begin() as session:
        for number in range(20):
            await queue.defer(session, "note", large, number=number)
    async with bench.owner.begin() as connection:
        await connection.exec_driver_sql("UPDATE procrastinate_jobs SET priority = priority + 3600")
    async with bench.sessions.begin() as session:
        for number in range(20):
            await queue.defer(session, "note", small, number=number)
    await bench.drain(queue, world, concurrency=1)
    assert [practice_id for practice_id, _ in world.ran] == [large] * 20 + [small] * 20


async def test_reminders_for_the_same_moment_are_shared_out(bench: Bench, queue: Queue[World], practice: UUID) -> None:
    """Jobs for later are ranked among those due by then, and do not hold back what is due now."""
    other = uuid4()
    [(moment,)] = await bench.rows("SELECT date_trunc('day', now()) + interval '2 days'")
    async with bench.sessions.begin() as session:
        for number in range(5):
            await queue.defer(session, "note", practice, number=number, at=moment)
        await queue.defer(session, "note", other, number=10, at=moment)
        await queue.defer(session, "note", practice, number=20)
    order = "SELECT (args ->> 'number')::int FROM procrastinate_jobs ORDER BY priority DESC, id"
    assert [number for (number,) in await bench.rows(order)] == [20, 0, 10, 1, 2, 3, 4]


async def test_rank_is_read_from_its_index(bench: Bench, queue: Queue[World], practice: UUID) -> None:
    """Deferring stays cheap while a practice has much waiting."""
    async with bench.owner.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args) SELECT 'note', 'note',"
            f" -n, jsonb_build_object('practice_id', '{practice}') FROM generate_series(1, 20000) AS n"
        )
        await connection.exec_driver_sql("ANALYZE procrastinate_jobs")
        plan = await connection.exec_driver_sql(
            "EXPLAIN SELECT -priority FROM procrastinate_jobs WHERE status = 'todo'"
            f" AND args ->> 'practice_id' = '{practice}' AND priority BETWEEN -9000 AND -5400"
            " AND (scheduled_at IS NULL OR scheduled_at <= now()) ORDER BY priority LIMIT 1"
        )
        lines = [line for (line,) in plan]
    assert any("Index Scan using ix_procrastinate_jobs_practice_rank" in line for line in lines), lines


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[bool]:
    """Each time that a worker has looked for a job: whether there was one."""
    ended: asyncio.Queue[bool] = asyncio.Queue()
    fetch = JobManager.fetch_job

    async def fetch_job(*arguments: Any, **named: Any) -> Any:
        job = await fetch(*arguments, **named)
        ended.put_nowait(job is not None)
        return job

    monkeypatch.setattr(JobManager, "fetch_job", fetch_job)
    return ended


async def test_idle_worker_wakes_up_at_once(
    bench: Bench,
    make_queue: Callable[..., Queue[World]],
    practice: UUID,
    world: World,
    looks: asyncio.Queue[bool],
) -> None:
    """The poll is an hour away: after it has looked in vain, only NOTIFY makes a worker look again.

    One that comes while it looks wakes nobody, which is what the poll is for; here another one follows.
    """
    queue = make_queue(poll=3600.0)
    async with working(bench, queue, world, concurrency=1) as worker:
        await until(bench, f"SELECT 1 {backends(worker)} AND query LIKE 'LISTEN%jobs.recover%' AND state = 'idle'")
        for number in range(20):
            while (practice, number) not in world.ran:
                while await looks.get():
                    pass
                async with bench.sessions.begin() as session:
                    await queue.defer(session, "note", practice, number=number)


async def test_stop_lets_a_running_job_finish(bench: Bench, queue: Queue[World], practice: UUID, world: World) -> None:
    may_end = asyncio.Event()

    @queue.task("slow")
    async def slow(world: World, practice_id: UUID) -> None:
        world.event.set()
        await may_end.wait()
        world.ran.append((practice_id, 1))

    async with bench.sessions.begin() as session:
        await queue.defer(session, "slow", practice)
    async with working(bench, queue, world, concurrency=1) as worker:  # it looks for nothing while this one runs
        await world.event.wait()
        worker.stop.set()
        async with bench.sessions.begin() as session:
            await queue.defer(session, "note", practice, number=2)
        may_end.set()
    assert world.ran == [(practice, 1)]
    left = await bench.rows("SELECT task_name, status FROM procrastinate_jobs WHERE task_name <> 'jobs.recover'")
    assert left == [("note", "todo")]


async def test_job_that_outlasts_the_grace_time_is_put_back(
    bench: Bench, make_queue: Callable[..., Queue[World]], practice: UUID, world: World
) -> None:
    queue = make_queue(grace=0.05)

    @queue.task("endless")
    async def endless(world: World, practice_id: UUID) -> None:
        world.event.set()
        await asyncio.Event().wait()

    async with bench.sessions.begin() as session:
        await queue.defer(session, "endless", practice)
    async with working(bench, queue, world):
        await world.event.wait()
    rows = await bench.rows("SELECT status, attempts FROM procrastinate_jobs WHERE task_name = 'endless'")
    assert rows == [("todo", 1)]
    assert await bench.rows("SELECT reason FROM job_failure") == [("WorkerStopped",)]


async def test_worker_survives_a_lost_database(bench: Bench, queue: Queue[World], practice: UUID, world: World) -> None:
    async with working(bench, queue, world) as worker:
        async with bench.sessions.begin() as session:
            await queue.defer(session, "note", practice, number=1)
        await world.event.wait()
        await until(bench, "SELECT 1 WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'note')")
        await until(bench, f"SELECT 1 {backends(worker)} AND query LIKE 'LISTEN%'")
        world.event.clear()
        assert len(await bench.rows(f"SELECT pg_terminate_backend(pid, {PATIENCE * 1000}) {backends(worker)}")) > 1
        async with bench.sessions.begin() as session:
            await queue.defer(session, "note", practice, number=2)
        await world.event.wait()
    assert world.ran == [(practice, 1), (practice, 2)]


async def test_drain_runs_what_jobs_defer(bench: Bench, queue: Queue[World], practice: UUID, world: World) -> None:
    @queue.task("chain")
    async def chain(world: World, practice_id: UUID, number: int) -> None:
        world.ran.append((practice_id, number))
        if number:
            async with bench.sessions.begin() as session:
                await queue.defer(session, "chain", practice_id, number=number - 1)

    async with bench.sessions.begin() as session:
        await queue.defer(session, "chain", practice, number=5)
    await bench.drain(queue, world)
    assert [number for _, number in world.ran] == [5, 4, 3, 2, 1, 0]


async def test_worker_leaves_alone_what_it_does_not_know(
    bench: Bench, make_queue: Callable[..., Queue[World]], practice: UUID, world: World
) -> None:
    """During a deployment, an old worker meets the jobs of a new program."""
    newer = make_queue()

    @newer.task("novelty")
    async def novelty(world: World, practice_id: UUID) -> None:
        world.ran.append((practice_id, 0))

    async with bench.sessions.begin() as session:
        await newer.defer(session, "novelty", practice)
        await newer.defer(session, "note", practice, number=1)
    await bench.drain(make_queue(), world)
    assert world.ran == [(practice, 1)]
    await bench.drain(newer, world)
    assert world.ran == [(practice, 1), (practice, 0)]


async def test_periodic_task_runs_without_a_practice(bench: Bench, queue: Queue[World], world: World) -> None:
    @queue.periodic("* * * * * *", "tick")
    async def tick(world: World) -> None:
        world.event.set()

    async with working(bench, queue, world):
        await world.event.wait()


async def test_periodic_name_is_taken_once(queue: Queue[World]) -> None:
    with pytest.raises(ValueError, match="twice"):

        @queue.periodic("* * * * *", "note")
        async def again(world: World) -> None: ...
