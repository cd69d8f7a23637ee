"""The migrations: where the database stands, and moving it on."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

import portal_api
from portal_api.cli.connections import connect
from portal_api.cli.console import CannotStart, progress
from portal_api.core.config import APP_ROLE, Settings

ROOT = Path(portal_api.__file__).parents[2]
EMPTY = "none"
LOCK = 7_205_759_403_792_794  # any number, the same in every process that migrates
_REVISION = re.compile(r'^revision\b.*?= *"(\w+)"', re.MULTILINE)
_DOWN_REVISION = re.compile(r'^down_revision\b.*?= *"(\w+)"', re.MULTILINE)


@cache
def known() -> frozenset[str]:
    """Every state that a database of ours can be in."""
    return frozenset({EMPTY, *_REVISION.findall(_sources())})


@cache
def newest() -> str:
    """The state that this program needs. Read from the text: Alembic takes longer to import than we have."""
    (head,) = known() - {EMPTY} - set(_DOWN_REVISION.findall(_sources()))
    return head


@cache
def _sources() -> str:
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    if not files:
        raise CannotStart(f"There are no migrations in {ROOT / 'migrations'}: run the program from its checkout.")
    return "\n".join(file.read_text() for file in files)


def state(connection: psycopg.Connection) -> str:
    """The migration that the database is at, EMPTY before the first."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return EMPTY
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else EMPTY


def upgrade(settings: Settings) -> None:
    """Bring the database to the newest state; processes that do so at the same time wait for each other.

    Raises CannotStart.
    """
    url = settings.migration_database_url or settings.database_url
    with connect(url) as connection:
        if state(connection) == newest():
            return
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        if (begun := state(connection)) not in known():
            return  # check_ready says what to do
        progress(f"Migrating the database from {begun} to {newest()}")
        _run_alembic(url)


def _run_alembic(url: str) -> None:
    from alembic import command
    from sqlalchemy.exc import DBAPIError

    def applied(*, step: Any, **_rest: Any) -> None:
        progress(f"  {step.up_revision_id}")

    try:
        command.upgrade(config(url, applied), "head")
    except DBAPIError as error:
        raise CannotStart(_advice(error.orig)) from None


def config(url: str, *applied: Any) -> Any:
    """Alembic's configuration for this database. `applied` is called after each migration."""
    from alembic.config import Config

    made = Config(ROOT / "alembic.ini")
    made.attributes.update(url=url, applied=applied)
    return made


def _advice(error: BaseException | None) -> str:
    reason = str(error).strip().splitlines()[0] if error else "unknown"
    match error:
        case psycopg.errors.InsufficientPrivilege():
            return (
                f"A migration may not do its work: {reason}\n"
                "The role needs to own the database and to have CREATEROLE; "
                f"or an administrator runs: CREATE ROLE {APP_ROLE} NOLOGIN; and grants it to that role."
            )
        case psycopg.errors.LockNotAvailable() | psycopg.errors.QueryCanceled():
            return (
                f"A migration gave way to other work on the database: {reason}\n"
                "What came before it is done. Try again when there is less to do."
            )
        case _:
            return f"A migration failed: {reason}\nWhat came before it is done, itself it has left nothing."
