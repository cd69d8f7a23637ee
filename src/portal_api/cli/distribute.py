"""`portal-api distribute`: place the tables of an existing schema on a Citus cluster.

Written from measurements on a Citus cluster elsewhere; this command itself has never run against one. Try it on
a copy. Tables with rows are locked while they move; what was local stays until
truncate_local_data_after_distributing_table() is called.
"""

from argparse import Namespace
from collections.abc import Iterator

import psycopg
from psycopg import sql
from sqlalchemy import Table

import portal_api.models  # noqa: F401 - fills the metadata
from portal_api.cli import checks
from portal_api.cli.configuration import load_settings
from portal_api.cli.connections import connect
from portal_api.cli.console import CannotStart, progress, result, warning
from portal_api.core.db import Base

SETTINGS = (
    # Otherwise the children of the reference table become local ones, and are refused later.
    "SET citus.enable_local_reference_table_foreign_keys = off",
    "SET citus.multi_shard_modify_mode = 'sequential'",
)


def run(_arguments: Namespace) -> int:
    settings = load_settings()
    url = settings.migration_database_url or settings.database_url
    if not url:
        raise CannotStart("Set PORTAL_DATABASE_URL to the coordinator of the cluster; the embedded database is none.")
    checks.check_ready(settings)
    warning("This command has never run against a Citus cluster. Try it on a copy first.")
    with connect(url) as connection:
        if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'citus'").fetchone() is None:
            raise CannotStart("This database has no Citus: an administrator runs CREATE EXTENSION citus; first.")
        with connection.transaction():
            for statement in statements(_placed(connection)):
                progress(statement.as_string(connection))
                connection.execute(statement)
    result("The tables are distributed")
    return 0


def statements(placed: frozenset[str]) -> Iterator[sql.SQL | sql.Composed]:
    """The overlay, parents before children, without the tables that have their place already."""
    yield from (sql.SQL(setting) for setting in SETTINGS)
    for table in Base.metadata.sorted_tables:
        if table.name in placed:
            continue
        name = sql.Literal(table.name)
        if not _is_of_a_practice(table):
            yield sql.SQL("SELECT create_reference_table({})").format(name)
            continue
        # A forced policy makes online moves of a shard hang, and the copying of rows fail.
        yield sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table.name))
        yield sql.SQL("SELECT create_distributed_table({}, 'practice_id')").format(name)


def _is_of_a_practice(table: Table) -> bool:
    return "practice_id" in table.primary_key.columns


def _placed(connection: psycopg.Connection) -> frozenset[str]:
    rows = connection.execute("SELECT logicalrelid::regclass::text FROM pg_dist_partition")
    return frozenset(name for (name,) in rows)
