"""Connections of the command line itself: blocking, short, outside the pools."""

import psycopg
from sqlalchemy import make_url

from portal_api.cli.console import CannotStart

CONNECT_SECONDS = 5


def connect(url: str) -> psycopg.Connection:
    """A connection of libpq. Raises CannotStart when the server cannot be reached, without the password."""
    parsed = make_url(url).set(drivername="postgresql")
    try:
        return psycopg.connect(
            parsed.render_as_string(hide_password=False), connect_timeout=CONNECT_SECONDS, autocommit=True
        )
    except psycopg.Error as error:
        reason = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "no reason given")
        raise CannotStart(
            f"The database {parsed.render_as_string(hide_password=True)} cannot be reached: {reason}\n"
            "Check PORTAL_DATABASE_URL and that PostgreSQL runs there; "
            "without PORTAL_DATABASE_URL the program brings its own."
        ) from None
