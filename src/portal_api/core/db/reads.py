"""Reads: a statement written once with SQLAlchemy, compiled once, run in one round trip.

On plain PostgreSQL the practice is bound inside the statement itself: a LATERAL join makes the read
depend on set_config, so row-level security sees the caller before it sees a row. The setting dies
with the statement. On Citus set_config does not reach the workers, so there the read runs in a
transaction that begins with SET LOCAL.
"""

from collections.abc import Awaitable, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import asyncpg
from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, literal_column
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.orm import with_loader_criteria
from sqlalchemy.sql import visitors

from portal_api.core.access import ActorKind
from portal_api.core.db.base import UUIDS, ClientOwned, Confidential, PracticeScoped
from portal_api.core.db.binding import Binding
from portal_api.core.db.connections import Connections

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

    The practice, and for client callers whose row it is and from whom it is kept, are added to every table. So there
    are two texts of it, each compiled once: `for_staff` for everyone who is bound to a practice, and `for_client`.
    """

    def __init__(self, statement: Rows) -> None:
        self.statement = statement
        for element in visitors.iterate(statement):
            if isinstance(element, BindParameter):
                element.required = False  # values come at execution; compiling happens once, without them
        self._scoped = statement.where(_GATE_OPEN).options(
            with_loader_criteria(
                PracticeScoped,
                lambda cls: cls.practice_id == bindparam("practice_id", required=False),
                include_aliases=True,
                track_closure_variables=False,
            )
        )
        self.for_staff = Text(self._scoped)

    @cached_property
    def for_client(self) -> "Text":
        return Text(
            self._scoped.options(
                with_loader_criteria(
                    ClientOwned,
                    lambda cls: cls.client_id == bindparam("client_ids", required=False).any_(),  # pyrefly: ignore
                    include_aliases=True,
                    track_closure_variables=False,
                ),
                with_loader_criteria(
                    Confidential,
                    lambda cls: cls.is_open_to(bindparam("own_client_ids", type_=UUIDS, required=False)),
                    include_aliases=True,
                    track_closure_variables=False,
                ),
            ),
            of_client=True,
        )

    def text(self, binding: Binding) -> "Text":
        return self.for_client if binding.kind is ActorKind.CLIENT else self.for_staff


class Text:
    """A compiled statement. `gated` binds and reads; `plain` is for a transaction that is bound already."""

    def __init__(self, statement: Rows, *, of_client: bool = False) -> None:
        self._of_client = of_client
        compiled = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
        self.names: Sequence[str] = compiled.positiontup or ()
        self._names_practice = "practice_id" in self.names
        self.defaults = dict(compiled.params)
        inner = str(compiled)
        self.gated = self._behind_gate(inner)
        self.plain = inner.replace("gate.opened IS NOT NULL", "true")

    def _behind_gate(self, inner: str) -> str:
        n = len(self.names)
        own = f" || set_config('app.own_client_ids', ${n + 3}, true)" if self._of_client else ""
        practice = self.names.index("practice_id") + 1 if self._names_practice else n + 3 + self._of_client
        # OFFSET 0 keeps either side from being merged into the other: the gate opens before a row is read.
        return (
            f"SELECT answer.* FROM (SELECT set_config('app.practice_id', (${practice}::uuid)::text, true)"
            f" || set_config('app.actor_kind', ${n + 1}, true) || set_config('app.client_ids', ${n + 2}, true)"
            f"{own} AS opened OFFSET 0) gate CROSS JOIN LATERAL ({inner} OFFSET 0) answer"
        )

    def gated_arguments(self, binding: Binding, values: Mapping[str, Any]) -> list[Any]:
        """What `gated` takes: the statement's own values, then the gate's."""
        arguments = self.arguments(binding, values)
        arguments += (binding.kind, binding.clients)
        if self._of_client:
            arguments.append(binding.own_clients)
        if not self._names_practice:
            arguments.append(binding.practice_id)
        return arguments

    def arguments(self, binding: Binding, values: Mapping[str, Any]) -> list[Any]:
        """What `plain` takes."""
        known = {
            **self.defaults,
            "practice_id": binding.practice_id,
            "client_ids": binding.client_ids,
            "own_client_ids": binding.own_client_ids,
            **values,
        }
        return [known[name] for name in self.names]


class Reader:
    """Runs reads for one caller on one connection of the read-only pool, for the time of a block: `async with`."""

    __slots__ = ("_connection", "_connections", "binding", "distributed", "tools", "views")

    def __init__(self, connections: Connections, binding: Binding, tools: "Tools", *, distributed: bool) -> None:
        self._connections = connections
        self.binding = binding
        self.tools = tools
        self.distributed = distributed
        self.views: list[Any] = []

    async def __aenter__(self) -> Self:
        self._connection = await self._connections.take()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._connections.give_back(self._connection, after=kind)

    async def rows(self, read: Read, /, **values: Any) -> list[Row]:
        records = await self._fetch(read, values)
        names = tuple(records[0].keys()) if records else ()
        return [dict(zip(names, record, strict=True)) for record in records]

    async def row(self, read: Read, /, **values: Any) -> Row | None:
        records = await self._fetch(read, values)
        return dict(records[0]) if records else None

    def _fetch(self, read: Read, values: Mapping[str, Any]) -> Awaitable[list[asyncpg.Record]]:
        text, binding = read.text(self.binding), self.binding
        if self.distributed:
            return self._fetch_bound(text, binding, values)
        return self._connection.fetch(text.gated, *text.gated_arguments(binding, values))

    async def _fetch_bound(self, text: Text, binding: Binding, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        async with self._connection.transaction(readonly=True):
            for statement in binding.statements():
                await self._connection.execute(statement)
            return await self._connection.fetch(text.plain, *text.arguments(binding, values))
