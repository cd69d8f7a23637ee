"""Running the queue: for as long as a process lives, or until nothing is due."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from portal_api.core.tools import Tools
from portal_api.integrations.mail import open_mailer
from portal_api.jobs.context import JobContext

CONCURRENCY = 4
PAUSE = 5.0  # seconds before a worker that failed starts again
_log = logging.getLogger(__name__)


async def work(tools: Tools, stop: asyncio.Event, *, concurrency: int = CONCURRENCY, wait: bool = True) -> None:
    """Run jobs until `stop` is set and what runs has ended; with wait=False, until none is due."""
    async with open_mailer(tools.settings) as mailer:
        context = JobContext(tools, mailer)
        await tools.queue.run_worker(tools.settings.worker_dsn, context, concurrency=concurrency, stop=stop, wait=wait)


@asynccontextmanager
async def working(tools: Tools, stop: asyncio.Event) -> AsyncIterator[None]:
    """A worker beside the block, in this process; it ends with the block."""
    worker = asyncio.create_task(_keep_working(tools, stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def _keep_working(tools: Tools, stop: asyncio.Event) -> None:
    """A failure of the worker itself must not leave a process that answers and delivers nothing."""
    while not stop.is_set():
        try:
            await work(tools, stop)
        except Exception as error:
            # The message may quote a row: only the type is logged.
            _log.error("job worker failed and starts again: %s", type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE)
