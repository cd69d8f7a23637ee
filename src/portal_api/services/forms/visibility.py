"""Which items of a form are shown: pure, and the only place that knows (F8.M2)."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from portal_api.models.forms import ItemType
from portal_api.schemas.forms.definition import AllOf, AnyOf, Comparison, FormDefinition, Item

_CHOICES = (ItemType.CHOICE, ItemType.MULTIPLE_CHOICE)
Known = Mapping[str, tuple[Item, Any]]
"""The answers of items that come before and are shown."""


def is_answer(value: Any) -> bool:
    """Whether somebody answered: blank text and an empty list are no answers."""
    return value is not None and value != [] and not (isinstance(value, str) and not value.strip())


def visible_items(definition: FormDefinition, answers: Mapping[str, Any]) -> list[Item]:
    """The items that are shown for these answers, in the order of the form.

    An item that is hidden counts as not answered, whatever is stored for it: what hangs from it is judged so.
    """
    shown: list[Item] = []
    known: dict[str, tuple[Item, Any]] = {}
    for item in definition.items():
        if item.visible_if is not None and not _holds(item.visible_if, known):
            continue
        shown.append(item)
        value = answers.get(item.key)
        if is_answer(value):
            known[item.key] = item, value
    return shown


def _holds(condition: Comparison | AllOf | AnyOf, known: Known) -> bool:
    if isinstance(condition, AllOf):
        return all(_holds(each, known) for each in condition.all)
    if isinstance(condition, AnyOf):
        return any(_holds(each, known) for each in condition.any)
    return _compares(condition, known)


def _compares(condition: Comparison, known: Known) -> bool:
    """Without an answer nothing compares, `not_equals` neither; only `answered` can be false and hold."""
    answered = condition.item in known
    if condition.op == "answered":
        return answered is (condition.value is not False)
    if not answered:
        return False
    item, answer = known[condition.item]
    given = answer if isinstance(answer, list) else [answer]
    wanted = condition.value if isinstance(condition.value, list) else [condition.value]
    if condition.op in ("at_least", "at_most"):
        return any(_reaches(item, each, condition.op, wanted[0]) for each in given)
    found = any(_same(item, each, other) for each in given for other in wanted)
    return not found if condition.op == "not_equals" else found


def _same(item: Item, given: Any, wanted: Any) -> bool:
    """Options compare as text, so that 0 is "0"; numbers by their value; all else as it is."""
    if item.type in _CHOICES:
        return str(given) == str(wanted)
    return bool(given == wanted)


def _reaches(item: Item, given: Any, op: str, wanted: Any) -> bool:
    """Dates compare as they are written, ISO 8601; options by their score, or by the number that their value is."""
    here, there = (given, wanted) if item.type is ItemType.DATE else (_measure(item, given), _number(wanted))
    if here is None or there is None:
        return False
    return bool(here >= there if op == "at_least" else here <= there)


def _measure(item: Item, given: Any) -> Decimal | None:
    if item.type in _CHOICES:
        score = next((option.score for option in item.options or () if option.value == given), None)
        return _number(given if score is None else score)
    return _number(given)


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
