"""Runs the migrations: as the owner of the tables, over psycopg, with short lock timeouts."""

from alembic import context
from sqlalchemy import create_engine, pool
from sqlalchemy.engine import make_url

import portal_api.models  # noqa: F401 - fills the metadata
from portal_api.core.config import Settings
from portal_api.core.db import Base

LOCK_TIMEOUT = "2s"
STATEMENT_TIMEOUT = "15min"


def database_url() -> str:
    settings = Settings()
    given = context.config.attributes.get("url") or settings.migration_database_url or settings.database_url
    if not given:
        raise SystemExit("Set PORTAL_DATABASE_URL, or run `portal-api migrate`, which starts the embedded database.")
    return make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """The job queue's tables are its library's, not the metadata's."""
    return not (kind == "table" and name is not None and name.startswith(("procrastinate_", "job_")))


def run() -> None:
    engine = create_engine(database_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.exec_driver_sql(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=is_ours,
            transaction_per_migration=True,
            compare_server_default=True,
            on_version_apply=context.config.attributes.get("applied", ()),
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Offline SQL is not supported: the migrations look at the database that they change.")
run()
