"""Every type of event that is recorded has an audience, and so a decision on who is told of it."""

import ast
import re
from pathlib import Path

import portal_api
from portal_api.services.audit.catalogue import TYPES
from portal_api.services.stream.audiences import AUDIENCES, UNKNOWN, audience_of
from tests.rules.test_events import PASSES_ON, WRAPPERS, passed_on, patterns, recording

PACKAGE = Path(portal_api.__file__).parent
CHANGES = {"record": 2, "record_apart": 3}
"""What records that something happened, and where in a call the type stands; `viewed` only records who looked."""


def changing() -> set[str]:
    """The types that the code records as something that happened."""
    found: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        if path == PASSES_ON:
            continue
        tree = ast.parse(path.read_text())
        wrappers = dict(passed_on(tree)) | WRAPPERS
        for _, expression in recording(tree, CHANGES | wrappers):
            found |= {each for each in patterns(expression) if each is not None}
    return {type for type in TYPES if any(_is_meant(pattern, type) for pattern in found)}


def _is_meant(pattern: str, type: str) -> bool:
    """What is put together of parts is no look at something, even if it fits; a list that was shown never is."""
    spelled_out = pattern == re.escape(type) or not type.endswith(".viewed")
    return spelled_out and not type.endswith(".listed") and re.fullmatch(pattern, type) is not None


def test_every_type_that_is_recorded_has_an_audience() -> None:
    missing = sorted(changing() - AUDIENCES.keys())
    assert missing == [], "say in services/stream/audiences.py who is told of these; nobody, as long as it is not said"


def test_every_audience_is_of_a_type_that_exists() -> None:
    assert sorted(AUDIENCES.keys() - TYPES.keys()) == []


def test_of_an_unknown_type_nobody_is_told_and_everybody_is_looked_up() -> None:
    assert audience_of("comet.sighted") is UNKNOWN
    assert UNKNOWN.moves
