"""Writes down that a request has expired, at the moment when it has."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.jobs.context import JobContext
from portal_api.services.scheduling import requests


def register(queue: Queue[JobContext]) -> None:
    queue.task(requests.EXPIRY)(expire)


async def expire(context: JobContext, practice_id: UUID, request_id: UUID) -> None:
    """Once, or again later where the request has been given more time meanwhile."""
    database, queue = context.tools.database, context.tools.queue
    async with database.session(Binding.system(practice_id)) as session:
        later = await requests.expire(session, request_id)
        if later is not None:
            await queue.defer(session, requests.EXPIRY, practice_id, at=later, request_id=request_id)
