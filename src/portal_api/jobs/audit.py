"""By the clock: the audit chain is sealed every minute and anchored every hour."""

import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from portal_api.core.jobs import Queue
from portal_api.jobs.context import JobContext
from portal_api.services import audit
from portal_api.services.directory import practice_ids

logger = logging.getLogger(__name__)


def register(queue: Queue[JobContext]) -> None:
    queue.periodic("* * * * *", "audit.seal", max_attempts=1)(seal)
    queue.periodic("17 * * * *", "audit.anchor", max_attempts=1)(anchor)


async def seal(context: JobContext) -> None:
    """Give every committed event its place in its practice's chain."""
    await _each(context, lambda practice_id: audit.seal(context.tools.database, practice_id))


async def anchor(context: JobContext) -> None:
    """Write the head of every chain that has grown to the anchor files."""
    await _each(context, lambda practice_id: audit.anchor(context.tools, practice_id))


async def _each(context: JobContext, work: Callable[[UUID], Awaitable[object]]) -> None:
    """One practice after another; one that fails stops none of the others, but fails the job."""
    failures: list[Exception] = []
    for practice_id in await practice_ids(context.tools.database):
        try:
            await work(practice_id)
        except Exception as error:
            logger.warning("practice %s: %s", practice_id, type(error).__name__)
            failures.append(error)
    if failures:
        raise failures[0]
