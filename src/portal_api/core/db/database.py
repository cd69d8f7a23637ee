"""Connections, sessions and transactions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import asyncpg
import orjson
import structlog
from sqlalchemy import bindparam, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm.session import SessionTransaction

from portal_api.core.access import ActorKind
from portal_api.core.config import APP_ROLE
from portal_api.core.db.announcements import Announcer, Listener
from portal_api.core.db.appends import Append, Insert
from portal_api.core.db.base import UUIDS, ClientOwned, Confidential, PracticeScoped
from portal_api.core.db.binding import Binding
from portal_api.core.db.connections import Connections, Lease
from portal_api.core.db.reads import Read, Reader, Row
from portal_api.core.errors import Unavailable

if TYPE_CHECKING:
    from portal_api.core.tools import Tools

ACQUIRE_TIMEOUT = 2.0
CONNECT_TIMEOUT = 2.0
WRITE_PATIENCE = 10.0
"""So long a write waits for its connection: many at once over one thing are answered, not turned away."""
SIDE_POOL_SIZE = 2
SERVER_SETTINGS = {
    "role": APP_ROLE,
    "application_name": "portal-api",
    "statement_timeout": "5000",
    "idle_in_transaction_session_timeout": "10000",
    "timezone": "UTC",
    "jit": "off",
    "random_page_cost": "1.1",  # of a solid-state disk: an index pays for small tables too
}


ONE_PLAN = {"plan_cache_mode": "force_generic_plan"}
"""Each statement is planned once a connection: its shape is its own, and its cost must not depend on who asks."""
_LOBBY = Binding()
_log = structlog.get_logger()
T = TypeVar("T")


class BoundConnection(asyncpg.Connection):
    """Sends BEGIN and the binding in one message, so that binding costs no round trip."""

    __slots__ = ("binding",)
    distributed = False

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        if args or not query.startswith("BEGIN"):
            return await super().execute(query, *args, **options)
        binding: Binding = getattr(self, "binding", _LOBBY)  # unbound: nobody's practice, which has no rows
        await self._send([query.rstrip(";"), *binding.statements()])
        return "BEGIN"

    async def bind(self, binding: Binding) -> None:
        """Bind the transaction that is open, or the one that comes."""
        self.binding = binding
        if self.is_in_transaction():
            await self._send(list(binding.statements()))

    async def _send(self, statements: list[str]) -> None:
        """One message on plain PostgreSQL; one message a statement on Citus, which replays them (rule 13)."""
        messages = statements if self.distributed else [";".join(statements)]
        for message in messages:
            await super().execute(message)


class DistributedConnection(BoundConnection):
    """The same on a Citus cluster."""

    __slots__ = ()
    distributed = True


class _SyncSession(SyncSession):
    """Bound to a caller; adds the practice to every statement and to every new row."""

    binding: Binding
    adapted: Any
    """SQLAlchemy's hold of the driver's connection, while a transaction is open."""


class Session(AsyncSession):
    """A transaction of one caller. Services flush; only Database commits."""

    sync_session_class = _SyncSession
    tools: "Tools"

    @property
    def binding(self) -> Binding:
        return self._sync.binding

    @property
    def _sync(self) -> _SyncSession:
        assert isinstance(self.sync_session, _SyncSession)  # noqa: S101 - the class above
        return self.sync_session

    @property
    def announced(self) -> frozenset[UUID]:
        """The practices of which others learn, once it has committed, that something has happened."""
        return frozenset(self.sync_session.info.get("announced", ()))

    def announce(self) -> None:
        """Tell every process, after the commit, that something has happened in this practice."""
        self.sync_session.info.setdefault("announced", set()).add(self.binding.practice_id)

    def begin_as(self, binding: Binding) -> None:
        """Say whose transaction it will be, before its first statement."""
        self._sync.binding = binding

    async def rebind(self, binding: Binding) -> None:
        """The door from the lobby into a practice, within the same transaction."""
        if binding == self.binding:
            return
        await self._flushed()
        self._sync.binding = binding
        if self.in_transaction():
            await self._sync.adapted.driver_connection.bind(binding)

    async def rows(self, read: Read, /, **values: Any) -> list[Row]:
        """Run the read as it was compiled once: the ORM would take the statement apart again each time."""
        await self._flushed()
        text = read.text(self.binding)
        found = await self._driver(BoundConnection.fetch, text.plain, text.arguments(self.binding, values))
        return [dict(row) for row in found]

    async def row(self, read: Read, /, **values: Any) -> Row | None:
        rows = await self.rows(read, **values)
        return rows[0] if rows else None

    async def insert(self, insert: Insert, **values: Any) -> None:
        """Insert one row of this practice, as the insert was compiled once."""
        await self._driver(BoundConnection.execute, insert.sql, insert.arguments(self.binding, values))

    async def _flushed(self) -> None:
        if self.new or self.dirty or self.deleted:
            await self.flush()

    async def _driver(self, run: Callable[..., Awaitable[T]], statement: str, arguments: Sequence[Any]) -> T:
        """Run it on the driver's connection, in this transaction: SQLAlchemy's own way costs as much again."""
        if not self.in_transaction():
            await self.connection()
        adapted = self._sync.adapted
        try:
            if adapted._transaction is None:  # SQLAlchemy sends BEGIN before its own first statement only
                await adapted._start_transaction()
            return await run(adapted.driver_connection, statement, *arguments)
        except Exception as error:
            if adapted.driver_connection.is_closed():
                await (await self.connection()).invalidate(error)
            if isinstance(error, adapted.dbapi.Error) and error.__cause__:
                raise error.__cause__ from None
            raise


@event.listens_for(_SyncSession, "after_begin")
def _bind_connection(session: _SyncSession, _transaction: SessionTransaction, connection: Connection) -> None:
    raw = connection.connection.driver_connection
    assert isinstance(raw, BoundConnection)  # noqa: S101 - the engine is made with this class
    raw.binding = session.binding
    session.adapted = connection.connection.dbapi_connection


# Made once, with the values left open: made anew for each statement they cost as much as its execution.
_OF_PRACTICE = with_loader_criteria(
    PracticeScoped,
    lambda cls: cls.practice_id == bindparam("bound_practice_id", required=True),
    include_aliases=True,
    track_closure_variables=False,
)
_OF_CLIENTS = with_loader_criteria(
    ClientOwned,
    lambda cls: cls.client_id == bindparam("bound_client_ids", required=True).any_(),  # pyrefly: ignore
    include_aliases=True,
    track_closure_variables=False,
)
_OPEN_TO_CALLER = with_loader_criteria(
    Confidential,
    lambda cls: cls.is_open_to(bindparam("bound_own_client_ids", type_=UUIDS, required=True)),
    include_aliases=True,
    track_closure_variables=False,
)
_OF_CLIENT_CALLERS = (_OF_PRACTICE, _OF_CLIENTS, _OPEN_TO_CALLER)


@event.listens_for(_SyncSession, "do_orm_execute")
def _add_criteria(state: ORMExecuteState) -> None:
    """Every select, update and delete says whose rows it means; loaders of relationships inherit it."""
    if state.is_insert or state.is_column_load:
        return
    binding: Binding = state.session.binding  # pyrefly: ignore
    if not state.is_relationship_load:
        criteria = _OF_CLIENT_CALLERS if binding.kind is ActorKind.CLIENT else (_OF_PRACTICE,)
        state.statement = state.statement.options(*criteria)
    given = state.parameters or {}
    assert isinstance(given, Mapping)  # noqa: S101 - sequences are for inserts
    bound = {
        "bound_practice_id": binding.practice_id,
        "bound_client_ids": binding.client_ids,
        "bound_own_client_ids": binding.own_client_ids,
    }
    state.parameters = {**given, **bound}


@event.listens_for(_SyncSession, "before_flush")
def _fill_practice(session: _SyncSession, _context: object, _instances: object) -> None:
    for row in session.new:
        if isinstance(row, PracticeScoped) and row.practice_id is None:
            row.practice_id = session.binding.practice_id


class Database:
    """The pools. `session` for work that writes, `reader` for reads."""

    tools: "Tools"
    """Handed to every session; set once by the composition root."""

    def __init__(self, url: str, *, pool_size: int = 8, distributed: bool = False) -> None:
        self.url = _asyncpg_url(url)
        self.distributed = distributed
        self._engine = create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=WRITE_PATIENCE,
            hide_parameters=True,
            connect_args={
                "connection_class": DistributedConnection if distributed else BoundConnection,
                "server_settings": SERVER_SETTINGS,
                "timeout": CONNECT_TIMEOUT,
            },
        )
        self._sessions = async_sessionmaker(self._engine, class_=Session, expire_on_commit=False)
        self._readers = self._connections(pool_size, {"default_transaction_read_only": "on"})
        self._side = self._connections(SIDE_POOL_SIZE, {})
        # Its own: reads wait for their record, and must not wait behind whoever counts sign-ins.
        self._appends = self._connections(1, {})
        self._announcer = Announcer(self.side)

    async def open(self) -> None:
        await self._readers.open()
        await self._side.open()
        await self._appends.open()

    def _connections(self, size: int, settings: dict[str, str]) -> Connections:
        async def connect() -> asyncpg.Connection:
            connection = await self._connect(ONE_PLAN | settings)
            await _decode_json(connection)
            return connection

        return Connections(connect, size=size, timeout=ACQUIRE_TIMEOUT)

    async def _connect(self, settings: dict[str, str]) -> asyncpg.Connection:
        dsn = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return await asyncpg.connect(dsn, server_settings=SERVER_SETTINGS | settings, timeout=CONNECT_TIMEOUT)

    def listener(self, heard: Callable[[UUID], None], connected: Callable[[], None]) -> Listener:
        """Hears, on a connection of its own, in which practices something was committed."""
        return Listener(partial(self._connect, {}), heard, connected)

    async def close(self) -> None:
        await self._announcer.close()
        await self._readers.close()
        await self._side.close()
        await self._appends.close()
        await self._engine.dispose()

    @asynccontextmanager
    async def session(self, binding: Binding) -> AsyncIterator[Session]:
        """One transaction bound to one caller: committed at the end, rolled back on any error.

        An error whose `keeps_effects` is true is part of the work: it commits, then is raised.
        """
        async with self._sessions() as session:
            session.begin_as(binding)
            session.tools = self.tools
            try:
                yield session
            except Exception as error:
                if getattr(error, "keeps_effects", False):
                    await self._commit(session)
                raise
            await self._commit(session)

    async def _commit(self, session: Session) -> None:
        await session.commit()
        for practice_id in session.announced:
            self._announcer.announce(practice_id)

    def reader(self, binding: Binding) -> Reader:
        """For reads of one caller, for the time of a block: `async with`."""
        return Reader(self._readers, binding, self.tools, distributed=self.distributed)

    def side(self) -> Lease:
        """A writable connection beside the caller's transaction, for global tables (limits, readiness).

        Its own small pool: whoever holds a session and asks for this one waits for nobody who does the same.
        """
        return self._side.one()

    async def append(self, append: Append, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows of any practices, on behalf of the program itself; durable on return. Raises Unavailable."""
        async with self._appends.one() as connection:
            try:
                await append.run(connection, rows, distributed=self.distributed)
            except asyncpg.PostgresError as error:
                _log.error("append_refused", error=type(error).__qualname__)
                raise Unavailable("This cannot be recorded now, and so it is not done.") from error


def _asyncpg_url(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+asyncpg")


async def _decode_json(connection: asyncpg.Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=_encode_json, decoder=orjson.loads, schema="pg_catalog")


def _encode_json(value: object) -> str:
    return orjson.dumps(value).decode()
