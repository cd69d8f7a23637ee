"""Watches the SQL of the whole suite: every statement says whose rows it wants, for every table it touches.

Row-level security is the second line. A statement without the predicate works on plain PostgreSQL and goes
to every shard on Citus; with outer joins it may even answer wrongly.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

import portal_api.models  # noqa: F401 - fills the metadata
from portal_api.core.db import Base
from portal_api.core.db.reads import Text

KEYS = {table.name: "practice_id" for table in Base.metadata.tables.values() if "practice_id" in table.primary_key}
KEYS["practice"] = "id"
"""The column that names the practice, by table."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_NOT_ALIASES = {"where", "join", "left", "on", "set", "group", "order", "limit", "for", "cross", "inner", "offset"} | {
    *("full", "right", "union", "returning", "values", "using", "having", "as", "default")
}


@cache
def complaints(sql: str) -> list[str]:
    """The practice tables that the statement names without saying which practice it wants."""
    flat = re.sub(r"'(?:[^']|'')*'", "''", " ".join(sql.replace('"', "").split()))
    wanted: dict[tuple[str, str], int] = {}
    for table, alias in _tables(flat):
        wanted[table, alias] = wanted.get((table, alias), 0) + 1
    found = []
    for (table, alias), times in wanted.items():
        predicate = rf"\b{alias}\.{KEYS[table]} (?:=|IN) ?\(?(?:\$\d|%\(|:)"
        if len(re.findall(predicate, flat)) < times:
            found.append(f"{table} AS {alias}" if alias != table else table)
    return found


def _tables(sql: str) -> Iterator[tuple[str, str]]:
    """Every practice table in the FROM, JOIN or UPDATE of any level, with the name it goes by there."""
    for match in re.finditer(
        r"(?:\b(?:FROM|JOIN|UPDATE)(?: ONLY| LATERAL)?|,) (\w+)\b(?! ?\()(?=(?: AS)?(?: (\w+))?)", sql
    ):
        table, alias = match[1], match[2]
        if table in KEYS and sql[match.end(1) : match.end(1) + 1] != ".":
            named = alias is not None and alias.lower() not in _NOT_ALIASES
            yield table, alias if named else table
    for match in re.finditer(r"\bINSERT INTO (\w+)(?: AS \w+)? \(([^)]*)\)", sql):
        if match[1] in KEYS and KEYS[match[1]] not in _WORD.findall(match[2]):
            yield match[1], "the inserted row"


@contextmanager
def watched(report: Callable[[str, list[str]], None]) -> Iterator[None]:
    """Report every statement of SQLAlchemy's, and every Read that is made, whose complaints are not empty."""

    def before_cursor_execute(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        check(statement)

    def check(statement: str) -> None:
        if statement in seen:
            return
        seen.add(statement)
        found = complaints(statement)
        if found:
            report(statement, found)

    seen: set[str] = set()
    original = Text.arguments

    def arguments(text: Text, *rest: Any) -> Any:
        check(text.plain)
        return original(text, *rest)

    event.listen(Engine, "before_cursor_execute", before_cursor_execute)
    Text.arguments = arguments  # type: ignore[method-assign]
    try:
        yield
    finally:
        Text.arguments = original  # type: ignore[method-assign]
        event.remove(Engine, "before_cursor_execute", before_cursor_execute)
