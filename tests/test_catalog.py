"""The shape of every table, read from PostgreSQL's catalog: what a new table must have."""

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from sqlalchemy import make_url

from tests.planting import practice_tables

APPEND_ONLY = {
    "event",
    "event_seal",
    "event_subject",
    "form_version",
    "message_attachment",
    "message_edit",
    "message_retraction",
    "out_of_office_reply",
    "portal_access_change",
    "records_consent",
    "signature",
    "signature_decision",
    "signed_copy",
    "signed_paper",
    "thread_message",
}
DIRECTORIES = {"paper_fingerprint", "practice_link"}
"""Tables that say which practice something is of: read before a practice is known."""
CLIENTS_SEE_NONE_OF_IT = {"prospect"}
"""Tables with a client_id that is no owner: the record of a signup, which no client's route reads."""
STAFF_ONLY = {"custody_record", "guardian", "preview"}
"""Tables about a client that are kept from client callers altogether, so that guardians do not meet (F6.M3)."""
LIBRARY = ("procrastinate_%", "job_%", "alembic_%")
"""Tables that come with a library, or that hang from one."""

CLIENTS: LiteralString = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND a.attname = 'client_id'
"""


@pytest.fixture(scope="module")
def catalog(database_url: str) -> Iterator[psycopg.Connection]:
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def tables(catalog: psycopg.Connection) -> dict[str, str]:
    return practice_tables(catalog)


def names(catalog: psycopg.Connection, query: LiteralString, *parameters: object) -> set[str]:
    return {str(row[0]) for row in catalog.execute(query, parameters or None)}


def test_there_are_tables(tables: dict[str, str]) -> None:
    assert len(tables) > 15


def test_a_table_with_a_practice_has_it_in_its_key_or_is_a_known_directory(
    catalog: psycopg.Connection, tables: dict[str, str]
) -> None:
    carrying = names(
        catalog,
        "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_name)"
        " WHERE column_name = 'practice_id' AND columns.table_schema = 'public' AND table_type = 'BASE TABLE'",
    )
    assert carrying - tables.keys() == DIRECTORIES


def test_row_level_security_is_enabled_and_forced(catalog: psycopg.Connection, tables: dict[str, str]) -> None:
    secured = names(catalog, "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
    assert tables.keys() - secured == set()


def test_every_table_has_the_policy_of_its_practice_for_reading_and_writing(
    catalog: psycopg.Connection, tables: dict[str, str]
) -> None:
    rows = catalog.execute(
        "SELECT tablename, qual, with_check FROM pg_policies WHERE permissive = 'PERMISSIVE' AND cmd = 'ALL'"
    ).fetchall()
    bound = "(NULLIF(current_setting('app.practice_id'::text, true), ''::text))::uuid"
    fits = {
        (table, qual, check)
        for table, key in tables.items()
        for qual, check in [(f'({key} = ( SELECT {bound} AS "nullif"))', f"({key} = {bound})")]
    }
    assert fits - {tuple(row) for row in rows} == set()
    assert {table for table, _, _ in rows} - tables.keys() == set()


def test_no_other_permissive_policy_opens_a_table(catalog: psycopg.Connection) -> None:
    """Permissive policies add up: one more is one more way in. The program may list practices, and nothing else."""
    others = catalog.execute(
        "SELECT tablename, policyname, cmd FROM pg_policies"
        " WHERE permissive = 'PERMISSIVE' AND policyname <> 'practice'"
    ).fetchall()
    assert others == [("practice", "directory", "SELECT")]


def test_a_clients_table_is_restricted_to_their_own_clients(catalog: psycopg.Connection) -> None:
    restricted = names(
        catalog,
        "SELECT tablename FROM pg_policies WHERE permissive = 'RESTRICTIVE' AND cmd = 'ALL'"
        " AND qual LIKE '%app.client_ids%' AND qual LIKE '%app.actor_kind%'",
    )
    assert (names(catalog, CLIENTS) | {"client"}) - restricted == CLIENTS_SEE_NONE_OF_IT | STAFF_ONLY


def test_what_is_for_staff_alone_is_kept_from_every_client_caller(catalog: psycopg.Connection) -> None:
    closed = catalog.execute(
        "SELECT tablename, qual FROM pg_policies WHERE permissive = 'RESTRICTIVE' AND cmd = 'ALL'"
        " AND qual NOT LIKE '%app.client_ids%'"
    ).fetchall()
    assert {table for table, _ in closed} == STAFF_ONLY
    assert all("'client'::text) OR false)" in qual for _, qual in closed), closed


def test_what_may_be_confidential_is_kept_from_everybody_but_the_client(catalog: psycopg.Connection) -> None:
    """F6.B3."""
    carrying = names(
        catalog,
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'confidential'"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace",
    )
    kept = names(
        catalog,
        "SELECT tablename FROM pg_policies WHERE permissive = 'RESTRICTIVE' AND cmd = 'ALL'"
        " AND qual LIKE '%NOT confidential%' AND qual LIKE '%app.own_client_ids%'",
    )
    assert carrying == kept
    assert carrying >= {"appointment", "appointment_request"}


def test_the_primary_key_begins_with_the_practice(catalog: psycopg.Connection, tables: dict[str, str]) -> None:
    leading = names(
        catalog,
        "SELECT indrelid::regclass::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE indisprimary AND attname = 'practice_id'",
    )
    assert tables.keys() - leading == {"practice"}


def test_every_foreign_key_between_practice_tables_carries_the_practice(
    catalog: psycopg.Connection, tables: dict[str, str]
) -> None:
    keys = catalog.execute(
        "SELECT conname, conrelid::regclass::text, confrelid::regclass::text,"
        " (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)),"
        " (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = confrelid AND attnum = ANY (confkey))"
        " FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    ).fetchall()
    assert len(keys) > 15
    wrong = [
        name
        for name, child, parent, here, there in keys
        if child in tables and parent in tables and ("practice_id" not in here or tables[parent] not in there)
    ]
    assert wrong == []
    assert {child for _, child, parent, _, _ in keys if parent in tables} - tables.keys() == DIRECTORIES


def test_every_unique_index_and_exclusion_carries_the_practice(
    catalog: psycopg.Connection, tables: dict[str, str]
) -> None:
    rows = catalog.execute(
        "SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text,"
        " (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = i.indrelid AND attnum = ANY (i.indkey))"
        " FROM pg_index i WHERE i.indisunique OR i.indisexclusion"
    ).fetchall()
    assert [index for index, table, columns in rows if table in tables and tables[table] not in columns] == []


def test_nothing_is_set_null_when_something_else_is_deleted(catalog: psycopg.Connection) -> None:
    found = names(
        catalog,
        "SELECT conname FROM pg_constraint WHERE confdeltype IN ('n', 'd')"
        " AND NOT (conrelid::regclass::text LIKE ANY (%s))",
        list(LIBRARY),
    )
    assert found == set()


def test_no_column_has_a_type_that_cannot_be_compared_under_row_level_security(
    catalog: psycopg.Connection, tables: dict[str, str]
) -> None:
    rows = catalog.execute(
        "SELECT c.relname, a.attname, t.typname, t.typtype, a.attidentity,"
        " pg_get_serial_sequence(c.oid::regclass::text, a.attname)"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT attisdropped"
        " JOIN pg_type t ON t.oid = a.atttypid WHERE c.relkind IN ('r', 'p')"
    ).fetchall()
    wrong = [
        f"{table}.{column}"
        for table, column, kind, category, identity, serial in rows
        if table in tables and (category == "e" or kind == "citext" or identity or serial)
    ]
    assert wrong == []


def test_every_constraint_has_a_name_that_a_shard_number_fits_behind(catalog: psycopg.Connection) -> None:
    """At most 50 characters, and no digits at the end that could be taken for a shard's."""
    found = names(
        catalog,
        "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
        " AND contype IN ('c', 'f', 'u', 'x') AND conrelid <> 0 AND NOT (conrelid::regclass::text LIKE ANY (%s))",
        list(LIBRARY),
    )
    assert {name for name in found if len(name) > 50 or name.rsplit("_", 1)[-1].isdigit()} == set()
    assert all(name.startswith(("ck_", "fk_", "uq_", "ex_")) for name in found)


def test_there_are_no_functions_triggers_or_leaky_views_of_ours(
    catalog: psycopg.Connection, tables: dict[str, str]
) -> None:
    functions = names(
        catalog,
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = pg_proc.oid AND d.deptype = 'e')",
    )
    assert functions == set()
    triggers = names(catalog, "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
    assert triggers & tables.keys() == set()
    views = names(
        catalog,
        "SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace"
        " AND NOT coalesce(reloptions::text[] @> ARRAY['security_invoker=true'], false)"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e')",
    )
    assert views == set()


def test_the_program_owns_nothing_and_bypasses_nothing(catalog: psycopg.Connection) -> None:
    row = catalog.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles"
        " WHERE rolname = 'portal_app'"
    ).fetchone()
    assert row == (False, False, False, False, False)
    assert names(catalog, "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = 'portal_app'") == set()
    memberships = names(
        catalog, "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'portal_app'::regrole"
    )
    assert memberships == set()
    assert catalog.execute("SELECT has_schema_privilege('portal_app', 'public', 'CREATE')").fetchone() == (False,)


def test_what_is_append_only_can_be_neither_changed_nor_deleted(catalog: psycopg.Connection) -> None:
    granted = names(
        catalog,
        "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'portal_app'"
        " AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')",
    )
    assert granted & APPEND_ONLY == set()
    read = names(
        catalog,
        "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'portal_app'"
        " AND privilege_type = 'SELECT'",
    )
    assert read >= APPEND_ONLY
    truncate = names(
        catalog,
        "SELECT table_name FROM information_schema.role_table_grants WHERE privilege_type = 'TRUNCATE'"
        " AND grantee IN ('portal_app', 'PUBLIC')",
    )
    assert truncate == set()
    assert (
        names(
            catalog,
            "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC'"
            " AND table_schema = 'public'",
        )
        == set()
    )
