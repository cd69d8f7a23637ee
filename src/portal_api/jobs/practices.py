"""What every practice is due, queued for each of them apart."""

from portal_api.core.db import Binding
from portal_api.jobs.context import JobContext
from portal_api.services import directory


async def queue_for_each(context: JobContext, task: str, *, key: str) -> None:
    """One job a practice, so that one practice's failure is its own; of the same key one waits at a time."""
    database, queue = context.tools.database, context.tools.queue
    for practice_id in await directory.practice_ids(database):
        async with database.session(Binding.system(practice_id)) as session:
            await queue.defer(session, task, practice_id, key=key)
