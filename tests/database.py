"""Databases for tests, migrated as an operator would."""

from functools import cache
from pathlib import Path
from secrets import token_hex

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

ROOT = Path(__file__).parents[1]
OWNER = "portal_owner"
OWNER_PASSWORD = token_hex(12)
"""One for the process: the role belongs to the server, so a second database must not change it."""


def alembic_config(url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["url"] = url
    return config


def empty_database(cluster: str, name: str) -> str:
    """A database of its own, owned by a role that is no superuser; returns the owner's URL."""
    with psycopg.connect(cluster, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,)).fetchone() is None:
            connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
        connection.execute(f"ALTER ROLE {OWNER} PASSWORD '{OWNER_PASSWORD}'")
        connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
    return _owners(cluster, name)


def migrated_database(cluster: str, name: str) -> str:
    """A database with every migration applied: a copy of the first one of this server."""
    template = _template(cluster)
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} STRATEGY file_copy")
    return _owners(cluster, name)


@cache
def _template(cluster: str) -> str:
    """The database that others are copied of; nobody else connects to it."""
    command.upgrade(alembic_config(empty_database(cluster, "template_of_tests")), "head")
    return "template_of_tests"


def _owners(cluster: str, name: str) -> str:
    url = make_url(cluster).set(username=OWNER, password=OWNER_PASSWORD, database=name)
    return url.render_as_string(hide_password=False)
