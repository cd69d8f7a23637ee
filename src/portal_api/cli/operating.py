"""What an operator's commands share: the tools of the services, under the application's role."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from portal_api.cli import checks
from portal_api.cli.configuration import load_settings
from portal_api.cli.console import CannotStart
from portal_api.cli.databases import open_database
from portal_api.core.access import Origin, Principal
from portal_api.core.config import Settings
from portal_api.core.errors import AppError
from portal_api.core.ids import LOBBY, new_id
from portal_api.core.tools import Tools

T = TypeVar("T")


def operator() -> Principal:
    """Whoever may start this program: the audit trail calls them the system, on this machine."""
    return Principal.program(LOBBY, Origin(str(new_id()), "", "portal-api"))


def operate(work: Callable[[Tools], Awaitable[T]]) -> T:
    """Do the work on the configured database. A refusal of a service is shown as its text. Raises CannotStart."""
    with open_database(load_settings()) as settings:
        checks.check_ready(settings)
        try:
            return asyncio.run(_with_tools(settings, work))
        except AppError as refusal:
            faults = "".join(f"\n  {fault.pointer}: {fault.detail}" for fault in refusal.faults)
            raise CannotStart(f"{refusal.title}. {refusal.detail}{faults}") from None


async def _with_tools(settings: Settings, work: Callable[[Tools], Awaitable[T]]) -> T:
    from portal_api.main import make_tools

    async with make_tools(settings) as tools:
        return await work(tools)
