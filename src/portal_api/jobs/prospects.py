"""Expires unverified prospects, practice by practice."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.jobs import practices
from portal_api.jobs.context import JobContext
from portal_api.services import prospects


def register(queue: Queue[JobContext]) -> None:
    queue.periodic("17 3 * * *", "prospects.daily")(daily)
    queue.task("prospects.expire")(expire)


async def daily(context: JobContext) -> None:
    await practices.queue_for_each(context, "prospects.expire", key="daily")


async def expire(context: JobContext, practice_id: UUID) -> None:
    """One transaction a batch, until nothing is overdue."""
    overdue = 1
    while overdue:
        async with context.tools.database.session(Binding.system(practice_id)) as session:
            overdue = await prospects.expire(session)
