"""Appends: rows of many practices, in one statement, one round trip and one commit.

Each row names its practice to row-level security on its way into the table, and is checked against it. So rows
of different practices may share a statement, and its flush to disk.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import asyncpg
import orjson
from sqlalchemy import JSON

from portal_api.core.db.base import Base
from portal_api.core.db.binding import Binding
from portal_api.core.db.reads import DIALECT


class Append:
    """An insert into one practice table, on behalf of the program itself. Rows are tuples in the order of `columns`.

    The first column is the practice.
    """

    def __init__(self, model: type[Base], columns: Sequence[str]) -> None:
        columns_of = model.__table__.c
        assert columns[0] == "practice_id", columns  # noqa: S101 - a mistake in a module, found at import
        self._columns = columns
        kinds = ", ".join(f"{name} {columns_of[name].type.compile(DIALECT)}" for name in columns)
        into = f"INSERT INTO {model.__tablename__} ({', '.join(columns)})"
        others, rows = ", ".join(columns[1:]), f"json_to_recordset($1::text::json) AS row ({kinds})"
        self.plain_sql = f"{into} SELECT practice_id, {others} FROM {rows}"
        # A row is made before it is checked: by then its practice is the one that is set.
        named = "set_config('app.practice_id', practice_id::text, true)::uuid"
        self.sql = f"{into} SELECT {named}, {others} FROM {rows}"

    async def run(self, connection: asyncpg.Connection, rows: Sequence[tuple[Any, ...]], *, distributed: bool) -> None:
        """Insert all or none. On Citus, where set_config does not reach the workers, practice by practice."""
        if not distributed:
            await connection.execute(self.sql, self._encoded(rows))
            return
        async with connection.transaction():
            for practice_id, group in groupby(sorted(rows, key=itemgetter(0)), key=itemgetter(0)):
                for statement in Binding.system(practice_id).statements():
                    await connection.execute(statement)
                await connection.execute(self.plain_sql, self._encoded(list(group)))

    def _encoded(self, rows: Sequence[tuple[Any, ...]]) -> str:
        named = [dict(zip(self._columns, row, strict=True)) for row in rows]
        return orjson.dumps(named, default=_text).decode()


class Insert:
    """An insert of one row into a practice table, compiled once. The practice is the transaction's."""

    def __init__(self, model: type[Base], columns: Sequence[str]) -> None:
        self._columns = columns
        kinds = [model.__table__.c[name].type for name in columns]
        self._as_json = frozenset(name for name, kind in zip(columns, kinds, strict=True) if isinstance(kind, JSON))
        places = ", ".join(f"${n}" for n in range(2, len(columns) + 2))
        self.sql = f"INSERT INTO {model.__tablename__} (practice_id, {', '.join(columns)}) VALUES ($1, {places})"

    def arguments(self, binding: Binding, values: Mapping[str, Any]) -> list[Any]:
        given = [orjson.dumps(values[n]).decode() if n in self._as_json else values[n] for n in self._columns]
        return [binding.practice_id, *given]


def _text(value: object) -> str:
    """What JSON does not know, as PostgreSQL reads it."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
