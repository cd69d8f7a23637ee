"""`portal-api worker`: run jobs until told to stop."""

import asyncio
import signal
from argparse import Namespace

from portal_api.cli import checks
from portal_api.cli.configuration import load_settings
from portal_api.cli.console import progress
from portal_api.cli.databases import open_database
from portal_api.core.config import Settings


def run(arguments: Namespace) -> int:
    with open_database(load_settings()) as settings:
        checks.check_server(settings)
        checks.check_ready(settings)
        asyncio.run(_work(settings, arguments.concurrency))
    return 0


async def _work(settings: Settings, concurrency: int) -> None:
    from portal_api.cli import memory  # these import the application
    from portal_api.core import logging
    from portal_api.jobs import work
    from portal_api.main import make_tools

    memory.load_for_good()
    logging.configure(json=settings.is_production)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with make_tools(settings) as tools:
        progress("The worker runs")
        await work(tools, stop, concurrency=concurrency)
