"""Placeholders in a form's texts, such as {practice_name}: filled in for whom the form is given to. Pure."""

import re
from collections.abc import Mapping
from typing import Any

PLACEHOLDERS = {
    "client_name": "the client",
    "date": "the date of signing",
    "practice_address": "the address of the practice",
    "practice_name": "the practice",
    "practice_phone": "the telephone number of the practice",
    "practitioner_name": "your practitioner",
}
"""What may stand in braces, and what is written where there is no value for it. Anything else in braces stays."""
_TEXTS = {"title", "description", "text", "help", "label"}
_NAME = re.compile(r"\{([a-z_]+)\}")


def rendered(content: Any, values: Mapping[str, str | None]) -> Any:
    """A copy of the content with every text filled in. Keys, options' values and codes are no texts."""
    if isinstance(content, dict):
        return {
            name: filled(value, values) if name in _TEXTS and isinstance(value, str) else rendered(value, values)
            for name, value in content.items()
        }
    if isinstance(content, list):
        return [rendered(each, values) for each in content]
    return content


def filled(text: str, values: Mapping[str, str | None]) -> str:
    """Once: a value that has braces in it is text."""
    return _NAME.sub(lambda found: _value(found, values), text)


def _value(found: re.Match[str], values: Mapping[str, str | None]) -> str:
    name = found[1]
    return (values.get(name) or PLACEHOLDERS[name]) if name in PLACEHOLDERS else found[0]
