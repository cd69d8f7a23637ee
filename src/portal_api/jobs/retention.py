"""Once a day: what has expired is deleted, batch by batch, each in a transaction of its own."""

from datetime import timedelta
from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.ids import LOBBY
from portal_api.core.jobs import Queue
from portal_api.jobs import practices
from portal_api.jobs.context import JobContext
from portal_api.services import retention

DEAD_LETTERS = timedelta(days=90)


def register(queue: Queue[JobContext]) -> None:
    queue.periodic("41 3 * * *", "retention.daily")(daily)
    queue.task("retention.prune")(prune)


async def daily(context: JobContext) -> None:
    """What belongs to no practice, then each practice."""
    tools = context.tools
    while await tools.limiter.prune(retention.BATCH):
        pass
    left = retention.BATCH
    while left == retention.BATCH:
        async with tools.database.session(Binding.system(LOBBY)) as session:
            left = await tools.queue.drop_dead(session, DEAD_LETTERS, retention.BATCH)
    await prune(context, LOBBY)
    await practices.queue_for_each(context, "retention.prune", key="daily")


async def prune(context: JobContext, practice_id: UUID) -> None:
    """Everything of one practice that is over. The lobby has the answers to those who belonged to none."""
    for rule in retention.RULES:
        left = retention.BATCH
        while left == retention.BATCH:
            async with context.tools.database.session(Binding.system(practice_id)) as session:
                left = await retention.prune(session, rule)
