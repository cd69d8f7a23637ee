"""The one door to the database: sessions and reads, always bound to a practice."""

from portal_api.core.db.appends import Append, Insert
from portal_api.core.db.base import (
    Base,
    ClientOwned,
    Confidential,
    Id,
    Mutable,
    PracticeScoped,
    instant,
    of_a_practice,
    one_of,
    refers_to,
)
from portal_api.core.db.binding import Binding
from portal_api.core.db.database import Database, Session
from portal_api.core.db.reads import Read, Reader, Row, Rows, Source
from portal_api.core.db.snapshots import Snapshot

__all__ = [
    "Append",
    "Base",
    "Binding",
    "ClientOwned",
    "Confidential",
    "Database",
    "Id",
    "Insert",
    "Mutable",
    "PracticeScoped",
    "Read",
    "Reader",
    "Row",
    "Rows",
    "Session",
    "Snapshot",
    "Source",
    "instant",
    "of_a_practice",
    "one_of",
    "refers_to",
]
