"""Forms as FHIR R4: valid by two validators that are not ours, and read back without loss (F8.B4)."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

import fhirpathpy
import pytest
from fhir.resources.R4B.questionnaire import Questionnaire
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pyfhircheck import ValidationIssue, Validator
from pyfhircheck.config import ValidatorConfig

from portal_api.core.errors import Invalid
from portal_api.schemas.forms.definition import FormDefinition
from portal_api.services.forms import library
from portal_api.services.forms.checking import check
from portal_api.services.questionnaires import exporting, importing

BASE = "https://portal.example"
ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


KNOWN: dict[str, dict[str, Any]] = {}
"""The questionnaires to which responses are. This validator looks up no addresses of the web, but others."""


@cache
def validator() -> Validator:
    return Validator(ValidatorConfig(allow_unknown_extensions=True), external_reference_resolver=KNOWN.get)


# What R4 says of Questionnaire.item and its enableWhen, by its own names and in its own words:
# https://hl7.org/fhir/R4/questionnaire.html#constraints
INVARIANTS = {
    "que-1": "(type = 'group' implies item.empty().not()) and (type = 'display' implies item.empty())",
    "que-3": "type != 'display' or code.empty()",
    "que-4": "answerOption.empty() or answerValueSet.empty()",
    "que-5": "(type = 'choice' or type = 'open-choice' or type = 'decimal' or type = 'integer' or type = 'date'"
    " or type = 'dateTime' or type = 'time' or type = 'string' or type = 'quantity')"
    " or (answerValueSet.empty() and answerOption.empty())",
    "que-6": "type != 'display' or (required.empty() and repeats.empty())",
    "que-10": "type = 'boolean' or type = 'decimal' or type = 'integer' or type = 'string' or type = 'text'"
    " or type = 'url' or type = 'open-choice' or maxLength.empty()",
    "que-12": "enableWhen.count() > 1 implies enableBehavior.exists()",
}
COMPILED = {name: fhirpathpy.compile(path) for name, path in INVARIANTS.items()}


def must_be_valid(resource: dict[str, Any]) -> None:
    """By R4B's structure and required bindings, by the invariants of R4 in FHIRPath, and by a second validator."""
    must_be_well_formed(resource)
    report = validator().validate_resource(resource)
    # This validator has left `text` out of what an item may have, which R4 has not.
    wrong = [issue for issue in report.issues if issue.severity.value != "warning" and not is_text_of_item(issue)]
    assert not wrong, wrong


def must_be_well_formed(resource: dict[str, Any]) -> None:
    model = {"Questionnaire": Questionnaire, "QuestionnaireResponse": QuestionnaireResponse}[resource["resourceType"]]
    model.model_validate(resource)
    if resource["resourceType"] == "Questionnaire":
        items = [*every_item(resource)]
        broken = [(name, i["linkId"]) for i in items for name, holds in COMPILED.items() if holds(i) != [True]]
        assert not broken
        assert len({item["linkId"] for item in items}) == len(items)  # que-2


def is_text_of_item(issue: ValidationIssue) -> bool:
    return issue.code == "element.unknown" and re.search(r"item\[\d+\]\.text$", issue.path or "") is not None


def every_item(parent: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in parent.get("item", []):
        yield item
        yield from every_item(item)


def form(definition: dict[str, Any] | FormDefinition, **said: Any) -> exporting.Form:
    if isinstance(definition, dict):
        definition = FormDefinition.model_validate(definition)
    known: dict[str, Any] = {
        "base": BASE,
        "template_id": ID,
        "key": None,
        "kind": "intake",
        "state": "published",
        "number": 3,
        "title": "Before we meet",
        "description": "What we would like to know.",
        "about": {},
        "dated": datetime(2031, 3, 3, 12, tzinfo=UTC),
        "publisher": "Harbor Therapy",
    }
    return exporting.Form(**known | said, definition=definition)


def of(*items: dict[str, Any]) -> dict[str, Any]:
    return {"sections": [{"key": "s", "title": "Section", "items": [{"text": "?"} | item for item in items]}]}


def again(resource: dict[str, Any]) -> FormDefinition:
    """Over the wire and back."""
    return importing.definition_of(json.loads(json.dumps(resource)))


YES_NO = [{"value": "0", "label": "No", "score": 0}, {"value": "1", "label": "Yes", "score": 1.5}]
KITCHEN_SINK = {
    "sections": [
        {
            "key": "about",
            "title": "About you",
            "text": "Take your time.",
            "items": [
                {"key": "name", "type": "text", "text": "Name", "required": True, "max_length": 80},
                {"key": "story", "type": "paragraph", "text": "Story", "help": "As much as you like.\n\nReally."},
                {"key": "yes", "type": "choice", "text": "Yes?", "options": YES_NO},
                {
                    "key": "many",
                    "type": "multiple_choice",
                    "text": "Which?",
                    "options": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}],
                    "max_choices": 1,
                    "visible_if": {"item": "yes", "op": "equals", "value": "1"},
                },
                {"key": "pain", "type": "scale", "text": "Pain", "min": 0, "max": 10, "step": 2},
                {"key": "fine", "type": "scale", "text": "Fine", "min": 0, "max": 1, "step": 0.25},
                {"key": "plain", "type": "scale", "text": "Plain", "min": 1, "max": 5},
            ],
        },
        {
            "key": "name",
            "title": "A section may be called like an item",
            "items": [
                {"key": "age", "type": "number", "text": "Age", "min": 0, "max": 150, "step": 1},
                {"key": "weight", "type": "number", "text": "Weight", "min": 0.5, "step": 0.1},
                {"key": "huge", "type": "number", "text": "Huge", "max": 10**11, "step": 1},
                {"key": "any", "type": "number", "text": "Any number"},
                {"key": "born", "type": "date", "text": "Born"},
                {
                    "key": "letter",
                    "type": "file",
                    "text": "A letter",
                    "visible_if": {
                        "all": [
                            {"item": "age", "op": "at_least", "value": 18},
                            {"item": "born", "op": "answered"},
                            {"item": "name", "op": "not_equals", "value": "O'Neill \\ Söhne"},
                        ]
                    },
                },
                {
                    "key": "nested",
                    "type": "statement",
                    "text": "Thank you.",
                    "help": "A statement may have help.",
                    "code": {"system": "http://loinc.org", "code": "44249-1"},
                    "visible_if": {
                        "any": [
                            {
                                "all": [
                                    {"item": "yes", "op": "at_least", "value": 1},
                                    {"item": "many", "op": "answered"},
                                ]
                            },
                            {"item": "many", "op": "not_equals", "value": "a"},
                        ]
                    },
                },
                {"key": "sign", "type": "signature", "text": "Sign here", "required": True},
            ],
        },
    ]
}


@pytest.mark.parametrize("system", library.system_forms(), ids=lambda system: system.key)
def test_every_form_that_comes_with_the_product_is_valid_and_comes_back(system: library.SystemForm) -> None:
    content = system.content
    resource = exporting.questionnaire(
        form(content["definition"], key=system.key, kind=system.kind, title=content["title"], about=content["about"])
    )

    must_be_valid(resource)
    assert list(plain(again(resource))) == list(plain(FormDefinition.model_validate(content["definition"])))
    assert importing.kind_of(resource) == system.kind


def test_the_phq_9_carries_its_loinc_codes_its_scores_and_its_licence() -> None:
    [system] = [each for each in library.system_forms() if each.key == "phq-9"]
    resource = exporting.questionnaire(form(system.content["definition"], key="phq-9", about=system.content["about"]))

    items = resource["item"][0]["item"]
    assert resource["code"][0]["code"] == "44249-1"
    assert [item["code"][0]["code"] for item in items if item["type"] == "choice"] == [
        "44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8", "69722-7",
    ]  # fmt: skip
    never, *_ = items[1]["answerOption"]
    assert never["valueCoding"] == {
        "code": "0",
        "display": "Not at all",
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 0}],
    }
    assert "No permission required" in resource["copyright"]


def test_whatever_a_form_can_have_is_valid_and_comes_back() -> None:
    definition = FormDefinition.model_validate(KITCHEN_SINK)
    check(definition)
    resource = exporting.questionnaire(form(definition))

    must_be_valid(resource)
    assert list(plain(again(resource))) == list(plain(definition))


def test_a_response_is_valid_and_says_what_was_answered() -> None:
    answers = {
        "name": "Grace", "story": "Once.", "yes": "1", "many": ["a", "b"], "pain": 4, "fine": 0.25, "age": 40,
        "weight": 71.5, "born": "1990-01-31", "letter": str(ID),
    }  # fmt: skip
    said = {"id": ID, "client_id": ID, "state": "submitted", "answers": answers}
    times = {"changed_at": datetime(2031, 3, 3, tzinfo=UTC), "submitted_at": datetime(2031, 3, 4, tzinfo=UTC)}

    asked = form(KITCHEN_SINK)
    KNOWN["urn:asked"] = exporting.questionnaire(asked)

    resource = exporting.response(asked, said | times)

    assert resource["questionnaire"] == f"{BASE}/v1/form-templates/{ID}/fhir|3"
    must_be_valid(resource | {"questionnaire": "urn:asked"})
    assert (resource["status"], resource["authored"][:10]) == ("completed", "2031-03-04")
    given = {item["linkId"]: item["answer"] for group in resource["item"] for item in group["item"]}
    assert given["many"] == [{"valueCoding": {"code": c, "display": c.upper()}} for c in "ab"]
    assert given["pain"] == [{"valueInteger": 4}] and given["fine"] == [{"valueDecimal": 0.25}]
    assert given["born"] == [{"valueDate": "1990-01-31"}]
    assert given.keys() == answers.keys()


# What R4's enableWhen says is said by it, so that any other system shows the same items.
NATIVE = [
    ({"item": "yes", "op": "equals", "value": "1"}, [("=", "answerCoding", {"code": "1"})], None),
    ({"item": "yes", "op": "in", "value": ["0", "1"]}, [("=", "answerCoding", {"code": c}) for c in "01"], "any"),
    ({"item": "age", "op": "at_most", "value": 17}, [("<=", "answerInteger", 17)], None),
    ({"item": "weight", "op": "not_equals", "value": 0.5}, [("!=", "answerDecimal", 0.5)], None),
    ({"item": "born", "op": "at_least", "value": "2000-01-01"}, [(">=", "answerDate", "2000-01-01")], None),
    ({"item": "name", "op": "equals", "value": "x"}, [("=", "answerString", "x")], None),
    ({"item": "letter", "op": "answered", "value": False}, [("exists", "answerBoolean", False)], None),
]


@pytest.mark.parametrize(("condition", "expected", "behavior"), NATIVE)
def test_what_enable_when_can_say_is_said_by_it(condition: Any, expected: list[Any], behavior: str | None) -> None:
    last = {"key": "last", "type": "text", "visible_if": condition}
    named = ("name", "yes", "age", "weight", "born", "letter")
    before = [i | {"visible_if": None} for s in KITCHEN_SINK["sections"] for i in s["items"] if i["key"] in named]
    resource = exporting.questionnaire(form(of(*before, last)))

    item = resource["item"][0]["item"][-1]

    assert "extension" not in item
    assert item.get("enableBehavior") == behavior
    assert item["enableWhen"] == [
        {"question": condition["item"], "operator": sign, name: value} for sign, name, value in expected
    ]


def test_what_enable_when_cannot_say_is_a_fhirpath_for_others() -> None:
    resource = exporting.questionnaire(form(KITCHEN_SINK))
    [item] = [i for group in resource["item"] for i in group["item"] if i["linkId"] == "nested"]

    [expression] = [e["valueExpression"] for e in item["extension"] if e["url"].endswith("enableWhenExpression")]

    assert expression["language"] == "text/fhirpath"
    assert "where(linkId = 'yes').answer.where(value.code = '1').exists()" in expression["expression"]


# -- any form ------------------------------------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
keys = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,12}", fullmatch=True)
numbers = st.integers(-1000, 1000) | st.integers(-4000, 4000).map(lambda n: n / 4)
codings = st.fixed_dictionaries({"system": st.just("http://loinc.org"), "code": words})


@st.composite
def an_item(draw: st.DrawFn, key: str) -> dict[str, Any]:
    kinds = [
        "text",
        "paragraph",
        "choice",
        "multiple_choice",
        "scale",
        "date",
        "number",
        "signature",
        "file",
        "statement",
    ]
    item: dict[str, Any] = {"key": key, "type": draw(st.sampled_from(kinds)), "text": draw(words)}
    kind = item["type"]
    if kind != "statement":
        item["required"] = draw(st.booleans())
    if kind in ("choice", "multiple_choice"):
        values = draw(st.lists(words, min_size=1, max_size=4, unique=True))
        item["options"] = [{"value": v, "label": draw(words)} | draw(scored) for v in values]
    if kind == "multiple_choice" and draw(st.booleans()):
        item["max_choices"] = draw(st.integers(1, 4))
    if kind in ("scale", "number"):
        low, high = sorted((draw(numbers), draw(numbers)))
        bounds = {"min": low, "max": high}
        item |= {name: bounds[name] for name in bounds if kind == "scale" or draw(st.booleans())}
        if draw(st.booleans()):
            item["step"] = draw(st.sampled_from([1, 2, 0.5, 0.1, 10]))
    if kind in ("text", "paragraph") and draw(st.booleans()):
        item["max_length"] = draw(st.integers(1, 255))
    for name, values in (("help", words), ("code", codings)):
        if draw(st.booleans()):
            item[name] = draw(values)
    return item


scored = st.just({}) | numbers.map(lambda score: {"score": score})


@st.composite
def a_comparison(draw: st.DrawFn, items: list[dict[str, Any]]) -> dict[str, Any]:
    item = draw(st.sampled_from(items))
    kind, named = item["type"], {"item": item["key"]}
    values = {
        "text": words,
        "paragraph": words,
        "date": st.dates().map(str),
        "scale": st.just(item.get("min")),
        "number": st.just(item.get("min", item.get("max", 0))),
    }
    if kind in ("choice", "multiple_choice"):
        values[kind] = st.sampled_from([option["value"] for option in item["options"]])
    operators = ["answered"] if kind == "file" else ["answered", "equals", "not_equals", "in"]
    if kind in ("date", "scale", "number"):
        operators += ["at_least", "at_most"]
    if kind in ("choice", "multiple_choice") and all("score" in option for option in item["options"]):
        operators += ["at_least", "at_most"]
        values = {**values, kind: values[kind]}
    op = draw(st.sampled_from(operators))
    if op == "answered":
        return named | {"op": op} | draw(st.sampled_from([{}, {"value": True}, {"value": False}]))
    if op in ("at_least", "at_most") and kind in ("choice", "multiple_choice"):
        return named | {"op": op, "value": draw(numbers)}
    drawn = st.lists(values[kind], min_size=1, max_size=3, unique=True) if op == "in" else values[kind]
    return named | {"op": op, "value": draw(drawn)}


def a_condition(items: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def joined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        parts = st.lists(inner, min_size=1, max_size=3)
        return st.builds(lambda word, each: {word: each}, st.sampled_from(["all", "any"]), parts)

    return st.recursive(a_comparison(items), joined, max_leaves=4)


@st.composite
def a_form(draw: st.DrawFn) -> FormDefinition:
    sections: list[dict[str, Any]] = []
    before: list[dict[str, Any]] = []
    names = iter(draw(st.lists(keys, min_size=12, max_size=12, unique=True)))
    for key in draw(st.lists(keys, min_size=1, max_size=3, unique=True)):
        items = []
        for _ in range(draw(st.integers(1, 4))):
            item = draw(an_item(next(names)))
            askable = [each for each in before if each["type"] not in ("statement", "signature")]
            if askable and draw(st.booleans()):
                item["visible_if"] = draw(a_condition(askable))
            items.append(item)
            before.append(item)
        section: dict[str, Any] = {"key": key, "title": draw(words), "items": items}
        sections.append(section | ({"text": draw(words)} if draw(st.booleans()) else {}))
    definition = FormDefinition.model_validate({"sections": sections})
    try:
        check(definition)
    except Invalid:
        assume(False)
    return definition


def plainly(condition: Any) -> Any:
    """One way to write each condition: forms have several for the same."""
    if condition is None:
        return None
    if "op" in condition:
        if condition["op"] == "answered":
            return {**condition, "value": condition.get("value") is not False}
        if condition["op"] == "in" and len(condition["value"]) == 1:
            return {**condition, "op": "equals", "value": condition["value"][0]}
        return condition
    [(word, parts)] = condition.items()
    parts = [plainly(part) for part in parts]
    if len(parts) == 1:
        return parts[0]
    same = {(part.get("item"), part.get("op")) for part in parts}
    if word == "any" and len(same) == 1 and next(iter(same))[1] == "equals":
        return {"item": parts[0]["item"], "op": "in", "value": [part["value"] for part in parts]}
    return {word: parts}


def plain(definition: FormDefinition) -> Iterable[Any]:
    for section in definition.stored()["sections"]:
        items = section.pop("items")
        yield section, [{**item, "visible_if": plainly(item.get("visible_if"))} for item in items]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(a_form())
def test_any_form_comes_back_as_it_was(definition: FormDefinition) -> None:
    resource = exporting.questionnaire(form(definition))
    must_be_well_formed(resource)

    assert list(plain(again(resource))) == list(plain(definition))


# -- what others send ----------------------------------------------------------------------------------------------

OTHERS = {
    "resourceType": "Questionnaire",
    "status": "active",
    "title": "Theirs",
    "contained": [
        {
            "resourceType": "ValueSet",
            "id": "often",
            "compose": {"include": [{"system": "http://loinc.org", "concept": [
                {"code": "LA6568-5", "display": "Not at all", "extension": [
                    {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 0}]},
                {"code": "LA6569-3", "display": "Several days"},
            ]}]},
        }
    ],
    "item": [
        {"linkId": "/44250-9", "prefix": "1.", "text": "Little interest", "type": "choice", "answerValueSet": "#often",
         "code": [{"system": "http://loinc.org", "code": "44250-9"}, {"system": "urn:x", "code": "y"}]},
        {"linkId": "2", "text": "Do you smoke?", "type": "boolean", "required": True},
        {"linkId": "3", "text": "How many?", "type": "integer",
         "enableWhen": [{"question": "2", "operator": "=", "answerBoolean": True}]},
        {"linkId": "g", "type": "group", "text": "More", "item": [
            {"linkId": "g.1", "text": "Anything else?", "type": "text"}]},
        {"linkId": "4", "text": "Which?", "type": "choice",
         "answerOption": [{"valueString": "Tea"}, {"valueInteger": 7}]},
    ],
}  # fmt: skip


def test_a_questionnaire_of_another_system_becomes_a_form() -> None:
    definition = importing.definition_of(OTHERS).stored()

    assert [(s["key"], s["title"]) for s in definition["sections"]] == [
        ("questions", "Theirs"), ("g", "More"), ("questions_2", "Theirs"),
    ]  # fmt: skip
    interest, smokes, how_many = definition["sections"][0]["items"]
    assert interest == {
        "key": "q44250-9",
        "type": "choice",
        "text": "1. Little interest",
        "required": False,
        "code": {"system": "http://loinc.org", "code": "44250-9"},
        "options": [
            {"value": "LA6568-5", "label": "Not at all", "score": 0},
            {"value": "LA6569-3", "label": "Several days"},
        ],
    }
    assert [option["value"] for option in smokes["options"]] == ["true", "false"] and smokes["required"]
    assert how_many["step"] == 1
    assert how_many["visible_if"] == {"item": smokes["key"], "op": "equals", "value": "true"}
    assert [o["value"] for o in definition["sections"][2]["items"][0]["options"]] == ["Tea", "7"]


ONE = {"linkId": "1", "text": "?", "type": "string"}
REFUSED = [
    ({"resourceType": "Patient"}, "/resourceType"),
    ({"item": []}, "/item"),
    ({"item": "x"}, "/item"),
    ({"item": [5]}, "/item/0"),
    ({"modifierExtension": [{"url": "urn:x"}]}, "/modifierExtension"),
    ({"item": [ONE | {"type": "reference"}]}, "/item/0/type"),
    ({"item": [ONE | {"type": "open-choice"}]}, "/item/0/type"),
    ({"item": [ONE, ONE]}, "/item/1/linkId"),
    ({"item": [ONE | {"linkId": None}]}, "/item/0/linkId"),
    ({"item": [ONE | {"text": None}]}, "/item/0/text"),
    ({"item": [ONE | {"text": {"a": 1}}]}, "/item/0/text"),
    ({"item": [ONE | {"repeats": True}]}, "/item/0/repeats"),
    ({"item": [ONE | {"readOnly": True}]}, "/item/0/readOnly"),
    ({"item": [ONE | {"initial": [{"valueString": "x"}]}]}, "/item/0/initial"),
    ({"item": [ONE | {"maxLength": 10**9}]}, "/item/0/maxLength"),
    ({"item": [ONE | {"item": [ONE | {"linkId": "2"}]}]}, "/item/0/item"),
    ({"item": [ONE | {"type": "choice"}]}, "/item/0/answerOption"),
    ({"item": [ONE | {"type": "choice", "answerValueSet": "http://x"}]}, "/item/0/answerValueSet"),
    ({"item": [{"linkId": "g", "type": "group", "item": [{"linkId": "h", "type": "group"}]}]}, "/item/0/item/0/type"),
    ({"item": [ONE | {"enableWhen": [{"question": "9", "operator": "exists", "answerBoolean": True}]}]},
     "/item/0/enableWhen"),
    ({"item": [ONE, ONE | {"linkId": "2", "enableWhen": [{"question": "1", "operator": ">", "answerInteger": 3}]}]},
     "/item/1/enableWhen"),
    ({"item": [ONE, ONE | {"linkId": "2", "enableWhen": [{"question": "1", "operator": ">=", "answerInteger": 3}]}]},
     "/item/1/enableWhen"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "pointer"), REFUSED)
def test_what_forms_cannot_express_is_refused_by_pointer(changed: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        importing.definition_of({"resourceType": "Questionnaire", "item": [ONE]} | changed)

    assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_every_fault_is_named_at_once() -> None:
    items = [ONE | {"linkId": "a", "type": "url"}, ONE, ONE | {"linkId": "b", "readOnly": True}]
    with pytest.raises(Invalid) as refused:
        importing.definition_of({"resourceType": "Questionnaire", "item": items})
    assert [fault.pointer for fault in refused.value.faults] == ["/item/0/type", "/item/2/readOnly"]


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["linkId", "item", "type", "extension", "url", "valueCodeableConcept", "coding", "code", "system", "question"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_questionnaire_is_more_than_refused(data: st.DataObject) -> None:
    """Any element of a good one may be any JSON: it is taken or refused, and nothing else happens."""
    resource = json.loads(json.dumps(exporting.questionnaire(form(KITCHEN_SINK)) | {"contained": OTHERS["contained"]}))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = resource
        while True:
            step = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            deeper = isinstance(place[step], dict | list) and place[step] and data.draw(st.integers(0, 3))
            if not deeper:
                place[step] = data.draw(junk)
                break
            place = place[step]
    try:
        importing.definition_of(resource)
        importing.kind_of(resource)
    except Invalid as refused:
        assert refused.faults


def test_the_library_is_read_from_the_package() -> None:
    names = {file.name for file in (files("portal_api.services.forms") / "library").iterdir()}
    assert {"phq-9.json", "gad-7.json", "pcl-5.json"} <= names
