"""Forms by the clock: every quarter of an hour they expire, rules give the next, and the library is kept up."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.jobs import practices
from portal_api.jobs.context import JobContext
from portal_api.services import forms


def register(queue: Queue[JobContext]) -> None:
    queue.periodic("*/15 * * * *", "forms.sweep", max_attempts=1)(sweep)
    queue.task("forms.keep", max_attempts=3)(keep)


async def sweep(context: JobContext) -> None:
    await practices.queue_for_each(context, "forms.keep", key="sweep")


async def keep(context: JobContext, practice_id: UUID) -> None:
    """One transaction a batch, until nothing is due."""
    database, binding = context.tools.database, Binding.system(practice_id)
    async with database.session(binding) as session:
        await forms.plant(session)
    for step in (forms.expire, forms.give_by_date, forms.give_before_appointments):
        left = 1
        while left:
            async with database.session(binding) as session:
                left = await step(session)
