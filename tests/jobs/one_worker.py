"""A worker in a process of its own, with the settings of its environment: does what is due, and ends."""

import asyncio

from portal_api.core.config import Settings
from portal_api.jobs import work
from portal_api.main import make_tools


async def main() -> None:
    async with make_tools(Settings(_env_file=None)) as tools:
        await work(tools, asyncio.Event(), wait=False)


if __name__ == "__main__":
    asyncio.run(main())
