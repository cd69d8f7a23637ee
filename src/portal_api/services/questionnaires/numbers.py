"""How a number is written in FHIR: an integer has 32 bits, all else is a decimal."""

from portal_api.models.forms import ItemType
from portal_api.schemas.forms.definition import Item

_MOST = 2**31 - 1


def is_whole(value: float | None) -> bool:
    """Whether FHIR's integer can say it; nothing is whole."""
    return value is None or (value == int(value) and abs(value) <= _MOST)


def is_integer(item: Item) -> bool:
    """Whether an item's answers are integers: a scale in whole steps, a number whose steps are 1."""
    bounds = is_whole(item.min) and is_whole(item.max)
    return bounds and (is_whole(item.step) if item.type is ItemType.SCALE else item.step == 1)


def typed(value: float, *, integer: bool) -> tuple[str, int | float]:
    """The type's name, as it follows `value` and `answer`, and the value."""
    whole = int(value) if value == int(value) else value
    return ("Integer", int(value)) if integer else ("Decimal", whole)
