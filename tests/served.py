"""An application of its own, for tests whose database must be theirs alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from portal_api.core.config import Settings
from portal_api.main import create_app
from tests.responses import check_response
from tests.world import World


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[World]:
    """The world of an application with these settings; it reads no mail."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):

        async def check(response: httpx.Response) -> None:
            await response.aread()
            check_response(app, response)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://portal.test", event_hooks={"response": [check]}
        ) as http:
            yield World(app, http, None)  # type: ignore[arg-type] - reads no mail
