"""When an item is shown: R4's enableWhen where it can say so, else an SDC expression and our own words beside it.

Ours nests all and any; enableWhen is one list joined by one of the two. The expression is for other systems, our own
extension for whoever reads the form back.
"""

import json
from collections.abc import Mapping
from operator import ge, le
from typing import Any

from pydantic import TypeAdapter, ValidationError

from portal_api.models.forms import ItemType
from portal_api.schemas.forms.definition import AllOf, AnyOf, Comparison, Condition, Item
from portal_api.services.questionnaires import numbers, vocabulary
from portal_api.services.questionnaires.vocabulary import Json

_OPERATORS = {"equals": "=", "not_equals": "!=", "at_least": ">=", "at_most": "<="}
_OURS = {sign: name for name, sign in _OPERATORS.items()}
_CHOICES = (ItemType.CHOICE, ItemType.MULTIPLE_CHOICE)
_ADAPTER: TypeAdapter[Comparison | AllOf | AnyOf] = TypeAdapter(Condition)
Items = Mapping[str, Item]


class Unsaid(ValueError):
    """A condition that forms cannot express."""


def written(condition: Comparison | AllOf | AnyOf, items: Items, base: str) -> Json:
    """What the FHIR item carries for it. items: those that come before, by key."""
    joined = "all" if isinstance(condition, AllOf) else "any"
    parts = condition.all if isinstance(condition, AllOf) else condition.any if isinstance(condition, AnyOf) else None
    entries = [entry for part in parts or [condition] for entry in _entries(part, items, alone=parts is None)]
    if None not in entries and (joined == "any" or all(_is_single(part) for part in parts or [])):
        return {"enableWhen": entries} | ({"enableBehavior": joined} if len(entries) > 1 else {})
    stored = condition.model_dump(mode="json", exclude_none=True)
    expression = {"language": "text/fhirpath", "expression": _fhirpath(condition, items)}
    return {
        "extension": [
            {"url": vocabulary.ENABLE_WHEN, "valueExpression": expression},
            {"url": vocabulary.own(base, vocabulary.CONDITION), "valueString": json.dumps(stored)},
        ]
    }


def read(item: Json, keys: Mapping[str, str]) -> Json | None:
    """The condition of a FHIR item; keys: of the items, by linkId. Raises Unsaid."""
    stored = vocabulary.own_value_of(item, vocabulary.CONDITION)
    if stored is not None:
        return _stored(stored)
    if vocabulary.value_of(item, vocabulary.ENABLE_WHEN) is not None:
        raise Unsaid("Forms have conditions in enableWhen only.")
    entries = vocabulary.objects(item.get("enableWhen"))
    comparisons = [_comparison(entry, keys) for entry in entries]
    if len(comparisons) < 2:
        return comparisons[0] if comparisons else None
    joined = item.get("enableBehavior")
    if joined not in ("all", "any"):
        raise Unsaid("Several conditions need enableBehavior: all or any.")
    same = {comparison["item"] for comparison in comparisons}, {comparison["op"] for comparison in comparisons}
    if joined == "any" and len(same[0]) == 1 and same[1] == {"equals"}:
        return {"item": comparisons[0]["item"], "op": "in", "value": [c["value"] for c in comparisons]}
    return {joined: comparisons}


def _is_single(part: Comparison | AllOf | AnyOf) -> bool:
    return isinstance(part, Comparison) and (part.op != "in" or len(_list(part.value)) == 1)


def _entries(part: Comparison | AllOf | AnyOf, items: Items, *, alone: bool) -> list[Json | None]:
    """The enableWhen entries, any of which makes it true; [None] where R4 cannot say it."""
    if not isinstance(part, Comparison) or (part.op == "in" and not alone and len(_list(part.value)) > 1):
        return [None]
    if part.op == "answered":
        return [{"question": part.item, "operator": "exists", "answerBoolean": part.value is not False}]
    item, sign = items[part.item], _OPERATORS.get(part.op, "=")
    if item.type is ItemType.MULTIPLE_CHOICE and part.op == "not_equals":
        return [None]  # in R4 it is true where any one of the answers differs
    answers = [_answer(item, value, sign) for value in _list(part.value)]
    return [answer and {"question": part.item, "operator": sign} | answer for answer in answers]


def _answer(item: Item, value: Any, sign: str) -> Json | None:
    if item.type in _CHOICES:
        return {"answerCoding": {"code": str(value)}} if sign in ("=", "!=") else None
    if item.type in (ItemType.SCALE, ItemType.NUMBER):
        integer = numbers.is_integer(item)
        if integer and not numbers.is_whole(value):
            return None
        name, number = numbers.typed(value, integer=integer)
        return {f"answer{name}": number}
    return {"answerDate" if item.type is ItemType.DATE else "answerString": value}


def _fhirpath(condition: Comparison | AllOf | AnyOf, items: Items) -> str:
    if isinstance(condition, Comparison):
        return _path(condition, items[condition.item])
    word, parts = ("and", condition.all) if isinstance(condition, AllOf) else ("or", condition.any)
    return "(" + f" {word} ".join(_fhirpath(part, items) for part in parts) + ")"


def _path(comparison: Comparison, item: Item) -> str:
    answer = f"%resource.descendants().where(linkId = '{comparison.item}').answer"
    if comparison.op == "answered":
        return f"{answer}.exists()" + (".not()" if comparison.value is False else "")
    given = f"{answer}.value.code" if item.type in _CHOICES else f"{answer}.value"
    if comparison.op in ("at_least", "at_most"):
        return f"{answer}.where({_reaching(comparison, item)}).exists()"
    wanted = " | ".join(_literal(item, value) for value in _list(comparison.value))
    if comparison.op == "not_equals":
        return f"({answer}.exists() and {given}.intersect({wanted}).empty())"
    return f"{given}.intersect({wanted}).exists()"


def _reaching(comparison: Comparison, item: Item) -> str:
    """Options compare by their scores, which are counted out: the answer carries only the code."""
    sign, value = _OPERATORS[comparison.op], comparison.value
    if item.type not in _CHOICES or not isinstance(value, int | float):
        return f"value {sign} {_literal(item, value)}"
    reaches = ge if sign == ">=" else le
    points = {option.value: option.value if option.score is None else option.score for option in item.options or ()}
    reached = [code for code, score in points.items() if reaches(float(score), value)]
    return " or ".join(f"value.code = {_quoted(code)}" for code in reached) or "false"


def _literal(item: Item, value: Any) -> str:
    if item.type in _CHOICES or isinstance(value, str):
        return f"@{value}" if item.type is ItemType.DATE else _quoted(str(value))
    return str(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _stored(text: Any) -> Json:
    try:
        condition = _ADAPTER.validate_json(text)
    except (ValidationError, TypeError):
        raise Unsaid("This is no condition of a form.") from None
    return condition.model_dump(mode="json", exclude_none=True)


def _comparison(entry: Json, keys: Mapping[str, str]) -> Json:
    question, operator = entry.get("question"), entry.get("operator")
    if not isinstance(question, str) or question not in keys:
        raise Unsaid("A condition names a question that comes before.")
    value = next((value for name, value in entry.items() if name.startswith("answer")), None)
    if operator == "exists":
        return {"item": keys[question], "op": "answered", "value": value is not False}
    if not isinstance(operator, str) or operator not in _OURS:
        raise Unsaid("Forms compare with exists, =, !=, >= and <=.")
    if "answerQuantity" in entry or "answerReference" in entry or value is None:
        raise Unsaid("Forms compare with codes, text, dates and numbers.")
    value = value.get("code") if isinstance(value, dict) else str(value).lower() if isinstance(value, bool) else value
    return {"item": keys[question], "op": _OURS[operator], "value": value}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
