"""The migration: as Procrastinate ships it, usable by the runtime role, and gone without a trace."""

import re

from procrastinate.schema import SchemaManager
from sqlalchemy import make_url, text

from tests.jobs.conftest import Bench, asyncpg_engine, migrate, migration

OBJECTS = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
"""


def test_copied_schema_is_the_installed_library_s() -> None:
    """A new Procrastinate with another schema needs a migration of its own."""
    assert migration().statements(SchemaManager.get_schema()) == migration().statements(migration().SCHEMA)


async def test_up_and_down_leave_nothing_and_up_works_again(superuser_dsn: str, bench: Bench) -> None:
    async with bench.owner.connect() as connection:
        outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await outside.execute(text("CREATE DATABASE up_and_down"))
    engine = asyncpg_engine(make_url(superuser_dsn).set(database="up_and_down").render_as_string(hide_password=False))
    async with engine.begin() as connection:
        before = (await connection.execute(text(OBJECTS))).all()
        await connection.run_sync(migrate, "upgrade")
        await connection.run_sync(migrate, "downgrade")
        assert (await connection.execute(text(OBJECTS))).all() == before
        await connection.run_sync(migrate, "upgrade")
        assert (await connection.execute(text("SELECT count(*) FROM procrastinate_jobs"))).scalar_one() == 0
    await engine.dispose()


async def test_runtime_role_owns_nothing_of_it(bench: Bench) -> None:
    owned = "SELECT 1 FROM pg_tables WHERE tableowner = 'portal_app'"
    assert await bench.rows(owned) == []


def test_every_statement_is_alone_in_its_message() -> None:
    for statement in migration().statements(migration().SCHEMA):
        assert ";" not in re.sub(r"\$\$.*?\$\$", "", statement, flags=re.DOTALL)
