"""What must fit together in a form: keys that are unique, conditions on what comes before. Pure."""

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from portal_api.core.errors import Fault, Invalid
from portal_api.models.forms import ItemType
from portal_api.schemas.forms.definition import (
    MOST_CONDITIONS,
    MOST_ITEMS,
    AllOf,
    AnyOf,
    Comparison,
    FormDefinition,
    Item,
)
from portal_api.services.forms.answers import Wrong, read

DEEPEST = 4
_ORDERED = {ItemType.SCALE, ItemType.NUMBER, ItemType.DATE, ItemType.CHOICE, ItemType.MULTIPLE_CHOICE}
_CHOICES = {ItemType.CHOICE, ItemType.MULTIPLE_CHOICE}


def check(definition: FormDefinition, at: str = "/definition") -> None:
    """Raise Invalid with a pointer, below `at`, to everything that does not fit together."""
    faults = tuple(_faults(definition, at))
    if faults:
        raise Invalid("The form does not fit together.", faults=faults)


def _faults(definition: FormDefinition, at: str) -> Iterator[Fault]:
    sections: set[str] = set()
    before: dict[str, Item] = {}
    for i, section in enumerate(definition.sections):
        if section.key in sections:
            yield Fault(f"{at}/sections/{i}/key", "repeated", "Another section has this key.")
        sections.add(section.key)
        for j, item in enumerate(section.items):
            here = f"{at}/sections/{i}/items/{j}"
            if item.key in before:
                yield Fault(f"{here}/key", "repeated", "Another item has this key.")
            if item.visible_if is not None:
                yield from _condition(item.visible_if, before, f"{here}/visible_if")
            before.setdefault(item.key, item)
    if len(before) > MOST_ITEMS:
        yield Fault(f"{at}/sections", "too_long", f"A form has at most {MOST_ITEMS} items.")


def _condition(condition: Comparison | AllOf | AnyOf, before: dict[str, Item], at: str) -> Iterator[Fault]:
    leaves = list(_leaves(condition, at, 1))
    if len(leaves) > MOST_CONDITIONS:
        yield Fault(at, "too_long", f"A condition has at most {MOST_CONDITIONS} comparisons.")
    for comparison, here, depth in leaves:
        if depth > DEEPEST:
            yield Fault(here, "too_deep", f"Conditions stand in one another at most {DEEPEST} deep.")
        elif comparison.item not in before:
            yield Fault(f"{here}/item", "unknown_item", "A condition names an item that comes before.")
        else:
            yield from _comparison(comparison, before[comparison.item], here)


def _leaves(condition: Comparison | AllOf | AnyOf, at: str, depth: int) -> Iterable[tuple[Comparison, str, int]]:
    if isinstance(condition, Comparison):
        yield condition, at, depth
        return
    name, parts = ("all", condition.all) if isinstance(condition, AllOf) else ("any", condition.any)
    for i, part in enumerate(parts):
        yield from _leaves(part, f"{at}/{name}/{i}", depth + 1)


def _comparison(comparison: Comparison, item: Item, at: str) -> Iterator[Fault]:
    if not item.takes_answer:
        yield Fault(f"{at}/item", "takes_no_answer", "That item takes no answer.")
    elif comparison.op == "answered":
        if comparison.value is not None and not isinstance(comparison.value, bool):
            yield Fault(f"{at}/value", "wrong_type", "`answered` takes true, false or nothing.")
    elif item.type is ItemType.FILE:
        yield Fault(f"{at}/op", "wrong_operator", "Of a file, only whether there is one can be asked.")
    elif comparison.op in ("at_least", "at_most"):
        yield from _ordering(comparison, item, at)
    else:
        yield from _equality(comparison, item, at)


def _ordering(comparison: Comparison, item: Item, at: str) -> Iterator[Fault]:
    if item.type not in _ORDERED:
        yield Fault(f"{at}/op", "wrong_operator", "Text has no order to compare by.")
    elif item.type is ItemType.DATE:
        yield from _fits(item, comparison.value, at)
    elif isinstance(comparison.value, bool) or not isinstance(comparison.value, int | float):
        yield Fault(f"{at}/value", "wrong_type", "Compare with a number.")
    elif item.type in _CHOICES and any(
        option.score is None and not _is_number(option.value) for option in item.options or ()
    ):
        yield Fault(f"{at}/op", "wrong_operator", "Options compare by their scores, and some have none.")


def _equality(comparison: Comparison, item: Item, at: str) -> Iterator[Fault]:
    if (comparison.op == "in") is not isinstance(comparison.value, list):
        detail = "`in` takes a list of values." if comparison.op == "in" else "Compare with one value."
        yield Fault(f"{at}/value", "wrong_type", detail)
        return
    for value in comparison.value if isinstance(comparison.value, list) else [comparison.value]:
        yield from _fits(item, value, at)


def _fits(item: Item, value: object, at: str) -> Iterator[Fault]:
    """An answer that the item never takes would hide or show for ever."""
    try:
        read(item, [value] if item.type is ItemType.MULTIPLE_CHOICE else value)
    except Wrong as wrong:
        yield Fault(f"{at}/value", wrong.code, f"The item compared takes no such answer: {wrong}")


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
