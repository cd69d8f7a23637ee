"""Reads: a statement written once with SQLAlchemy, compiled once, run in one round trip.

On plain PostgreSQL the practice is bound inside the statement itself: a LATERAL join makes the read
depend on set_config, so row-level security sees the caller before it sees a row. The setting dies
with the statement. On Citus set_config does not reach the workers, so there the read runs in a
transaction that begins with SET LOCAL.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg
from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, literal_column
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.orm import with_loader_criteria
from sqlalchemy.sql import visitors

from portal_api.core.db.base import ClientOwned, PracticeScoped
from portal_api.core.db.binding import Binding

if TYPE_CHECKING:
    from portal_api.core.tools import Tools

Row = dict[str, Any]
Rows = Select[*tuple[Any, ...]]
"""A select of any columns."""
DIALECT = asyncpg_dialect.dialect()
_GATE_OPEN: ColumnElement[bool] = literal_column("gate.opened").is_not(None)


class Source(Protocol):
    """Where a read can run: a Reader (fast, read-only) or the Session of a write."""

    @property
    def tools(self) -> "Tools": ...

    @property
    def binding(self) -> Binding: ...

    async def rows(self, read: "Read", /, **values: Any) -> list[Row]: ...

    async def row(self, read: "Read", /, **values: Any) -> Row | None: ...


class Read:
    """One select, its columns named as the answer names them.

    The practice, and for client callers their clients, are added to every table of the statement.
    """

    def __init__(self, statement: Rows, *, for_client: bool = False) -> None:
        self.statement = statement
        for element in visitors.iterate(statement):
            if isinstance(element, BindParameter):
                element.required = False  # values come at execution; compiling happens once, without them
        scoped = statement.where(_GATE_OPEN).options(
            with_loader_criteria(
                PracticeScoped,
                lambda cls: cls.practice_id == bindparam("practice_id", required=False),
                include_aliases=True,
                track_closure_variables=False,
            )
        )
        if for_client:
            scoped = scoped.options(
                with_loader_criteria(
                    ClientOwned,
                    lambda cls: cls.client_id == bindparam("client_ids", required=False).any_(),  # pyrefly: ignore
                    include_aliases=True,
                    track_closure_variables=False,
                )
            )
        compiled = scoped.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
        self._names: Sequence[str] = compiled.positiontup or ()
        self._defaults = {name: value for name, value in compiled.params.items() if value is not None}
        self._inner = str(compiled)
        self.sql = self._gated()
        self.plain_sql = re.sub(r"gate\.opened IS NOT NULL", "true", self._inner)

    def _gated(self) -> str:
        n = len(self._names)
        practice = self._names.index("practice_id") + 1 if "practice_id" in self._names else n + 3
        # OFFSET 0 keeps either side from being merged into the other: the gate opens before a row is read.
        return (
            f"SELECT answer.* FROM (SELECT set_config('app.practice_id', (${practice}::uuid)::text, true)"
            f" || set_config('app.actor_kind', ${n + 1}, true) || set_config('app.client_ids', ${n + 2}, true)"
            f" AS opened OFFSET 0) gate CROSS JOIN LATERAL ({self._inner} OFFSET 0) answer"
        )

    def gated_arguments(self, binding: Binding, values: Mapping[str, Any]) -> list[Any]:
        """What `sql` takes: the statement's own values, then the gate's."""
        arguments = [*self.arguments(binding, values), binding.kind, binding.clients]
        return arguments if "practice_id" in self._names else [*arguments, binding.practice_id]

    def arguments(self, binding: Binding, values: Mapping[str, Any]) -> list[Any]:
        """What `plain_sql` takes."""
        known = {"practice_id": binding.practice_id, "client_ids": list(binding.client_ids)}
        defaults = self._defaults
        return [values[n] if n in values else known[n] if n in known else defaults.get(n) for n in self._names]


class Reader:
    """Runs reads for one caller on one connection of the read-only pool."""

    __slots__ = ("_connection", "binding", "distributed", "tools", "views")

    def __init__(self, connection: asyncpg.Connection, binding: Binding, tools: "Tools", *, distributed: bool) -> None:
        self._connection = connection
        self.binding = binding
        self.tools = tools
        self.distributed = distributed
        self.views: list[Any] = []

    async def rows(self, read: Read, /, **values: Any) -> list[Row]:
        records = await self._fetch(read, values)
        names = tuple(records[0].keys()) if records else ()
        return [dict(zip(names, record, strict=True)) for record in records]

    async def row(self, read: Read, /, **values: Any) -> Row | None:
        records = await self._fetch(read, values)
        return dict(records[0]) if records else None

    async def _fetch(self, read: Read, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        if self.distributed:
            return await self._fetch_in_transaction(read, read.arguments(self.binding, values))
        return await self._connection.fetch(read.sql, *read.gated_arguments(self.binding, values))

    async def _fetch_in_transaction(self, read: Read, arguments: list[Any]) -> list[asyncpg.Record]:
        async with self._connection.transaction(readonly=True):
            for statement in self.binding.statements():
                await self._connection.execute(statement)
            return await self._connection.fetch(read.plain_sql, *arguments)
