"""Which items are shown and which answers are taken, against a second opinion that is written another way (F8.M2)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_api.core.errors import Invalid
from portal_api.schemas.forms.definition import FormDefinition
from portal_api.services.forms import answers
from portal_api.services.forms.checking import check
from portal_api.services.forms.rendering import rendered
from portal_api.services.forms.visibility import visible_items

Json = dict[str, Any]
OPTIONS = ["a", "b", "0", "1"]
SCORES = {"a": 3, "b": 5}
"""Of the others, the value is the number."""
KINDS = ["text", "choice", "multiple_choice", "number", "scale", "date", "statement"]
DATES = ["2024-01-01", "2024-06-30", "2030-12-31"]


def item_of(key: str, kind: str, required: bool, condition: Json | None) -> Json:
    item: Json = {"key": key, "type": kind, "text": "?", "required": required and kind != "statement"}
    if kind in ("choice", "multiple_choice"):
        item["options"] = [{"value": v, "label": v} | ({"score": SCORES[v]} if v in SCORES else {}) for v in OPTIONS]
    if kind == "scale":
        item |= {"min": 0, "max": 5}
    return item | ({"visible_if": condition} if condition else {})


def values_of(kind: str) -> st.SearchStrategy[Any]:
    """Answers that the item takes."""
    return {
        "text": st.sampled_from(["x", "y", "", " "]),
        "choice": st.sampled_from(OPTIONS),
        "multiple_choice": st.lists(st.sampled_from(OPTIONS), unique=True),
        "number": st.sampled_from([-1, 0, 1.5, 5]),
        "scale": st.integers(0, 5),
        "date": st.sampled_from(DATES),
    }[kind]


def compared(kind: str, key: str, draw: Callable[..., Any]) -> Json:
    operators = ["answered", "equals", "not_equals", "in"]
    if kind != "text":
        operators += ["at_least", "at_most"]
    op = draw(st.sampled_from(operators))
    plain = {"multiple_choice": st.sampled_from(OPTIONS), "text": st.sampled_from(["x", "y"])}
    one = plain[kind] if kind in plain else values_of(kind)
    if op == "answered":
        return {"item": key, "op": op} | draw(st.sampled_from([{}, {"value": True}, {"value": False}]))
    if op == "in":
        return {"item": key, "op": op, "value": draw(st.lists(one, min_size=1, max_size=3))}
    if op in ("at_least", "at_most") and kind in ("choice", "multiple_choice"):
        one = st.integers(0, 5)
    return {"item": key, "op": op, "value": draw(one)}


@st.composite
def forms(draw: Callable[..., Any]) -> tuple[Json, Json]:
    """A form, and answers that fit it, to items that are shown and to others."""
    items: list[Json] = []
    for n in range(draw(st.integers(1, 8))):
        before = [item for item in items if item["type"] != "statement"]
        condition = None
        if before and draw(st.booleans()):
            parts = [
                compared(chosen["type"], chosen["key"], draw)
                for chosen in draw(st.lists(st.sampled_from(before), min_size=1, max_size=3))
            ]
            condition = parts[0] if len(parts) == 1 else {draw(st.sampled_from(["all", "any"])): parts}
        items.append(item_of(f"q{n}", draw(st.sampled_from(KINDS)), draw(st.booleans()), condition))
    given = {
        item["key"]: draw(values_of(item["type"]))
        for item in items
        if item["type"] != "statement" and draw(st.booleans())
    }
    return {"sections": [{"key": "s", "title": "S", "items": items}]}, given


def second_opinion(form: Json, given: Json) -> list[str]:
    """From the top down, by recursion over the raw JSON: what an item hangs from is asked anew each time."""
    items = {item["key"]: item for section in form["sections"] for item in section["items"]}

    def shown(key: str) -> bool:
        condition = items[key].get("visible_if")
        return condition is None or holds(condition)

    def holds(condition: Json) -> bool:
        if "all" in condition:
            return False not in [holds(part) for part in condition["all"]]
        if "any" in condition:
            return True in [holds(part) for part in condition["any"]]
        key, op, value = condition["item"], condition["op"], condition.get("value")
        answer = given.get(key) if shown(key) else None
        blank = answer in (None, [], "") or (isinstance(answer, str) and answer.isspace())
        if op == "answered":
            return blank == (value is False)
        return not blank and compares(items[key]["type"], answer, op, value)

    return [key for key in items if shown(key)]


def compares(kind: str, answer: Any, op: str, value: Any) -> bool:
    chosen = answer if kind == "multiple_choice" else [answer]
    match op:
        case "equals":
            return value in chosen
        case "not_equals":
            return value not in chosen
        case "in":
            return bool([each for each in chosen if each in value])
    if kind in ("choice", "multiple_choice"):
        chosen = [SCORES[each] if each in SCORES else float(each) for each in chosen]
    return max(chosen) >= value if op == "at_least" else min(chosen) <= value


@given(forms())
def test_what_is_shown(example: tuple[Json, Json]) -> None:
    form, given_answers = example
    definition = FormDefinition.model_validate_json(json.dumps(form))
    check(definition)
    assert [item.key for item in visible_items(definition, given_answers)] == second_opinion(form, given_answers)


@given(forms(), st.sampled_from([None, False, True]))
def test_what_can_be_handed_in(example: tuple[Json, Json], signed: bool | None) -> None:
    """Exactly what is shown and required must be there, and exactly what is shown and answered is kept."""
    form, given_answers = example
    definition = FormDefinition.model_validate_json(json.dumps(form))
    items = {item["key"]: item for item in form["sections"][0]["items"]}
    shown = [key for key in second_opinion(form, given_answers) if items[key]["type"] != "statement"]
    answered = {k: given_answers[k] for k in shown if str(given_answers.get(k, "")).strip() not in ("", "[]")}
    needed = [key for key in shown if items[key]["required"] and key not in answered]
    assert answers.missing(definition, given_answers) == needed
    try:
        kept = answers.completed(definition, given_answers, signed=signed)
    except Invalid as refusal:
        pointers = [fault.pointer for fault in refusal.faults]
        assert pointers == ([f"/answers/{key}" for key in needed] or ["/answers"])
        assert needed or (not answered and not signed and (shown or signed is False))
    else:
        assert not needed
        assert answered or signed or (signed is None and not shown)
        assert kept == answered
        assert answers.progress(definition, kept) == 100 or not any(items[key]["required"] for key in shown)


@given(forms(), st.data())
def test_a_draft_merges_item_by_item(example: tuple[Json, Json], data: st.DataObject) -> None:
    """RFC 7396 section 2, as far as answers go: named ones replace, null removes, others stay."""
    form, stored = example
    definition = FormDefinition.model_validate_json(json.dumps(form))
    kinds = {item["key"]: item["type"] for item in form["sections"][0]["items"] if item["type"] != "statement"}
    patch = {key: data.draw(st.none() | values_of(kind)) for key, kind in kinds.items() if data.draw(st.booleans())}
    expected = {k: v for k, v in (stored | patch).items() if v is not None}
    assert answers.merged(definition, stored, patch) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([*KINDS, "paragraph", "file", "signature"]), json_values)
def test_nothing_that_anybody_sends_is_kept_unread(kind: str, value: Any) -> None:
    """Whatever comes is refused as the caller's fault or kept in a form that JSON and PostgreSQL hold."""
    item = item_of("q", kind, False, None)
    definition = FormDefinition.model_validate_json(
        json.dumps({"sections": [{"key": "s", "title": "S", "items": [item]}]})
    )
    try:
        kept = answers.merged(definition, {}, {"q": value})
    except Invalid as refusal:
        assert [fault.pointer for fault in refusal.faults] == ["/answers/q"]
    else:
        text = json.dumps(kept, allow_nan=False)
        assert "\\u0000" not in text
        assert answers.merged(definition, {}, kept) == kept


@pytest.mark.parametrize("name", ["client_name", "date", "practice_name"])
def test_a_placeholder_is_filled_once(name: str) -> None:
    item = {"key": "{date}", "text": f"{{{name}}} and {{nobody}}", "options": [{"value": "{date}", "label": "{date}"}]}
    filled = rendered({"items": [item]}, {name: "{practice_phone}", "date": "{practice_phone}"})["items"][0]
    assert filled["text"] == "{practice_phone} and {nobody}"
    assert (filled["key"], filled["options"][0]["value"]) == ("{date}", "{date}")


def test_steps_are_counted_however_small_they_are() -> None:
    form = {"key": "q", "type": "number", "text": "How much?", "step": 1e-20}
    definition = FormDefinition.model_validate({"sections": [{"key": "s", "title": "S", "items": [form]}]})
    assert answers.merged(definition, {}, {"q": 10**12}) == {"q": 10**12}
