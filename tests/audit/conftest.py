"""The database as its superuser sees it: who can change what no role of the program can."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import make_url


@contextmanager
def superuser_of(cluster: str, database_url: str) -> Iterator[psycopg.Connection]:
    """A connection that no grant, policy or foreign key holds back."""
    url = make_url(cluster).set(drivername="postgresql", database=make_url(database_url).database)
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


@pytest.fixture
def superuser(cluster: str, database_url: str) -> Iterator[psycopg.Connection]:
    with superuser_of(cluster, database_url) as connection:
        yield connection
