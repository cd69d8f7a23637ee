"""Answers: what may be kept of them, and when they are complete. Pure; documents are looked up elsewhere (F8.M2)."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from portal_api.core.errors import Fault, Invalid
from portal_api.models.forms import ItemType
from portal_api.schemas.forms.definition import LINE_LENGTH, MOST_NUMBER, PARAGRAPH_LENGTH, FormDefinition, Item
from portal_api.services.forms.visibility import is_answer, visible_items

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BREAK = re.compile(r"[\n\r\t\u2028\u2029]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Wrong(ValueError):
    """An answer that its item does not take."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def merged(definition: FormDefinition, stored: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The stored answers with those of the patch; null takes one back (RFC 7396). What is missing may be missing.

    Raises Invalid with a pointer to every answer that its item does not take.
    """
    items = {item.key: item for item in definition.items()}
    result = dict(stored)
    faults: list[Fault] = []
    for key, value in patch.items():
        try:
            if key not in items:
                raise Wrong("unknown_item", "The form has no such item.")
            if value is None:
                result.pop(key, None)
            else:
                result[key] = read(items[key], value)
        except Wrong as wrong:
            faults.append(Fault(pointer(key), wrong.code, str(wrong)))
    if faults:
        raise Invalid("Some of the answers do not fit their questions.", faults=tuple(faults))
    return result


def completed(definition: FormDefinition, answers: Mapping[str, Any], *, signed: bool | None) -> dict[str, Any]:
    """The answers of a form that can be handed in, those of hidden items left out.

    signed: a signature says something still where no question is answered; false: it is wanted, and not there yet;
    None: it is not asked for. Raises Invalid naming every required item that is shown and has no answer, and every
    answer that does not fit; of a blank form that is to be signed, the places of the signatures.
    """
    kept: dict[str, Any] = {}
    faults: list[Fault] = []
    visible = visible_items(definition, answers)
    shown = [item for item in visible if item.takes_answer]
    for item in shown:
        value = answers.get(item.key)
        if is_answer(value):
            try:
                kept[item.key] = read(item, value)
            except Wrong as wrong:
                faults.append(Fault(pointer(item.key), wrong.code, str(wrong)))
        elif item.required:
            faults.append(Fault(pointer(item.key), "missing", "This needs an answer."))
    if faults:
        raise Invalid("The form is not complete.", faults=tuple(faults))
    if not kept and signed is False:
        places = [pointer(item.key) for item in visible if item.type is ItemType.SIGNATURE] or ["/answers"]
        faults = [Fault(place, "not_signed", "Sign the form: that hands it in.") for place in places]
        raise Invalid("A form with neither an answer nor a signature is not handed in.", faults=tuple(faults))
    if shown and not kept and not signed:
        blank = Fault("/answers", "blank", "Answer at least one of the questions.")
        raise Invalid("A form without an answer is not handed in.", faults=(blank,))
    return kept


def missing(definition: FormDefinition, answers: Mapping[str, Any]) -> list[str]:
    """The keys of the required items that are shown and have no answer, in the order of the form."""
    shown = visible_items(definition, answers)
    return [item.key for item in shown if _is_needed(item) and not is_answer(answers.get(item.key))]


def progress(definition: FormDefinition, answers: Mapping[str, Any]) -> int:
    """How much of what is shown and required has an answer, in whole per cent; without such, of all that is shown."""
    shown = [item for item in visible_items(definition, answers) if item.takes_answer]
    counted = [item for item in shown if item.required] or shown
    done = sum(is_answer(answers.get(item.key)) for item in counted)
    return 100 * done // len(counted) if counted else 100


def documents_in(definition: FormDefinition, answers: Mapping[str, Any]) -> dict[str, UUID]:
    """By item, the documents that are answers."""
    files = [item.key for item in definition.items() if item.type is ItemType.FILE]
    return {key: UUID(answers[key]) for key in files if answers.get(key) is not None}


def pointer(key: str) -> str:
    """RFC 6901, for a key that anybody may have sent."""
    return "/answers/" + key.replace("~", "~0").replace("/", "~1")


def read(item: Item, value: Any) -> Any:
    """The answer as it is kept. Raises Wrong."""
    reader = _READERS.get(item.type)
    if reader is None:
        raise Wrong("takes_no_answer", _NO_ANSWER[item.type])
    return reader(item, value)


def _is_needed(item: Item) -> bool:
    return item.required and item.takes_answer


def _text(item: Item, value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("wrong_type", "The answer is text.")
    is_line = item.type is ItemType.TEXT
    longest = item.max_length or (LINE_LENGTH if is_line else PARAGRAPH_LENGTH)
    if len(value) > longest:
        raise Wrong("too_long", f"At most {longest} characters.")
    if _CONTROL.search(value) or (is_line and _BREAK.search(value)):
        raise Wrong("control_character", "Control characters are not allowed, line breaks only in paragraphs.")
    return value


def _choice(item: Item, value: Any) -> str:
    """An option's value; instruments number theirs, so that a whole number will do."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Wrong("wrong_type", "The answer is the value of one of the options.")
    if isinstance(value, int) and abs(value) > MOST_NUMBER:
        raise Wrong("not_an_option", "Choose one of the options.")
    if str(value) not in {option.value for option in item.options or ()}:
        raise Wrong("not_an_option", "Choose one of the options.")
    return str(value)


def _choices(item: Item, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise Wrong("wrong_type", "The answer is a list of options' values.")
    if len(value) > len(item.options or ()):
        raise Wrong("too_many", "Choose each option at most once.")
    chosen = [_choice(item, each) for each in value]
    if len(set(chosen)) < len(chosen):
        raise Wrong("repeated", "Choose each option at most once.")
    if item.max_choices is not None and len(chosen) > item.max_choices:
        raise Wrong("too_many", f"Choose at most {item.max_choices}.")
    return chosen


def _number(item: Item, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong("wrong_type", "The answer is a number.")
    if not abs(value) <= MOST_NUMBER:  # nor what is no number at all
        raise Wrong("out_of_range", "This number is too large.")
    if (item.min is not None and value < item.min) or (item.max is not None and value > item.max):
        raise Wrong("out_of_range", f"The answer lies {_range(item)}.")
    step = item.step or (1 if item.type is ItemType.SCALE else None)
    if step is not None and (Fraction(str(value)) - Fraction(str(item.min or 0))) % Fraction(str(step)):
        raise Wrong("not_a_step", f"The answer goes in steps of {step}, counted from {item.min or 0}.")
    return value


def _range(item: Item) -> str:
    if item.min is None:
        return f"at {item.max} or below"
    return f"at {item.min} or above" if item.max is None else f"between {item.min} and {item.max}"


def _date(_item: Item, value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("wrong_type", "The answer is a date, YYYY-MM-DD.")
    try:
        if not _DATE.fullmatch(value):
            raise ValueError
        date.fromisoformat(value)
    except ValueError:
        raise Wrong("date", "Write a date of the calendar as YYYY-MM-DD.") from None
    return value


def _file(_item: Item, value: Any) -> str:
    try:
        if not isinstance(value, str):
            raise ValueError
        return str(UUID(value))
    except ValueError:
        raise Wrong("wrong_type", "The answer is the id of a document.") from None


_READERS: dict[ItemType, Callable[[Item, Any], Any]] = {
    ItemType.TEXT: _text,
    ItemType.PARAGRAPH: _text,
    ItemType.CHOICE: _choice,
    ItemType.MULTIPLE_CHOICE: _choices,
    ItemType.SCALE: _number,
    ItemType.NUMBER: _number,
    ItemType.DATE: _date,
    ItemType.FILE: _file,
}
_NO_ANSWER = {
    ItemType.STATEMENT: "A statement is read, not answered.",
    ItemType.SIGNATURE: "A signature is given by signing the form.",
}
