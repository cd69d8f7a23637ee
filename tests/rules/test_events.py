"""Every type of event that the code records is in the catalogue, and nothing else is."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import portal_api
from portal_api.services.audit.catalogue import TYPES
from portal_api.services.notifications import LETTERS, kinds
from tests.documents import assert_checked_in

PACKAGE = Path(portal_api.__file__).parent
# Where in a call the type stands.
PLACES = {"record": 2, "viewed": 2, "record_apart": 3}
# Functions that record what their callers name, and where in a call it stands.
WRAPPERS = {"recorded": 3, "disposal.delete": 3, "inbox.note": 2, "taking_part.record": 2}
PASSES_ON = PACKAGE / "services" / "audit" / "recording.py"


def passed_on(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Functions that record a type which a parameter of theirs names, and where in a call that parameter stands."""
    for function in ast.walk(tree):
        if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            names = [argument.arg for argument in function.args.args]
            for _, expression in recording(function, PLACES):
                if isinstance(expression, ast.Name) and expression.id in names:
                    yield function.name, names.index(expression.id)


def recording(tree: ast.AST, places: dict[str, int]) -> Iterator[tuple[int, ast.expr]]:
    """Line and type argument of each call of one of the functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).removeprefix("audit.").removeprefix("review.")
            if name in places:
                given = [keyword.value for keyword in node.keywords if keyword.arg == "type"]
                yield from ((node.lineno, found) for found in given or node.args[places[name] : places[name] + 1])


def recorded(tree: ast.AST) -> Iterator[tuple[int, str | None]]:
    """Line and pattern of the type of each call that records; None for one that is not spelled out."""
    wrappers = dict(passed_on(tree))
    handed_over = {id(found) for _, found in recording(tree, PLACES) if isinstance(found, ast.Name)}
    for line, expression in recording(tree, PLACES | wrappers | WRAPPERS):
        if id(expression) not in handed_over or not wrappers:
            yield from ((line, pattern) for pattern in patterns(expression))


def patterns(expression: ast.expr) -> Iterator[str | None]:
    match expression:
        case ast.Constant(value=str(text)):
            yield re.escape(text)
        case ast.IfExp(body=one, orelse=other):
            yield from patterns(one)
            yield from patterns(other)
        case ast.JoinedStr(values=parts):
            yield "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else "[a-z_]+" for p in parts)
        case _:
            yield None


@cache
def in_the_code() -> dict[str, set[str]]:
    """Patterns of types, and where they are recorded."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path == PASSES_ON:
            continue
        for line, pattern in recorded(ast.parse(path.read_text())):
            place = f"{path.relative_to(PACKAGE)}:{line}"
            found.setdefault(pattern if pattern is not None else f"not spelled out at {place}", set()).add(place)
    return found


def test_every_type_that_is_recorded_is_in_the_catalogue() -> None:
    missing = {
        pattern: places
        for pattern, places in in_the_code().items()
        if not any(re.fullmatch(pattern, type) for type in TYPES)
    }
    assert missing == {}, "add these to services/audit/catalogue.py"


def test_every_type_in_the_catalogue_is_recorded() -> None:
    known = in_the_code()
    assert [type for type in TYPES if not any(re.fullmatch(pattern, type) for pattern in known)] == []


def test_every_letter_and_every_kind_is_about_a_type_in_the_catalogue() -> None:
    assert LETTERS.keys() - TYPES.keys() == set()
    assert kinds.EVENTS - TYPES.keys() == set()


def test_what_is_told_has_no_letter_besides() -> None:
    """One way: a letter is for who has no inbox yet, or holds a secret."""
    assert LETTERS.keys() & kinds.EVENTS == set()


@pytest.mark.parametrize(("type", "words"), TYPES.items())
def test_an_entry_has_a_plain_name_and_one_sentence(type: str, words: str) -> None:
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+){1,2}", type)
    assert re.fullmatch(r"[A-Z][^.]*\.", words)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("audit.record(session, principal, 'a.b')", [r"a\.b"]),
        ("record_apart(database, practice_id, principal, 'a.b', x=1)", [r"a\.b"]),
        ("audit.viewed(reader, principal, 'a.b' if x else 'c.d', [])", [r"a\.b", r"c\.d"]),
        ("audit.record(session, principal, f'{purpose}.requested')", [r"[a-z_]+\.requested"]),
        ("audit.record(session, principal, computed())", [None]),
        ("audit.record(session, principal, type='a.b')", [r"a\.b"]),
        ("other.record(session, principal, 'a.b')", []),
    ],
)
def test_types_are_found_wherever_they_stand(source: str, expected: list[str | None]) -> None:
    assert [pattern for _, pattern in recorded(ast.parse(source))] == expected


def test_the_document_lists_the_catalogue() -> None:
    head = (
        "# Events\n\nWhatever someone may want to know of is one event, recorded in the transaction that changed it.\n"
        "The audit trail, mail and notices derive from events. This list is written from\n"
        "`services/audit/catalogue.py`, which is where a new type is added.\n\n| type | what it says |\n| --- | --- |\n"
    )
    rows = "".join(f"| `{type}` | {words} |\n" for type, words in sorted(TYPES.items()))
    assert_checked_in("events.md", head + rows)
