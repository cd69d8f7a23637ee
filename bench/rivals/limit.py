"""The limit: a bare ASGI application, asyncpg and orjson. It checks nothing and knows nobody.

It runs the statement that the program compiles for the same answer, without what binds it to a caller, under a
role that row-level security does not apply to; the practice comes with the path.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from inspect import signature
from typing import Any

import asyncpg
import orjson

from portal_api.core.db.reads import Text
from portal_api.services import me, practices
from portal_api.services.clients import reading

_PLAIN = dict.fromkeys(list(signature(reading.many).parameters)[1:], False)
_LIST = reading.many(True, **_PLAIN).for_staff
_ONE = reading.one(True).for_staff
_PRACTICE = f"{practices.PRACTICE.for_staff.plain} AND practice.id = $1"
_HEADERS = [(b"content-type", b"application/json")]
_ME = me.ME.for_staff
_NEW_NAME = "UPDATE client SET preferred_name = $3, version = version + 1 WHERE practice_id = $1 AND id = $2"
_EVENT = (
    "INSERT INTO event (practice_id, id, type, actor_kind) VALUES ($1, gen_random_uuid(), 'client.updated', 'staff')"
)

Scope = MutableMapping[str, Any]
Send = Callable[[Scope], Awaitable[None]]
Receive = Callable[[], Awaitable[Scope]]


def _arguments(text: Text, practice_id: str, **values: Any) -> list[Any]:
    """In the order of the statement's placeholders."""
    known = {**text.defaults, "practice_id": practice_id, **values}
    return [known[name] for name in text.names]


class Limit:
    """/list/<practice>, /client/<practice>/<client>, /practice/<practice>, /me/<practice>/<account>; PATCH renames."""

    def __init__(self) -> None:
        self._pool: asyncpg.Pool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        _, what, *ids = scope["path"].split("/")
        body = await self._answer(what, *ids, method=scope["method"]) if ids else b"{}"
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, length]})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, what: str, practice: str, client: str = "", *, method: str) -> bytes:
        pool = self._pool
        assert pool is not None
        if what == "list":
            rows = await pool.fetch(_LIST.plain, *_arguments(_LIST, practice, limit=21))
            return _json({"data": [dict(row) for row in rows[:20]], "next_cursor": "x" * 104})
        if what == "practice":
            row = await pool.fetchrow(_PRACTICE, practice)
        elif what == "me":
            row = await pool.fetchrow(_ME.plain, *_arguments(_ME, practice, account_id=client))
        elif method == "GET":
            row = await pool.fetchrow(_ONE.plain, *_arguments(_ONE, practice, client_id=client))
        else:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(_NEW_NAME, practice, client, "Grace")
                await connection.execute(_EVENT, practice)
                row = await connection.fetchrow(_ONE.plain, *_arguments(_ONE, practice, client_id=client))
        return _json(dict(row or {}))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pool = await asyncpg.create_pool(
            os.environ["BENCH_FREE_URL"],
            min_size=8,
            max_size=8,
            reset=_nothing,
            init=_codecs,
            server_settings={"jit": "off", "plan_cache_mode": "force_generic_plan"},
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


def _json(content: dict[str, Any]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


async def _nothing(_connection: asyncpg.Connection) -> None:
    """No reset: nothing is set."""


async def _codecs(connection: asyncpg.Connection) -> None:
    """UUIDs as text, which orjson writes as it is; JSON by orjson."""
    await connection.set_type_codec("uuid", encoder=str, decoder=str, schema="pg_catalog", format="text")
    await connection.set_type_codec("jsonb", encoder=str, decoder=orjson.loads, schema="pg_catalog")


app = Limit()
