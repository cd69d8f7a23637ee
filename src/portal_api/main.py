"""The composition root: settings, tools, middleware, error handlers, routers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

from fastapi import FastAPI

from portal_api.core import logging
from portal_api.core.batching import GroupCommit
from portal_api.core.config import Settings
from portal_api.core.db import Database
from portal_api.core.limits import Limiter
from portal_api.core.passwords import PasswordHasher
from portal_api.core.sealing import Vault
from portal_api.core.signing import Keyring
from portal_api.core.tools import Tools
from portal_api.integrations.bot_check import open_bot_check
from portal_api.integrations.mail import development_mailbox
from portal_api.integrations.storage import open_store
from portal_api.integrations.video import development_video
from portal_api.jobs import SUBSCRIPTIONS, make_queue, working
from portal_api.routers import ROUTERS
from portal_api.services import audit
from portal_api.services.stream import Hub
from portal_api.web import app_links, error_page, system
from portal_api.web.application import Application, surround
from portal_api.web.docs import install_docs
from portal_api.web.gatekeeper import Gatekeeper
from portal_api.web.index import IndexedRouter, register
from portal_api.web.mailbox import mailbox_routes
from portal_api.web.openapi import openapi_document
from portal_api.web.screening import Screening
from portal_api.web.video_room import video_routes


def create_app(settings: Settings | None = None, *, with_worker: bool = False) -> FastAPI:
    """The application. Its tools are made when it starts, after a fork, and closed when it stops.

    with_worker: run jobs in this process too, from start to stop.
    """
    settings = settings or Settings()
    logging.configure(json=settings.is_production)
    app = Application(
        title="Portal API",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router = IndexedRouter(lifespan=partial(_lifespan, settings, with_worker), redirect_slashes=False)
    app.state.origins = frozenset({*settings.cors_origins, settings.public_url.rstrip("/")})
    app.state.stopping = asyncio.Event()
    for router in ROUTERS:
        register(app.router, router.routes)
    register(app.router, [*system.ROUTES, *app_links.ROUTES])
    if mailbox := development_mailbox(settings):
        register(app.router, mailbox_routes(mailbox))
    if video := development_video(settings):
        register(app.router, video_routes(video))
    app.router.routes.append(error_page.ROUTE)
    install_docs(app)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]
    surround(app, settings)
    return app


@asynccontextmanager
async def make_tools(settings: Settings) -> AsyncIterator[Tools]:
    """Everything that services work with, opened and closed together."""
    database = Database(settings.database_url, pool_size=settings.database_pool_size)
    hasher = PasswordHasher()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        stack.callback(hasher.close)
        await database.open()
        tools = Tools(
            settings=settings,
            database=database,
            vault=Vault(settings.master_key),
            keyring=Keyring.load_or_create(settings.data_dir / "keys"),
            hasher=hasher,
            limiter=Limiter(database, factor=settings.rate_limit_factor),
            queue=make_queue(),
            views=GroupCommit(partial(audit.write_views, database)),
            storage=open_store(settings),
            subscriptions=SUBSCRIPTIONS,
        )
        database.tools = tools
        yield tools


@asynccontextmanager
async def _lifespan(settings: Settings, with_worker: bool, app: FastAPI) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        tools = await stack.enter_async_context(make_tools(settings))
        app.state.tools = tools
        app.state.gatekeeper = Gatekeeper(tools)
        app.state.screening = Screening(tools, await stack.enter_async_context(open_bot_check(settings)))
        app.state.hub = hub = Hub(tools)
        stack.push_async_callback(hub.close)
        stack.push_async_callback(_cancelled, asyncio.create_task(hub.end_at(app.state.stopping)))
        if with_worker:
            await stack.enter_async_context(working(tools, app.state.stopping))
        yield


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Made once, when first asked for: it is not needed to serve."""
    if app.openapi_schema is None:
        app.openapi_schema = openapi_document(app)
    return app.openapi_schema
