"""Runs jobs: one Procrastinate worker, what it does around a handler, and what it does for lost jobs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import DeleteJobCondition, Job, Status
from procrastinate.manager import JobManager

from portal_api.core.jobs.failures import RANK_EPOCH, Backoff, JobFailed, RetryRule, describe
from portal_api.core.jobs.tasks import ContextT, Task

logger = logging.getLogger(__name__)

RECOVERY = "jobs.recover"

RECORD = """
INSERT INTO job_failure (job_id, reason) VALUES (%(job_id)s, %(reason)s)
ON CONFLICT (job_id) DO UPDATE SET reason = excluded.reason, failed_at = now()
"""

# A killed worker uses up an attempt of each job that it held, so a job that kills its worker dies in the end.
# A job is lost too when its end could not be written down: it runs for longer than it may.
RECOVER = """
WITH rule AS (
    SELECT * FROM unnest(%(names)s::text[], %(max_attempts)s::int[], %(timeouts)s::float[])
        AS rule (task_name, max_attempts, timeout)
), lost AS (
    SELECT job.id, job.attempts + 1 AS attempts, rule.max_attempts,
           now() + make_interval(secs => least(
               %(ceiling)s::float, %(first)s::float * power(%(factor)s::float, least(job.attempts, 50))
           )) AS retry_at
    FROM procrastinate_jobs AS job JOIN rule USING (task_name)
    LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
    WHERE job.status = 'doing' AND (
        worker.id IS NULL
        OR worker.last_heartbeat < now() - make_interval(secs => %(lost_after)s::float)
        OR (SELECT max(event.at) FROM procrastinate_events AS event
            WHERE event.job_id = job.id AND event.type = 'started')
           < now() - make_interval(secs => rule.timeout + %(grace)s::float + %(lost_after)s::float)
    )
    FOR UPDATE OF job SKIP LOCKED
), moved AS (
    UPDATE procrastinate_jobs AS job
    SET attempts = lost.attempts, worker_id = NULL, queueing_lock = NULL, scheduled_at = lost.retry_at,
        status = (CASE WHEN lost.attempts < lost.max_attempts THEN 'todo' ELSE 'failed' END)
            ::procrastinate_job_status,
        priority = (%(epoch)s - floor(extract(epoch FROM lost.retry_at)))::int
    FROM lost WHERE job.id = lost.id
    RETURNING job.id
)
INSERT INTO job_failure (job_id, reason) SELECT id, 'WorkerLost' FROM moved
ON CONFLICT (job_id) DO UPDATE SET reason = excluded.reason, failed_at = now()
RETURNING job_id
"""

DUE = """
SELECT EXISTS (
    SELECT FROM procrastinate_jobs
    WHERE status = 'todo' AND queue_name = ANY(%(names)s::text[])
      AND (scheduled_at IS NULL OR scheduled_at <= now())
) AS due
"""


@dataclass(frozen=True, slots=True)
class WorkerTimes:
    """
    Seconds. heartbeat: how often a worker says that it lives; lost_after: silence after which its jobs are
    taken from it; grace: what running jobs get at a stop; poll: the longest delay by a missed NOTIFY;
    restart: pause after a lost database, and before a job that a stop has cancelled is tried again.
    """

    heartbeat: float = 10.0
    lost_after: float = 30.0
    grace: float = 20.0
    poll: float = 1.0
    restart: float = 1.0


@dataclass(frozen=True, slots=True)
class Crew(Generic[ContextT]):
    """What a worker needs to know to run jobs, without the database."""

    tasks: list[Task[ContextT]]
    context: ContextT
    backoff: Backoff
    times: WorkerTimes

    @property
    def names(self) -> list[str]:
        # A worker asks only for tasks that it knows: during a deployment an old one leaves new jobs alone.
        return [task.name for task in self.tasks]


async def work(crew: Crew[Any], dsn: str, concurrency: int, stop: asyncio.Event) -> None:
    """Run jobs and periodic tasks until told to stop; start again after a lost database."""
    while not stop.is_set():
        try:
            async with _app(crew, dsn, periodic=True).open_async() as app:
                await _recover(app, crew)
                await _run(app, crew, [*crew.names, RECOVERY], concurrency, stop, wait=True)
        except (ConnectorException, psycopg.Error) as error:
            logger.warning("job worker lost its database and starts again: %s", type(error).__name__)
        if not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), crew.times.restart)


async def drain(crew: Crew[Any], dsn: str, concurrency: int, stop: asyncio.Event) -> None:
    """Run jobs until none is due, also those that jobs deferred."""
    async with _app(crew, dsn, periodic=False).open_async() as app:
        await _recover(app, crew)
        while not stop.is_set():
            row = await app.connector.execute_query_one_async(DUE, names=crew.names)
            if not row["due"]:
                return
            await _run(app, crew, crew.names, concurrency, stop, wait=False)


async def _run(
    app: procrastinate.App,
    crew: Crew[Any],
    queues: list[str],
    concurrency: int,
    stop: asyncio.Event,
    *,
    wait: bool,
) -> None:
    """One Procrastinate worker, until it ends or `stop` is set."""
    times = crew.times
    running = asyncio.ensure_future(
        app.run_worker_async(
            queues=queues,
            concurrency=concurrency,
            wait=wait,
            listen_notify=wait,
            fetch_job_polling_interval=times.poll,
            update_heartbeat_interval=times.heartbeat,
            stalled_worker_timeout=times.lost_after,
            shutdown_graceful_timeout=times.grace,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            install_signal_handlers=False,
        )
    )
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        running.cancel()  # asks the worker to finish what it does; nothing happens to one that has ended
        await asyncio.wait({running})
    if not running.cancelled() and (error := running.exception()):
        raise error


def _app(crew: Crew[Any], dsn: str, *, periodic: bool) -> procrastinate.App:
    connector = procrastinate.PsycopgConnector(conninfo=dsn, min_size=1, max_size=4, timeout=10.0)
    app = procrastinate.App(connector=connector)
    app.job_manager = _Jobs(connector)
    for task in crew.tasks:
        registered = _register(app, task.name, _runner(app, crew, task), RetryRule(task.max_attempts, crew.backoff))
        if task.cron and periodic:
            app.periodic(cron=task.cron, queueing_lock=task.name)(registered)
    if periodic:

        async def recover(_call: procrastinate.JobContext, **_timestamp: int) -> None:
            await _recover(app, crew)

        registered = _register(app, RECOVERY, recover, RetryRule(1, crew.backoff))
        app.periodic(cron="* * * * *", queueing_lock=RECOVERY)(registered)
    return app


def _register(
    app: procrastinate.App, name: str, run: Callable[..., Awaitable[None]], rule: RetryRule
) -> procrastinate.tasks.Task[..., Any, Any]:
    return app.task(name=name, queue=name, pass_context=True, retry=rule)(run)


def _runner(app: procrastinate.App, crew: Crew[Any], task: Task[Any]) -> Callable[..., Awaitable[None]]:
    async def run(call: procrastinate.JobContext, **args: Any) -> None:
        failure: JobFailed
        try:
            async with asyncio.timeout(task.timeout):
                await task.call(crew.context, args)
            return
        except asyncio.CancelledError:
            failure = JobFailed("WorkerStopped", retry_in=timedelta(seconds=crew.times.restart))
        except Exception as error:
            failure = describe(error, task.package)
        # Raised here, so that no log can follow it to the cause and its message.
        await app.connector.execute_query_async(RECORD, job_id=call.job.id, reason=failure.reason)
        raise failure

    return run


async def _recover(app: procrastinate.App, crew: Crew[Any]) -> None:
    """Take back the jobs of workers that are gone: tried again later, or dead after the last try."""
    rows = await app.connector.execute_query_all_async(
        RECOVER,
        names=crew.names,
        max_attempts=[task.max_attempts for task in crew.tasks],
        timeouts=[task.timeout for task in crew.tasks],
        first=crew.backoff.first,
        factor=crew.backoff.factor,
        ceiling=crew.backoff.ceiling,
        lost_after=crew.times.lost_after,
        grace=crew.times.grace,
        epoch=RANK_EPOCH,
    )
    if rows:
        logger.warning("took %d jobs back from workers that are gone", len(rows))


class _Jobs(JobManager):
    """Procrastinate's own, but a retry whose key another job holds by now gives way to it."""

    # pyrefly: ignore[missing-override-decorator]
    async def retry_job(self, job: Job, *args: Any, **kwargs: Any) -> None:
        try:
            await super().retry_job(job, *args, **kwargs)
        except UniqueViolation:
            await self.finish_job(job, Status.SUCCEEDED, delete_job=True)
