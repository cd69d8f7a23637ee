"""Brings clients who have not finished up to what their practice asks by now."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.jobs.context import JobContext
from portal_api.services import onboarding


def register(queue: Queue[JobContext]) -> None:
    queue.task(onboarding.flow.SPREAD)(spread)


async def spread(context: JobContext, practice_id: UUID) -> None:
    """One transaction a batch, until nobody is behind."""
    behind = 1
    while behind:
        async with context.tools.database.session(Binding.system(practice_id)) as session:
            behind = await onboarding.spread(session)
