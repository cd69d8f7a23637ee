"""Appends: rows of many practices, in one round trip and one commit.

Each row opens its own practice's gate (see reads.py) before the database checks it against row-level
security, so rows of different practices may share a transaction, and its flush to disk.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import asyncpg

from portal_api.core.access import ActorKind
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
        kinds = [columns_of[name].type.compile(DIALECT) for name in columns]
        values = ", ".join(f"${n}::{kind}" for n, kind in enumerate(kinds, 1))
        into = f"INSERT INTO {model.__tablename__} ({', '.join(columns)})"
        self.plain_sql = f"{into} VALUES ({values})"
        self.sql = (
            f"WITH gate AS MATERIALIZED (SELECT set_config('app.practice_id', ($1::uuid)::text, true)"
            f" || set_config('app.actor_kind', '{ActorKind.SYSTEM}', true) AS opened)"
            f" {into} SELECT {values} FROM gate WHERE opened IS NOT NULL"
        )

    async def run(self, connection: asyncpg.Connection, rows: Iterable[tuple[Any, ...]], *, distributed: bool) -> None:
        """Insert all or none. On Citus, where a gate does not reach the workers, practice by practice."""
        if not distributed:
            await connection.executemany(self.sql, rows)
            return
        async with connection.transaction():
            for practice_id, group in groupby(sorted(rows, key=itemgetter(0)), key=itemgetter(0)):
                for statement in Binding.system(practice_id).statements():
                    await connection.execute(statement)
                await connection.executemany(self.plain_sql, group)
