"""What each type of a FHIR item makes of it as an item of a form, its options among it."""

from collections.abc import Callable, Iterator
from typing import Any

from portal_api.services.questionnaires import vocabulary
from portal_api.services.questionnaires.vocabulary import Json

YES_NO = [{"value": "true", "label": "Yes"}, {"value": "false", "label": "No"}]


class Unreadable(ValueError):
    """Something of an item that forms do not have. `name`: of the element that says it."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name


def _written(type: str) -> Callable[[Json, Json], Json]:
    """An item that is filled in with text, a date or nothing."""

    def read(item: Json, _resource: Json) -> Json:
        _must_not_repeat(item)
        said = {"type": type, "max_length": item.get("maxLength")}
        return said if type == "statement" else said | _required(item)

    return read


def _number(item: Json, _resource: Json) -> Json:
    _must_not_repeat(item)
    low, high = (vocabulary.value_of(item, url) for url in (vocabulary.MIN_VALUE, vocabulary.MAX_VALUE))
    step = vocabulary.own_value_of(item, vocabulary.STEP)
    said = _required(item) | {"min": low, "max": high}
    if vocabulary.has_code(vocabulary.value_of(item, vocabulary.CONTROL), "slider") and None not in (low, high):
        slider = vocabulary.value_of(item, vocabulary.SLIDER_STEP)
        return said | {"type": "scale", "step": slider if step is None else step}
    return said | {"type": "number", "step": 1 if item.get("type") == "integer" else step}


def _choice(item: Json, resource: Json) -> Json:
    said = _required(item) | {"options": [*_options(item, resource)]}
    if item.get("repeats"):
        return said | {"type": "multiple_choice", "max_choices": vocabulary.value_of(item, vocabulary.MAX_OCCURS)}
    return said | {"type": "choice"}


def _boolean(item: Json, _resource: Json) -> Json:
    _must_not_repeat(item)
    return _required(item) | {"type": "choice", "options": YES_NO}


def _attachment(item: Json, _resource: Json) -> Json:
    _must_not_repeat(item)
    if vocabulary.value_of(item, vocabulary.SIGNATURE) is None:
        return _required(item) | {"type": "file"}
    required = item.get("required") is True or vocabulary.own_value_of(item, vocabulary.REQUIRED) is True
    return {"type": "signature", "required": required}


TYPES: dict[str, Callable[[Json, Json], Json]] = {
    "attachment": _attachment,
    "boolean": _boolean,
    "choice": _choice,
    "date": _written("date"),
    "decimal": _number,
    "display": _written("statement"),
    "integer": _number,
    "string": _written("text"),
    "text": _written("paragraph"),
}
"""By the type of the FHIR item. Each raises Unreadable."""


def _required(item: Json) -> Json:
    return {"required": item.get("required") is True}


def _must_not_repeat(item: Json) -> None:
    if item.get("repeats"):
        raise Unreadable("repeats", "Only choices take several answers.")


def _options(item: Json, resource: Json) -> Iterator[Json]:
    """From the item itself, or from a value set that the resource contains."""
    if item.get("answerValueSet"):
        yield from _of_value_set(item["answerValueSet"], resource)
        return
    for option in vocabulary.objects(item.get("answerOption")):
        if option.get("initialSelected"):
            raise Unreadable("answerOption", "Forms choose nothing beforehand.")
        coding = option.get("valueCoding")
        if isinstance(coding, dict):
            yield _of_coding(coding, option)
        else:
            value = next(
                (option[name] for name in ("valueString", "valueInteger", "valueDate") if name in option), None
            )
            if value is None:
                raise Unreadable("answerOption", "Options are codes, text, whole numbers or dates.")
            yield {"value": str(value), "label": str(value), "score": _score(option)}


def _of_coding(coding: Json, element: Json) -> Json:
    code, display = coding.get("code"), coding.get("display")
    score = _score(coding)
    return {"value": code or display, "label": display or code, "score": _score(element) if score is None else score}


def _score(element: Json) -> Any:
    return vocabulary.value_of(element, vocabulary.ORDINAL)


def _of_value_set(reference: Any, resource: Json) -> Iterator[Json]:
    contained = (each for each in vocabulary.objects(resource.get("contained")) if f"#{each.get('id')}" == reference)
    value_set = next(contained, None)
    if value_set is None:
        raise Unreadable(
            "answerValueSet", "Give the options in the questionnaire: a value set elsewhere is not looked up."
        )
    expansion, compose = (_object(value_set.get(name)) for name in ("expansion", "compose"))
    listed = vocabulary.objects(expansion.get("contains"))
    if not listed:
        included = vocabulary.objects(compose.get("include"))
        listed = [each for part in included for each in vocabulary.objects(part.get("concept"))]
    if not listed:
        raise Unreadable("answerValueSet", "The value set lists no codes.")
    for concept in listed:
        yield _of_coding(concept, concept)


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
