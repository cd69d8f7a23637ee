"""Jobs that failed for good: listed with their reason, and put back by hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from portal_api.core.jobs.failures import RANK_EPOCH

LIST = text("""
SELECT job.id, job.task_name AS task, CAST(job.args ->> 'practice_id' AS uuid) AS practice_id, job.attempts,
       coalesce(failure.reason, 'unknown') AS reason, failure.failed_at
FROM procrastinate_jobs AS job LEFT JOIN job_failure AS failure ON failure.job_id = job.id
WHERE job.status = 'failed' AND job.id > :after
  AND (CAST(:practice_id AS text) IS NULL OR job.args ->> 'practice_id' = :practice_id)
ORDER BY job.id LIMIT :limit
""")

# A job put back holds its key no longer: another may wait under it.
REDRIVE = text("""
UPDATE procrastinate_jobs
SET status = 'todo', attempts = 0, scheduled_at = NULL, queueing_lock = NULL, worker_id = NULL,
    priority = CAST(:epoch - floor(extract(epoch FROM now())) AS integer)
WHERE status = 'failed' AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[])))
RETURNING id
""")

DROP = text("""
DELETE FROM procrastinate_jobs WHERE status = 'failed' AND id = ANY (ARRAY(
    SELECT job.id FROM procrastinate_jobs AS job LEFT JOIN job_failure AS failure ON failure.job_id = job.id
    WHERE job.status = 'failed' AND coalesce(
        failure.failed_at, (SELECT max(event.at) FROM procrastinate_events AS event WHERE event.job_id = job.id)
    ) < now() - CAST(:older_than AS interval)
    ORDER BY job.id LIMIT :limit
))
RETURNING id
""")

COUNT = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that is not tried again until someone puts it back. A maintenance job has no practice."""

    id: int
    task: str
    practice_id: UUID | None
    attempts: int
    reason: str
    failed_at: datetime | None


async def page(session: AsyncSession, practice_id: UUID | None, after: int, limit: int) -> list[DeadLetter]:
    """The dead letters with an id greater than `after`, oldest first."""
    values = {"practice_id": practice_id and str(practice_id), "after": after, "limit": limit}
    return [DeadLetter(*row) for row in await session.execute(LIST, values)]


async def redrive(session: AsyncSession, ids: list[int] | None) -> int:
    """Put the given dead letters back, or all, with all their attempts; says how many there were."""
    moved = await session.execute(REDRIVE, {"ids": ids, "epoch": RANK_EPOCH})
    return len(moved.all())


async def drop(session: AsyncSession, older_than: timedelta, limit: int) -> int:
    """Delete the oldest dead letters that nobody put back in time; says how many."""
    gone = await session.execute(DROP, {"older_than": older_than, "limit": limit})
    return len(gone.all())


async def count(session: AsyncSession) -> int:
    """How many dead letters there are: the number to alert on."""
    return (await session.execute(COUNT)).scalar_one()
