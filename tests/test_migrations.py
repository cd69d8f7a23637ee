"""The migrations: up, down, up again; the same tables as the models; careful with locks."""

import ast
import re
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import make_url

from tests.database import ROOT, alembic_config, empty_database, migrated_database

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
