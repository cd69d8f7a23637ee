"""A database whose clock a test turns: its `now()` is another one, for the program, the queue and every default.

PostgreSQL looks for `now()` along the search path; here a schema with one of its own comes before pg_catalog.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql

TRAVEL: LiteralString = """
CREATE SCHEMA travel;
CREATE TABLE travel.clock (ahead interval NOT NULL);
INSERT INTO travel.clock VALUES ('0');
CREATE FUNCTION travel.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.now() + ahead FROM travel.clock';
GRANT USAGE ON SCHEMA travel TO PUBLIC;
GRANT SELECT ON travel.clock TO PUBLIC;
"""
DEFAULTS: LiteralString = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND lower(column_default) = 'now()'
"""


@dataclass
class Clock:
    connection: psycopg.Connection[Any]

    @classmethod
    def of(cls, connection: psycopg.Connection[Any]) -> "Clock":
        """Make the database's clock one that can be turned. The connection is a superuser's, and commits by itself."""
        connection.execute(TRAVEL)
        name = connection.info.dbname
        path = sql.SQL("ALTER DATABASE {} SET search_path = travel, pg_catalog, public")
        connection.execute(path.format(sql.Identifier(name)))
        for table, column in connection.execute(DEFAULTS).fetchall():
            now = sql.SQL("ALTER TABLE public.{} ALTER COLUMN {} SET DEFAULT travel.now()")
            connection.execute(now.format(sql.Identifier(table), sql.Identifier(column)))
        return cls(connection)

    def set(self, at: datetime) -> None:
        self.connection.execute("UPDATE travel.clock SET ahead = %s - pg_catalog.now()", (at,))
