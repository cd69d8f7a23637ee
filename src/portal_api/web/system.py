"""Liveness, readiness, metrics and keys: for machines, outside the versioned API."""

import asyncio

import asyncpg
import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal_api.core.errors import Unavailable
from portal_api.core.tools import Tools
from portal_api.web.replies import JSON

READY_WITHIN = 1.5


async def healthz(_request: Request) -> Response:
    return _json({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Database, queue and storage can be reached, and no stop is under way; 503 within two seconds when not."""
    tools: Tools = request.app.state.tools
    checks = {
        "database": await _database_answers(tools),
        "storage": await _storage_answers(tools),
        "staying": not request.app.state.stopping.is_set(),
    }
    ready = all(checks.values())
    return _json({"status": "ready" if ready else "unavailable", "checks": checks}, 200 if ready else 503)


async def metrics(_request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def jwks(request: Request) -> Response:
    """The public keys of access tokens (RFC 7517)."""
    tools: Tools = request.app.state.tools
    return _json(tools.keyring.jwks(), headers={"Cache-Control": "public, max-age=300"})


async def openapi(request: Request) -> Response:
    return _json(request.app.openapi())


async def _database_answers(tools: Tools) -> bool:
    """One statement that touches the queue too: it lives in the same database."""
    try:
        async with asyncio.timeout(READY_WITHIN), tools.database.side() as connection:
            await connection.fetchval("SELECT 1 FROM procrastinate_jobs LIMIT 1")
    except (TimeoutError, OSError, Unavailable, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


async def _storage_answers(tools: Tools) -> bool:
    """Whether files can be written where they are kept."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            await tools.storage.check()
    except (TimeoutError, Unavailable):
        return False
    return True


def _json(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, JSON)


ROUTES = [
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
    Route("/.well-known/jwks.json", jwks),
    Route("/v1/openapi.json", openapi),
]
