"""Three walls between practices, each tried alone: the predicate, the keys, row-level security."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Text, cast, column, delete, exists, func, select, table, text, update
from sqlalchemy.orm import aliased

from portal_api.core.access import ActorKind
from portal_api.core.db import Base, Binding, ClientOwned, Confidential, Database, PracticeScoped, Read, Reader, Row
from portal_api.core.db.connections import Connections
from portal_api.core.db.database import SERVER_SETTINGS, BoundConnection
from portal_api.models.clients import Client, ClientGrant
from tests.patience import PATIENCE
from tests.planting import Planted, copy, plant
from tests.statements import complaints
from tests.test_catalog import APPEND_ONLY, STAFF_ONLY

SCOPED: list[Any] = sorted(
    (m.class_ for m in Base.registry.mappers if issubclass(m.class_, PracticeScoped)), key=lambda c: c.__tablename__
)
OWNED = [model for model in SCOPED if issubclass(model, ClientOwned)]
ALTERNATIONS = 1000


@pytest.fixture(scope="module")
def planted(cluster: str) -> Planted:
    return plant(cluster, "tenants")


@pytest.fixture(scope="module")
def unwalled(cluster: str, planted: Planted) -> Planted:
    """The same without row-level security: only what the program itself says keeps practices apart."""
    unwalled = copy(cluster, planted, "tenants_unwalled")
    with unwalled.superuser() as connection:
        for name in unwalled.tables:
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(sql.Identifier(name)))
        seen = connection.execute("SELECT count(DISTINCT practice_id) FROM client").fetchone()
    assert seen == (2,)
    return unwalled


@asynccontextmanager
async def opened(planted: Planted, pool_size: int = 4) -> AsyncIterator[Database]:
    database = Database(planted.owner_url, pool_size=pool_size)
    database.tools = None  # type: ignore[assignment] - nothing here uses them
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture(scope="module")
async def predicates(unwalled: Planted) -> AsyncIterator[Database]:
    async with opened(unwalled) as database:
        yield database


def of(model: Any) -> Any:
    return pytest.mark.parametrize("model", model, ids=lambda m: m.__tablename__)


class TestPredicateAlone:
    """Row-level security is off; every row of B is there to be found."""

    @of(SCOPED)
    async def test_selects_find_only_the_own_practice(
        self, model: Any, predicates: Database, unwalled: Planted
    ) -> None:
        async with predicates.session(Binding.system(unwalled.a)) as session:
            for entity in (model, aliased(model)):
                rows = (await session.scalars(select(entity))).all()
                assert {row.practice_id for row in rows} == {unwalled.a}
            counted = await session.scalar(select(func.count()).select_from(model))
            assert counted == len(rows)
            inside = select(model.practice_id).scalar_subquery()
            assert await session.scalar(select(func.count()).select_from(model).where(model.practice_id.in_(inside)))
            assert not await session.scalar(select(exists().where(model.practice_id == unwalled.b)))

    @of(SCOPED)
    async def test_reads_find_only_the_own_practice(self, model: Any, predicates: Database, unwalled: Planted) -> None:
        alias = aliased(model)
        reads = [Read(select(model.practice_id)), Read(select(alias.practice_id))]
        for read in reads:
            async with predicates.reader(Binding.system(unwalled.a)) as reader:
                rows = await reader.rows(read)
            assert {UUID(str(row["practice_id"])) for row in rows} == {unwalled.a}

    @of([model for model in SCOPED if model.__tablename__ not in APPEND_ONLY])
    async def test_updates_and_deletes_touch_only_the_own_practice(
        self, model: Any, predicates: Database, unwalled: Planted
    ) -> None:
        with unwalled.superuser() as connection:
            count = sql.SQL("SELECT count(*) FROM {} WHERE practice_id = %s").format(
                sql.Identifier(model.__tablename__)
            )
            before = connection.execute(count, [unwalled.b]).fetchone()
            async with predicates.session(Binding.system(unwalled.a)) as session:
                key = model.__mapper__.primary_key[-1]
                nothing = select(model.practice_id).where(model.practice_id == unwalled.b)
                assert (await session.execute(nothing)).all() == []
                changed = await session.execute(update(model).values({key.name: key}).returning(model.practice_id))
                assert {*changed.scalars()} == {unwalled.a}
                aimed = update(model).where(model.practice_id == unwalled.b).values({key.name: key})
                assert (await session.execute(aimed.returning(model.practice_id))).all() == []
                aimed_delete = delete(model).where(model.practice_id == unwalled.b).returning(model.practice_id)
                assert (await session.execute(aimed_delete)).all() == []
            after = connection.execute(count, [unwalled.b]).fetchone()
        assert before == after

    async def test_joins_are_confined_on_every_side(self, predicates: Database, unwalled: Planted) -> None:
        other = aliased(Client)
        join = select(Client.practice_id, other.practice_id).join(other, Client.given_name != other.given_name)
        outer = select(Client.practice_id, ClientGrant.practice_id).outerjoin(ClientGrant, text("true"))
        async with predicates.session(Binding.system(unwalled.a)) as session:
            assert {*(await session.execute(join)).all()} == {(unwalled.a, unwalled.a)}
            assert {*(await session.execute(outer)).all()} == {(unwalled.a, unwalled.a)}

    async def test_a_key_of_another_practice_gets_nothing(self, predicates: Database, unwalled: Planted) -> None:
        with unwalled.superuser() as connection:
            row = connection.execute("SELECT id FROM client WHERE practice_id = %s", [unwalled.b]).fetchone()
        assert row is not None
        async with predicates.session(Binding.system(unwalled.a)) as session:
            assert await session.get(Client, (unwalled.b, row[0])) is None
            assert await session.get(Client, (unwalled.a, row[0])) is None

    @of(OWNED)
    async def test_client_callers_find_only_their_own_clients(
        self, model: Any, predicates: Database, unwalled: Planted
    ) -> None:
        own = Binding(unwalled.a, ActorKind.CLIENT, (unwalled.client,), (unwalled.client,))
        assert await self.owners(model, predicates, own) == {unwalled.client}

    @of(OWNED)
    async def test_guardians_find_what_is_not_confidential(
        self, model: Any, predicates: Database, unwalled: Planted
    ) -> None:
        """F6.B3: whatever may be confidential was planted so."""
        guardians = Binding(unwalled.a, ActorKind.CLIENT, (unwalled.client,))
        seen = set() if issubclass(model, Confidential) else {unwalled.client}
        assert await self.owners(model, predicates, guardians) == seen

    @staticmethod
    async def owners(model: Any, predicates: Database, binding: Binding) -> set[UUID]:
        async with predicates.session(binding) as session:
            rows = {row.client_id for row in (await session.scalars(select(model))).all()}
        async with predicates.reader(binding) as reader:
            found = {UUID(str(row["client_id"])) for row in await reader.rows(Read(select(model.client_id)))}
        assert rows == found
        return rows

    async def test_new_rows_belong_to_the_caller(self, predicates: Database, unwalled: Planted) -> None:
        async with predicates.session(Binding.system(unwalled.a)) as session:
            client = Client(given_name="New", family_name="Client")
            session.add(client)
            await session.flush()
            assert client.practice_id == unwalled.a


class TestKeysAlone:
    """As the superuser, whom no policy and no predicate stops."""

    def test_no_row_refers_into_another_practice(self, planted: Planted) -> None:
        with planted.superuser() as connection:
            keys = connection.execute(
                "SELECT conname, conrelid::regclass::text, confrelid::regclass::text, conkey, confkey,"
                " (SELECT array_agg(attname::text ORDER BY o) FROM unnest(conkey) WITH ORDINALITY AS k(n, o)"
                "   JOIN pg_attribute ON attrelid = conrelid AND attnum = n),"
                " (SELECT array_agg(attname::text ORDER BY o) FROM unnest(confkey) WITH ORDINALITY AS k(n, o)"
                "   JOIN pg_attribute ON attrelid = confrelid AND attnum = n)"
                " FROM pg_constraint WHERE contype = 'f' AND array_length(conkey, 1) > 1"
            ).fetchall()
            tried = 0
            for name, child, parent, _, _, here, there in keys:
                self._refused(connection, planted, name, (child, parent), dict(zip(here, there, strict=True)))
                tried += 1
        assert tried > 10

    @staticmethod
    def _refused(
        connection: psycopg.Connection, planted: Planted, name: str, tables: tuple[str, str], columns: dict[str, str]
    ) -> None:
        child, parent = (sql.Identifier(table) for table in tables)
        here, there = next((here, there) for here, there in columns.items() if here != "practice_id")
        foreign = sql.SQL("(SELECT {} FROM {} WHERE practice_id = {} LIMIT 1)").format(
            sql.Identifier(there), parent, sql.Literal(planted.b)
        )
        statement = sql.SQL(
            "UPDATE {} SET {} = {} WHERE practice_id = {} AND ctid = (SELECT min(ctid) FROM {} w"
        ).format(child, sql.Identifier(here), foreign, sql.Literal(planted.a), child) + sql.SQL(
            " WHERE w.practice_id = {})"
        ).format(sql.Literal(planted.a))
        with pytest.raises(psycopg.errors.ForeignKeyViolation) as refusal:
            connection.execute(statement)
        assert refusal.value.diag.constraint_name == name


class TestRowLevelSecurityAlone:
    """Raw SQL without a predicate, under the program's role."""

    @pytest.fixture
    def connection(self, planted: Planted) -> Iterator[psycopg.Connection]:
        with planted.program() as connection:
            yield connection
            connection.rollback()

    @staticmethod
    def bind(connection: psycopg.Connection, binding: Binding) -> None:
        for statement in binding.statements():
            connection.execute(statement.encode())

    @staticmethod
    def seen(connection: psycopg.Connection, name: str, key: str) -> set[UUID]:
        query = sql.SQL("SELECT DISTINCT {} FROM {}").format(sql.Identifier(key), sql.Identifier(name))
        return {row[0] for row in connection.execute(query)}

    def test_a_caller_sees_only_the_own_practice_in_every_table(
        self, connection: psycopg.Connection, planted: Planted
    ) -> None:
        for kind in (ActorKind.STAFF, ActorKind.ANONYMOUS, ActorKind.API_CLIENT):
            self.bind(connection, Binding(planted.a, kind))
            for name, key in planted.tables.items():
                assert self.seen(connection, name, key) == {planted.a}, name

    def test_the_program_itself_sees_only_one_practices_rows(
        self, connection: psycopg.Connection, planted: Planted
    ) -> None:
        """But for the list of practices, which it works through one by one."""
        self.bind(connection, Binding.system(planted.a))
        for name, key in planted.tables.items():
            expected = {planted.a, planted.b} if name == "practice" else {planted.a}
            assert self.seen(connection, name, key) == expected, name

    def test_a_client_sees_only_their_own_clients_rows(self, connection: psycopg.Connection, planted: Planted) -> None:
        self.bind(connection, Binding(planted.a, ActorKind.CLIENT, (planted.client,), (planted.client,)))
        for name in {model.__tablename__ for model in OWNED} | {"invitation"}:
            assert self.seen(connection, name, "client_id") == {planted.client}, name
        assert self.seen(connection, "client", "id") == {planted.client}

    def test_a_guardian_sees_nothing_confidential(self, connection: psycopg.Connection, planted: Planted) -> None:
        """F6.B3: whatever may be confidential was planted so."""
        self.bind(connection, Binding(planted.a, ActorKind.CLIENT, (planted.client,)))
        for model in OWNED:
            seen = set() if issubclass(model, Confidential) else {planted.client}
            assert self.seen(connection, model.__tablename__, "client_id") == seen, model

    def test_no_client_sees_what_is_for_staff_alone(self, connection: psycopg.Connection, planted: Planted) -> None:
        self.bind(connection, Binding(planted.a, ActorKind.CLIENT, (planted.client,), (planted.client,)))
        for name in STAFF_ONLY:
            assert self.seen(connection, name, "client_id") == set(), name

    def test_a_client_without_clients_sees_no_chart(self, connection: psycopg.Connection, planted: Planted) -> None:
        self.bind(connection, Binding(planted.a, ActorKind.CLIENT))
        for name in {model.__tablename__ for model in OWNED} | {"invitation", "client"}:
            assert self.seen(connection, name, planted.tables[name]) == set(), name

    def test_the_unbound_see_nothing(self, connection: psycopg.Connection, planted: Planted) -> None:
        for binding in (None, Binding(), Binding(uuid4(), ActorKind.STAFF)):
            if binding is not None:
                self.bind(connection, binding)
            for name, key in planted.tables.items():
                assert self.seen(connection, name, key) == set(), name

    def test_after_a_bound_transaction_the_connection_is_unbound(
        self, connection: psycopg.Connection, planted: Planted
    ) -> None:
        """The setting is then empty text, not null: the policies must survive that."""
        self.bind(connection, Binding(planted.a, ActorKind.STAFF))
        connection.commit()
        for name, key in planted.tables.items():
            assert self.seen(connection, name, key) == set(), name

    def test_nothing_can_be_written_into_another_practice(
        self, connection: psycopg.Connection, planted: Planted
    ) -> None:
        connection.commit()
        for name, key in planted.tables.items():
            with connection.transaction(force_rollback=True):
                self.bind(connection, Binding(planted.b, ActorKind.STAFF))
                fields = (sql.Identifier(name), sql.Identifier(key), sql.Literal(planted.a))
                row = sql.SQL("INSERT INTO {0} SELECT (jsonb_populate_record(r, %s)).* FROM {0} r LIMIT 1").format(
                    fields[0]
                )
                generated = _generated(connection, name)
                if generated:
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                    connection.execute(row, [psycopg.types.json.Jsonb({key: str(planted.a)})])

    def test_nothing_can_be_moved_into_another_practice(self, connection: psycopg.Connection, planted: Planted) -> None:
        connection.commit()
        for name, key in planted.tables.items():
            with connection.transaction(force_rollback=True):
                self.bind(connection, Binding(planted.b, ActorKind.STAFF))
                move = sql.SQL("UPDATE {} SET {} = {}").format(
                    sql.Identifier(name), sql.Identifier(key), sql.Literal(planted.a)
                )
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(move)

    def test_deletes_without_a_predicate_leave_the_others_alone(
        self, connection: psycopg.Connection, planted: Planted
    ) -> None:
        connection.commit()
        with connection.transaction(force_rollback=True), planted.superuser() as superuser:
            self.bind(connection, Binding(planted.b, ActorKind.STAFF))
            connection.execute("DELETE FROM idempotency_record")
            query = "SELECT DISTINCT practice_id FROM idempotency_record"
            self.bind(connection, Binding(planted.a, ActorKind.STAFF))
            assert {row[0] for row in connection.execute(query)} == {planted.a}
            assert superuser.execute(query).fetchall()


def _generated(connection: psycopg.Connection, name: str) -> bool:
    query = "SELECT 1 FROM information_schema.columns WHERE table_name = %s AND is_generated = 'ALWAYS'"
    return connection.execute(query, [name]).fetchone() is not None


CLIENT_ROWS = Read(select(column("practice_id")).select_from(table("client")))
"""Without a predicate: a bare table has no criteria, so nothing but row-level security confines it."""


@pytest.mark.whatever_rows
class TestPool:
    async def test_a_reused_connection_never_shows_another_practices_rows(self, planted: Planted) -> None:
        """One connection, a thousand callers of two practices; errors, cancels and savepoints in between."""
        chance = random.Random(7)
        async with opened(planted, pool_size=1) as database:
            for number in range(ALTERNATIONS):
                practice = (planted.a, planted.b)[number % 2]
                seen = await _one_caller(database, Binding(practice, ActorKind.STAFF), chance.randrange(12))
                assert seen <= {practice}

    async def test_many_at_once(self, planted: Planted) -> None:
        async with opened(planted, pool_size=3) as database:

            async def caller(number: int) -> None:
                practice = (planted.a, planted.b)[number % 2]
                assert await _one_caller(database, Binding(practice, ActorKind.STAFF), number % 8) <= {practice}

            async with asyncio.TaskGroup() as group:
                for number in range(60):
                    group.create_task(caller(number))


async def _one_caller(database: Database, binding: Binding, what: int) -> set[UUID]:
    """Work in one of several manners; the practices whose rows were seen on the way."""
    everything = text("SELECT practice_id FROM client")
    if what < 4:
        async with database.reader(binding) as reader:
            return {UUID(str(row["practice_id"])) for row in await reader.rows(CLIENT_ROWS)}
    seen: set[UUID] = set()
    try:
        async with database.session(binding) as session:
            if what == 4:
                async with session.begin_nested():
                    seen |= {*(await session.scalars(everything))}
            if what == 5:
                await session.execute(text("SELECT 1 / 0"))
            if what == 6:
                await session.rebind(Binding())
                assert not (await session.scalars(everything)).all()
                await session.rebind(binding)
            if what == 11:
                async with asyncio.timeout(0.002):
                    await session.execute(text("SELECT pg_sleep(1)"))
            seen |= {*(await session.scalars(everything))}
            assert seen
            if what == 7:
                await session.rollback()
                seen |= {*(await session.scalars(everything))}
            if what == 8:
                raise LookupError
    except (LookupError, TimeoutError):
        pass
    except Exception as error:
        if what != 5:
            raise
        assert "division" in str(error)
    return seen


class TestBinding:
    async def test_the_driver_begins_with_the_word_begin(self, planted: Planted) -> None:
        """What BoundConnection listens for is no documented contract of asyncpg's."""
        said: list[str] = []

        class Listening(BoundConnection):
            __slots__ = ()

            async def execute(self, query: str, *args: Any, **options: Any) -> str:
                said.append(query)
                return await super().execute(query, *args, **options)

        connection = await asyncpg.connect(
            _asyncpg(planted), connection_class=Listening, server_settings=SERVER_SETTINGS
        )
        try:
            for options in ({}, {"isolation": "serializable"}, {"isolation": "repeatable_read", "readonly": True}):
                said.clear()
                async with connection.transaction(**options):
                    assert said[0].startswith("BEGIN")
                    assert said[0].endswith(";")
                    said.clear()
                    async with connection.transaction():
                        assert said[0].startswith("SAVEPOINT")
        finally:
            await connection.close()

    @pytest.mark.whatever_rows
    async def test_an_unbound_session_sees_nothing(self, planted: Planted) -> None:
        async with opened(planted) as database, database.session(Binding()) as session:
            for name in planted.tables:
                assert (await session.execute(text(f"SELECT 1 FROM {name}"))).all() == []


REGIMES = {
    "custom plans": ["SET plan_cache_mode = force_custom_plan"],
    "generic plans": ["SET plan_cache_mode = force_generic_plan"],
    "no nested loops": ["SET enable_nestloop = off"],
    "no index": ["SET enable_indexscan = off", "SET enable_bitmapscan = off", "SET enable_indexonlyscan = off"],
    "no sequential scans": ["SET enable_seqscan = off"],
    "no hash or merge joins": ["SET enable_hashjoin = off", "SET enable_mergejoin = off", "SET enable_material = off"],
    "parallel": [
        "SET min_parallel_table_scan_size = 0",
        "SET parallel_setup_cost = 0",
        "SET parallel_tuple_cost = 0",
        "SET max_parallel_workers_per_gather = 4",
    ],
}
_clients, _grants = table("client", column("practice_id"), column("id")), table("client_grant", column("practice_id"))
GATED = {
    "a table": CLIENT_ROWS,
    "ordered and limited": Read(select(_clients.c.practice_id).order_by(_clients.c.id.desc()).limit(20)),
    "a join": Read(select(_clients.c.practice_id, _grants.c.practice_id.label("other")).join(_grants, text("true"))),
    "an aggregate": Read(select(func.min(cast(_clients.c.practice_id, Text)).label("practice_id"))),
}


@pytest.mark.whatever_rows
class TestGate:
    """A read sets its practice and reads in one statement: the order is the planner's, so every plan is tried."""

    @pytest.mark.parametrize("regime", REGIMES.values(), ids=REGIMES.keys())
    async def test_rows_are_the_bound_practices_under_every_plan(self, regime: list[str], planted: Planted) -> None:
        connection = await asyncpg.connect(_asyncpg(planted), server_settings=SERVER_SETTINGS)
        try:
            for setting in regime:
                await connection.execute(setting)
            for read in GATED.values():
                for number in range(14):  # generic plans may take over from the sixth execution on
                    practice = (planted.a, planted.b)[number % 2]
                    rows = await reading(connection, practice, read)
                    assert {UUID(str(value)) for row in rows for value in row.values()} == {practice}
                    assert [row for row in await reading(connection, uuid4(), read) if any(row.values())] == []
            assert await connection.fetch("SELECT 1 FROM client") == []
        finally:
            await connection.close()


async def reading(connection: asyncpg.Connection, practice: UUID, read: Read) -> list[Row]:
    binding = Binding(practice, ActorKind.STAFF)

    async def connect() -> asyncpg.Connection:
        return connection

    one = Connections(connect, size=1, timeout=PATIENCE)
    async with Reader(one, binding, None, distributed=False) as reader:  # type: ignore[arg-type]
        return await reader.rows(read)


def _asyncpg(planted: Planted) -> str:
    return planted.owner_url.replace("postgresql+psycopg://", "postgresql://")


class TestStatementGuard:
    """The watch over every statement of this suite (tests/statements.py) bites."""

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT client.id FROM client WHERE client.id = $1",
            "SELECT c.id FROM client AS c WHERE client.practice_id = $1",
            "UPDATE client SET given_name=$1 WHERE client.id = $2",
            "DELETE FROM client WHERE client.id = $1",
            "INSERT INTO client (id, given_name) VALUES ($1, $2)",
            "SELECT 1 FROM client JOIN account ON account.id = client.id WHERE client.practice_id = $1",
            "SELECT 1 FROM client, account WHERE client.practice_id = $1::UUID",
            "SELECT 1 FROM client WHERE client.practice_id = $1 AND EXISTS (SELECT * FROM client WHERE client.id = $2)",
            "SELECT 1 FROM client JOIN account ON account.practice_id = client.practice_id"
            " WHERE client.practice_id = $1",
            "SELECT practice.id FROM practice",
        ],
    )
    def test_a_statement_without_its_practice_is_found(self, statement: str) -> None:
        assert complaints(statement)

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT c.id FROM client AS c WHERE c.practice_id = $1::UUID",
            "UPDATE client SET given_name=$1 WHERE client.practice_id = $2 AND client.id = $3",
            "INSERT INTO client (practice_id, id) VALUES ($1, $2)",
            "SELECT 1 FROM rate_limit WHERE key = $1",
            "SELECT practice.id FROM practice WHERE practice.id = $1::UUID FOR UPDATE",
        ],
    )
    def test_a_statement_with_it_is_not(self, statement: str) -> None:
        assert complaints(statement) == []
