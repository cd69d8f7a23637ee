"""What must hold of a database before the program works with it; each refusal says what to do."""

from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from portal_api.cli import migrations
from portal_api.cli.connections import connect
from portal_api.cli.console import CannotStart, warning
from portal_api.core.config import APP_ROLE, Settings
from portal_api.integrations.antivirus import scanner
from portal_api.integrations.storage import open_store
from portal_api.integrations.video import VideoNotConfigured, video_provider

OLDEST_POSTGRES = 15

FACTS = """
SELECT current_setting('server_version_num')::int / 10000 AS version,
       current_user AS login,
       (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS bypasses,
       EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s) AS role_exists
"""


@dataclass(frozen=True, slots=True)
class Facts:
    version: int
    login: str
    bypasses: bool
    role_exists: bool


def check_server(settings: Settings) -> None:
    """The version, and who we are there: what must hold even before the first migration. Raises CannotStart."""
    with connect(settings.database_url) as connection:
        facts = _facts(connection)
    if facts.version < OLDEST_POSTGRES:
        raise CannotStart(
            f"The database is PostgreSQL {facts.version}; {OLDEST_POSTGRES} or newer is needed. "
            "Upgrade it, or name another in PORTAL_DATABASE_URL."
        )
    if facts.bypasses:
        _refuse_superuser(settings, facts.login)


def check_video(settings: Settings) -> None:
    """That grants can be signed with the key that is set. Raises CannotStart."""
    try:
        video_provider(settings)
    except VideoNotConfigured:
        warning("PORTAL_VIDEO_PROVIDER is not set: nobody can join a session by video.")
    except ValueError as error:
        raise CannotStart(f"PORTAL_VIDEO_SECRET cannot be used: {error}.") from None


def check_files(settings: Settings) -> None:
    """That it can be understood where files are kept, and who scans them. Raises CannotStart."""
    try:
        open_store(settings)
        judge = scanner(settings)
    except ValueError as error:
        raise CannotStart(f"{error}.") from None
    if settings.is_production and judge is None:
        warning(
            "PORTAL_ANTIVIRUS_URL is not set: no file is scanned for malware before others open it. "
            "Its state says `not_scanned`."
        )


def check_ready(settings: Settings) -> None:
    """That the database is migrated to exactly what this program knows, and lets it work. Raises CannotStart."""
    with connect(settings.database_url) as connection:
        facts, state = _facts(connection), migrations.state(connection)
        may_work = _may_work(connection)
    if state in migrations.known() and state != migrations.newest():
        raise CannotStart(
            f"The database is at migration {state}, this program needs {migrations.newest()}. "
            "Run `portal-api migrate`, or start with --migrate."
        )
    if state != migrations.newest():
        raise CannotStart(
            f"The database is at migration {state}, which this program does not know: a newer version made it. "
            "Start that version, or restore a backup from before."
        )
    if not may_work:
        raise CannotStart(
            f"The role {facts.login} may not work as {APP_ROLE}. Have an administrator run: "
            f"{'' if facts.role_exists else f'CREATE ROLE {APP_ROLE} NOLOGIN; '}GRANT {APP_ROLE} TO {facts.login};"
        )


def _may_work(connection: psycopg.Connection) -> bool:
    """Whether the role can be taken on; tried, since 16 tells membership from the right to do so."""
    try:
        connection.execute(f"SET ROLE {APP_ROLE}")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
        return False
    return True


def _facts(connection: psycopg.Connection) -> Facts:
    with connection.cursor(row_factory=class_row(Facts)) as cursor:
        facts = cursor.execute(FACTS, {"role": APP_ROLE}).fetchone()
    assert facts is not None  # noqa: S101 - a SELECT without FROM
    return facts


def _refuse_superuser(settings: Settings, login: str) -> None:
    what = f"PORTAL_DATABASE_URL signs in as {login}, whom row-level security does not hold."
    if settings.is_production:
        raise CannotStart(
            f"{what} Make a role of its own that owns the database and start with that one: "
            "CREATE ROLE portal LOGIN NOSUPERUSER NOBYPASSRLS CREATEROLE PASSWORD '...'; "
            "CREATE DATABASE portal OWNER portal;"
        )
    warning(f"{what} Production refuses that.")
