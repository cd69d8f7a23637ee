"""The one way to make a table of a practice: keys, row-level security and grants, always together."""

from typing import Any

import sqlalchemy as sa
from alembic import op

APP_ROLE = "portal_app"
BOUND = "nullif(current_setting('app.practice_id', true), '')::uuid"
PRACTICE = f"(SELECT {BOUND})"
"""Looked at once for the rows that a statement reads; a row that is written is checked against BOUND by itself."""
KIND = "(SELECT coalesce(current_setting('app.actor_kind', true), ''))"
CLIENTS = "(SELECT coalesce(nullif(current_setting('app.client_ids', true), ''), '{}')::uuid[])"


OWN_CLIENTS = "(SELECT coalesce(nullif(current_setting('app.own_client_ids', true), ''), '{}')::uuid[])"
MINE = f"client_id = ANY ({CLIENTS}::uuid[])"
MINE_ALONE = f"(NOT confidential OR client_id = ANY ({OWN_CLIENTS}::uuid[]))"


def create_practice_table(
    name: str,
    *columns: Any,
    client_owned: bool = False,
    confidential: bool = False,
    staff_only: bool = False,
    append_only: bool = False,
    key: str = "practice_id",
) -> None:
    """Create the table with row-level security forced and granted to the application's role.

    client_owned: client callers see only rows of clients that they may act for.
    confidential: and of those whose column `confidential` is true, only rows of clients that they are.
    staff_only: client callers see no row at all.
    append_only: the application may insert and read, never change or delete.
    key: the column that names the practice.
    """
    op.create_table(name, *_named(columns))
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY practice ON {name} USING ({key} = {PRACTICE}) WITH CHECK ({key} = {BOUND})")
    if client_owned:
        restrict_clients(name, MINE, MINE_ALONE if confidential else "true")
    if staff_only:
        restrict_clients(name, "false")
    op.execute(f"GRANT SELECT, INSERT{'' if append_only else ', UPDATE, DELETE'} ON {name} TO {APP_ROLE}")
    _distribute(f"SELECT create_distributed_table('{name}', '{key}')")


def restrict_clients(name: str, *conditions: str) -> None:
    """Show client callers only rows that fit all conditions. One policy, so that others pay for one alone."""
    op.execute(
        f"CREATE POLICY client ON {name} AS RESTRICTIVE USING ({KIND} <> 'client' OR {' AND '.join(conditions)})"
    )


def create_global_table(name: str, *columns: Any, grant: str, **options: Any) -> None:
    """Create a table that belongs to no practice; `grant` says what the application may do with it."""
    op.create_table(name, *_named(columns), **options)
    op.execute(f"GRANT {grant} ON {name} TO {APP_ROLE}")
    _distribute(f"SELECT create_reference_table('{name}')")


def _named(columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """Names are final as they are written: the metadata's convention would put `ck_<table>_` before them again."""
    for column in columns:
        if isinstance(column, sa.Constraint) and isinstance(column.name, str):
            column.name = op.f(column.name)
    return columns


def _distribute(statement: str) -> None:
    """On a Citus cluster a new table is placed at once; on plain PostgreSQL there is nothing to do."""
    if op.get_bind().execute(sa.text("SELECT 1 FROM pg_extension WHERE extname = 'citus'")).first():
        op.execute(statement)
