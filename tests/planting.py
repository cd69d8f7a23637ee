"""Rows in every table of the catalog, for two practices, planted past every rule: for trying one wall at a time."""

from dataclasses import dataclass, replace
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from portal_api.core.ids import new_id
from tests.database import migrated_database

VALUES: dict[str, LiteralString] = {
    "uuid": "gen_random_uuid()",
    "text": "gen_random_uuid()::text",
    "bytea": "uuid_send(gen_random_uuid())",
    "timestamp with time zone": "now()",
    "date": "current_date",
    "time without time zone": "'09:00'",
    "integer": "floor(random() * 1000000)::int",
    "smallint": "floor(random() * 1000)::int",
    "bigint": "floor(random() * 1000000)::int",
    "numeric": "1",
    "double precision": "1",
    "boolean": "true",
    "jsonb": "'{}'",
    "ARRAY": "'{}'",
    "interval": "'1 hour'",
}
"""A value for a column of this type that is unlike the other rows'."""


@dataclass
class Planted:
    """A database with rows of practices A and B in every practice table; `client` is one of A's clients."""

    owner_url: str
    superuser_url: str
    tables: dict[str, str]
    """Each practice table and its column that names the practice."""
    a: UUID
    b: UUID
    client: UUID
    other_client: UUID

    def superuser(self) -> psycopg.Connection:
        return psycopg.connect(self.superuser_url, autocommit=True)

    def program(self) -> psycopg.Connection:
        """A connection under the application's role, in a transaction."""
        connection = psycopg.connect(_libpq(self.owner_url))
        connection.execute("SET ROLE portal_app")
        connection.commit()
        return connection


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def practice_tables(connection: psycopg.Connection) -> dict[str, str]:
    """Every table that carries its practice in its primary key, and `practice` itself."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'practice_id'"
        " JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return {"practice": "id"} | {name: "practice_id" for (name,) in rows}


def plant(cluster: str, name: str, *, each: int = 20) -> Planted:
    """Migrate a database and fill it. Its CHECK constraints are dropped: any value will do here."""
    owner_url = migrated_database(cluster, name)
    superuser_url = make_url(cluster).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        planted = Planted(owner_url, superuser_url, practice_tables(connection), new_id(), new_id(), new_id(), new_id())
        _drop_checks(connection)
        connection.execute("SET session_replication_role = replica")  # no foreign keys while planting
        for table, key in planted.tables.items():
            rows = 1 if table in ("practice", "portal_settings") else each
            for practice, clients in ((planted.a, (planted.client, planted.other_client)), (planted.b, (new_id(),))):
                for client in clients:
                    _insert(connection, table, {key: practice, "client_id": client}, rows)
        for client in (planted.client, planted.other_client):
            _insert(connection, "client", {"practice_id": planted.a, "id": client}, 1)
        connection.execute("ANALYZE")
    return planted


def _drop_checks(connection: psycopg.Connection) -> None:
    checks = connection.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid <> 0"
    ).fetchall()
    for table, check in checks:
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(check))
        )


def _insert(connection: psycopg.Connection, table: str, given: dict[str, UUID], rows: int) -> None:
    """Rows with these values where the table has such columns, and anything in the others that must have one."""
    columns = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        " AND table_schema = 'public' AND is_generated = 'NEVER' AND (is_nullable = 'NO' OR column_name = ANY (%s))",
        (table, [*given]),
    ).fetchall()
    values = {name: sql.Literal(given[name]) if name in given else sql.SQL(VALUES[kind]) for name, kind in columns}
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM generate_series(1, {}) ON CONFLICT DO NOTHING")
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    connection.execute(
        statement.format(sql.Identifier(table), names, sql.SQL(", ").join(values.values()), sql.Literal(rows))
    )


def copy(cluster: str, planted: Planted, name: str) -> Planted:
    """The same database again, under another name."""
    source = make_url(planted.owner_url)
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                *map(sql.Identifier, (name, source.database or "", source.username or ""))
            )
        )
    urls = [
        make_url(url).set(database=name).render_as_string(hide_password=False)
        for url in (planted.owner_url, planted.superuser_url)
    ]
    return replace(planted, owner_url=urls[0], superuser_url=urls[1])
