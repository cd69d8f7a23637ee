"""The queue: handlers by name, and the one way to defer a job."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Concatenate, Generic, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from portal_api.core.jobs import dead_letters, worker
from portal_api.core.jobs.dead_letters import DeadLetter
from portal_api.core.jobs.failures import RANK_EPOCH, Backoff
from portal_api.core.jobs.tasks import ContextT, Id, Task, ids_of, named

HandlerT = TypeVar("HandlerT", bound=Callable[Concatenate[Any, UUID, ...], Awaitable[None]])

LOOKAHEAD = 3600  # seconds: no job waits behind one that became due more than this after it

# Fairness. Workers take the smallest rank first (priority = -rank). A job's rank is the second when it is due
# or, if later, one more than the last rank among its practice's own jobs due by then. So a practice's backlog
# queues up behind itself, one job a second, and a practice with nothing waiting goes before nearly all of it;
# and as time passes for everyone, a backlog is overtaken for LOOKAHEAD seconds at most. Served by
# ix_procrastinate_jobs_practice_rank: one short range, read from its end.
#
# Keys. The waiting job is locked, not only seen: a worker skips it until this transaction has ended, so it
# cannot start too early to see what this transaction changed.
DEFER = text("""
WITH waiting AS (
    SELECT id FROM procrastinate_jobs
    WHERE queueing_lock = CAST(:key AS text) AND status = 'todo' FOR KEY SHARE
), due AS MATERIALIZED (
    SELECT moment, CAST(floor(extract(epoch FROM moment)) AS integer) - CAST(:epoch AS integer) AS tick
    FROM (SELECT greatest(now(), CAST(:at AS timestamptz)) AS moment) AS moments
), last AS (
    SELECT -job.priority AS tick FROM due, procrastinate_jobs AS job
    WHERE job.status = 'todo' AND job.args ->> 'practice_id' = CAST(:practice_id AS text)
      AND job.priority BETWEEN -due.tick - CAST(:lookahead AS integer) AND -due.tick
      AND (job.scheduled_at IS NULL OR job.scheduled_at <= due.moment)
    ORDER BY job.priority LIMIT 1
)
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
    CAST(:task AS text), CAST(:task AS text),
    -least(coalesce(last.tick + 1, due.tick), due.tick + CAST(:lookahead AS integer)),
    NULL, CAST(:key AS text), CAST(:args AS jsonb), CAST(:at AS timestamptz)
)::procrastinate_job_to_defer_v1])
FROM due LEFT JOIN last ON true
WHERE NOT EXISTS (SELECT FROM waiting)
""")

BACKLOG = text("""
SELECT EXISTS (
    SELECT FROM procrastinate_jobs AS job
    WHERE job.args ->> 'practice_id' = CAST(:practice_id AS text) AND job.task_name = CAST(:task AS text)
      AND job.status IN ('todo', 'doing') AND job.attempts = 0
      AND (SELECT min(event.at) FROM procrastinate_events AS event WHERE event.job_id = job.id)
          < CAST(:before AS timestamptz)
)
""")


class Queue(Generic[ContextT]):
    """
    Named handlers and their jobs, in Procrastinate's tables. ContextT is what every handler is given.

    Delivery is at least once: a handler must stand being run again after it has done its work.
    """

    def __init__(self, *, backoff: Backoff | None = None, times: worker.WorkerTimes | None = None) -> None:
        self.backoff = backoff or Backoff()
        self.times = times or worker.WorkerTimes()
        self.tasks: dict[str, Task[ContextT]] = {}

    def task(self, name: str, *, max_attempts: int = 8, timeout: float = 300.0) -> Callable[[HandlerT], HandlerT]:
        """
        Register `async def handler(context, practice_id, **ids)`, each id annotated as UUID, int or str.

        timeout: seconds after which a run is cancelled and counts as failed.
        """

        def register(handler: HandlerT) -> HandlerT:
            self._add(Task(named(name), handler, ids_of(handler), max_attempts, timeout))
            return handler

        return register

    def periodic(
        self, cron: str, name: str, *, max_attempts: int = 8, timeout: float = 300.0
    ) -> Callable[[Callable[[ContextT], Awaitable[None]]], Callable[[ContextT], Awaitable[None]]]:
        """Register `async def handler(context)` to run by the cron expression (UTC), once for all workers."""

        def register(handler: Callable[[ContextT], Awaitable[None]]) -> Callable[[ContextT], Awaitable[None]]:
            self._add(Task(named(name), handler, {}, max_attempts, timeout, cron))
            return handler

        return register

    def _add(self, task: Task[ContextT]) -> None:
        if task.name in self.tasks or task.name == worker.RECOVERY:
            raise ValueError(f"{task.name} is registered twice")
        self.tasks[task.name] = task

    async def defer(
        self,
        session: AsyncSession,
        name: str,
        practice_id: UUID,
        *,
        at: datetime | None = None,
        key: str | None = None,
        **ids: Id,
    ) -> None:
        """
        Add a job to the caller's transaction: it exists if and only if that commits.

        at: not before this moment. key: do nothing if a job of this task, practice and key waits already; one
        that has started does not count, as it may not see what the caller changes.
        """
        task = self.tasks[name]
        values = {
            "task": name,
            "practice_id": str(practice_id),
            "key": key and f"{name}/{practice_id}/{key}",
            "args": json.dumps(task.payload(practice_id, ids)),
            "at": at,
            "epoch": RANK_EPOCH,
            "lookahead": LOOKAHEAD,
        }
        connection = await session.connection()
        if key is None:
            await connection.execute(DEFER, values)
        else:
            await _defer_once(connection, values)

    async def has_backlog(self, session: AsyncSession, name: str, practice_id: UUID, *, before: datetime) -> bool:
        """Whether a job of this task and practice was deferred before the moment and has not been tried yet."""
        values = {"task": name, "practice_id": str(practice_id), "before": before}
        found = await session.execute(BACKLOG, values)
        return bool(found.scalar_one())

    async def run_worker(
        self, dsn: str, context: ContextT, *, concurrency: int = 4, stop: asyncio.Event, wait: bool = True
    ) -> None:
        """
        Run jobs until `stop` is set, then finish what runs within the grace time.

        dsn: libpq connection string of the runtime role. wait=False: return once nothing is due any
        more, leaving periodic tasks alone. A lost database ends a draining worker; a waiting one starts
        again.
        """
        crew = worker.Crew(list(self.tasks.values()), context, self.backoff, self.times)
        run = worker.work if wait else worker.drain
        await run(crew, dsn, concurrency, stop)

    async def dead_letters(
        self, session: AsyncSession, *, practice_id: UUID | None = None, after: int = 0, limit: int = 100
    ) -> list[DeadLetter]:
        """Jobs that failed for good, oldest first, of one practice or of all; page on with the last id."""
        return await dead_letters.page(session, practice_id, after, limit)

    async def count_dead(self, session: AsyncSession) -> int:
        """How many jobs failed for good: the number to alert on."""
        return await dead_letters.count(session)

    async def drop_dead(self, session: AsyncSession, older_than: timedelta, limit: int) -> int:
        """Delete at most `limit` dead letters that failed longer ago than this; says how many."""
        return await dead_letters.drop(session, older_than, limit)

    async def redrive(self, session: AsyncSession, ids: list[int] | None = None) -> int:
        """Put dead letters back into the queue, all if no ids are given; says how many."""
        return await dead_letters.redrive(session, ids)


async def _defer_once(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """
    Defer under a key; another transaction that defers the same key at the same time is waited for.

    The savepoint is the connection's, not the session's, so that its end expires no object.
    """
    for last_try in (False, False, True):
        try:
            async with connection.begin_nested():
                await connection.execute(DEFER, values)
            return
        except IntegrityError:
            if last_try:
                raise
