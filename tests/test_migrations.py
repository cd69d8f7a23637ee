"""The migrations: up, down, up again; the same tables as the models; careful with locks."""

import ast
import re
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from alembic import command
from psycopg import sql
from sqlalchemy import make_url

from tests.database import ROOT, alembic_config, empty_database, migrated_database

pytestmark = pytest.mark.whatever_rows
"""A migration that moves rows moves everybody's."""
FILES = sorted((ROOT / "migrations" / "versions").glob("*.py"))


def tables(url: str) -> set[str]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        rows = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        return {name for (name,) in rows}


def test_they_go_up_and_down_to_nothing_and_up_again(cluster: str) -> None:
    url = empty_database(cluster, "migrations")
    config = alembic_config(url)
    command.upgrade(config, "head")
    everything = tables(url)
    command.downgrade(config, "base")
    assert {name for name in tables(url) if not name.startswith("alembic_version")} == set()
    command.upgrade(config, "head")
    assert tables(url) == everything
    command.check(config)


def test_two_databases_of_one_server_can_be_migrated(cluster: str) -> None:
    """Roles belong to the server: the second database finds them there."""
    for name in ("migrations_first", "migrations_second"):
        command.upgrade(alembic_config(empty_database(cluster, name)), "head")


def test_a_migration_gives_up_soon_when_a_table_is_in_use(cluster: str) -> None:
    """It waits for a lock for seconds, not for ever, with everybody else behind it."""
    url = migrated_database(cluster, "migrations_locked")
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as reader:
        reader.execute("SELECT 1 FROM practice")
        with pytest.raises(Exception, match="lock timeout"):
            command.downgrade(alembic_config(url), "base")
    assert "practice" in tables(url)


def test_there_is_one_line_of_them() -> None:
    parents: list[str] = []
    for path in FILES:
        text = path.read_text()
        parents += re.findall(r'^down_revision = "(\w+)"', text, re.MULTILINE)
        assert re.search(rf'^revision = "{path.stem}"', text, re.MULTILINE), f"{path.name} is named after its revision"
    assert sorted(parents) == [path.stem for path in FILES[:-1]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_says_what_it_does_and_can_be_undone(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert len(ast.get_docstring(tree) or "") >= 10
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {"upgrade", "downgrade"} <= functions.keys()
    assert not all(isinstance(statement, ast.Pass) for statement in functions["downgrade"].body)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_table_is_made_by_the_one_way_to_make_it(path: Path) -> None:
    """create_practice_table or create_global_table; the job queue's are its library's."""
    assert path.stem.endswith("_jobs") or "op.create_table(" not in path.read_text()


def alone(connection: psycopg.Connection, *names: str) -> None:
    """Tables that take rows without the ones they refer to, from their owner."""
    keys = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f'"
    for table, key in connection.execute(keys).fetchall():
        if table in names:
            connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(*map(sql.Identifier, (table, key))))
    for name in names:
        connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(name)))


def test_consents_that_stood_beside_a_chart_come_into_it(cluster: str) -> None:
    """A client said no by their own login, and staff wrote down a no of another; a guardian's stays beside."""
    url = empty_database(cluster, "migrations_consents")
    config = alembic_config(url)
    command.upgrade(config, "0033_consents")
    command.downgrade(config, "-1")
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    practice, own, told, account, parent = (UUID(int=n) for n in range(1, 6))
    with psycopg.connect(plain) as connection:
        alone(connection, "client", "client_grant", "contact_consent")
        for client, said in ((own, '{"sms": true, "preferred": "sms"}'), (told, None)):
            connection.execute(
                "INSERT INTO client (practice_id, id, given_name, family_name, contact_preferences)"
                " VALUES (%s, %s, 'Grace', 'Client', %s)",
                [practice, client, said],
            )
        for holder, relationship in ((account, "self"), (parent, "mother")):
            connection.execute(
                "INSERT INTO client_grant (practice_id, id, account_id, client_id, relationship, permissions, source)"
                " VALUES (%s, gen_random_uuid(), %s, %s, %s, '{}', 'invitation')",
                [practice, holder, own, relationship],
            )
        for recipient, email, sms in ((account, False, True), (told, False, False), (parent, False, False)):
            connection.execute(
                "INSERT INTO contact_consent (practice_id, recipient_id, email, sms) VALUES (%s, %s, %s, %s)",
                [practice, recipient, email, sms],
            )
    command.upgrade(config, "0033_consents")
    forced = (
        "SELECT count(*) FROM pg_class WHERE relforcerowsecurity"
        " AND relname IN ('client', 'client_grant', 'contact_consent')"
    )
    with psycopg.connect(plain) as connection:
        assert connection.execute(forced).fetchone() == (3,)
        alone(connection, "client", "contact_consent")
        charts = dict(connection.execute("SELECT id, contact_preferences FROM client").fetchall())
        beside = connection.execute("SELECT recipient_id FROM contact_consent").fetchall()
    assert (charts[own]["email"], charts[own]["sms"], charts[own]["preferred"]) == (False, True, "sms")
    assert (charts[told]["email"], charts[told]["sms"], charts[told]["preferred"]) == (False, False, None)
    assert beside == [(parent,)]


def test_an_order_that_is_gone_is_named_no_more(cluster: str) -> None:
    url = empty_database(cluster, "migrations_orders")
    config = alembic_config(url)
    command.upgrade(config, "0035_guardians")
    command.downgrade(config, "-1")
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    practice, with_one, without, order = (UUID(int=n) for n in range(1, 5))
    with psycopg.connect(plain) as connection:
        alone(connection, "custody_record", "document")
        for client, named in ((with_one, order), (without, UUID(int=9))):
            connection.execute(
                "INSERT INTO custody_record (practice_id, client_id, order_document_id) VALUES (%s, %s, %s)",
                [practice, client, named],
            )
        connection.execute(
            "INSERT INTO document (practice_id, id, client_id, file_id, title, file_name, purpose, source)"
            " VALUES (%s, %s, %s, gen_random_uuid(), 'Order', 'order.pdf', 'custody_order', 'staff')",
            [practice, order, with_one],
        )
    command.upgrade(config, "0035_guardians")
    with psycopg.connect(plain) as connection:
        forced = "SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE relname IN ('custody_record', 'document')"
        assert connection.execute(forced).fetchone() == (True,)
        key = "SELECT convalidated FROM pg_constraint WHERE conname = 'fk_custody_record_practice_id_order_document_id'"
        assert connection.execute(key).fetchone() == (True,)
        alone(connection, "custody_record")
        named = dict(connection.execute("SELECT client_id, order_document_id FROM custody_record").fetchall())
    assert named == {with_one: order, without: None}
