"""The database of a command: the configured one, or the embedded one with an owner who is no superuser."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from portal_api.cli.console import CannotStart, progress, warning
from portal_api.core.config import Settings
from portal_api.core.postgres import EmbeddedPostgres, EmbeddedPostgresError
from portal_api.core.postgres.private import write_private

OWNER = "portal_owner"
NAME = "portal"


def _nothing() -> None:
    pass


@contextmanager
def open_database(settings: Settings, meanwhile: Callable[[], None] = _nothing) -> Iterator[Settings]:
    """The settings with the URL of a database that is there for the time of the block.

    meanwhile: what else the program needs, done while the embedded server starts. Raises CannotStart.
    """
    if settings.database_url:
        _check_url(settings.database_url)
        yield settings
        return
    if settings.is_production:
        warning("PORTAL_DATABASE_URL is empty: this production runs on the embedded database, on this machine's disk.")
    server = EmbeddedPostgres(settings.data_dir, report=progress)
    try:
        yield settings.model_copy(update={"database_url": _start(server, settings.data_dir, meanwhile)})
    except EmbeddedPostgresError as error:
        raise CannotStart(str(error)) from None
    finally:
        server.stop()


def _start(server: EmbeddedPostgres, data_dir: Path, meanwhile: Callable[[], None]) -> str:
    with ThreadPoolExecutor(1) as thread:
        started = thread.submit(lambda: owner_url(server.start(), data_dir / "database_password"))
        meanwhile()
        return started.result()


def owner_url(superuser_url: str, password_file: Path) -> str:
    """The URL of the owner of our tables, who may make roles and is no superuser; made when missing."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        if not password_file.exists():
            password = secrets.token_urlsafe(24)
            _make_owner(connection, password)
            write_private(password_file, password)
        if not _has(connection, "SELECT 1 FROM pg_database WHERE datname = %s", NAME):
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(NAME), sql.Identifier(OWNER))
            )
    url = make_url(superuser_url).set(username=OWNER, password=password_file.read_text(), database=NAME)
    return url.render_as_string(hide_password=False)


def _make_owner(connection: psycopg.Connection, password: str) -> None:
    known = _has(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", OWNER)
    command = sql.SQL("{} ROLE {} LOGIN CREATEROLE PASSWORD {}")
    connection.execute(
        command.format(sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(OWNER), sql.Literal(password))
    )


def _has(connection: psycopg.Connection, query: str, value: str) -> bool:
    return connection.execute(query.encode(), (value,)).fetchone() is not None


def _check_url(url: str) -> None:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or not parsed.drivername.startswith("postgres") or not parsed.database:
        raise CannotStart(
            "PORTAL_DATABASE_URL is not the address of a PostgreSQL database. "
            "It looks like postgresql://user:password@host:5432/database."
        )
