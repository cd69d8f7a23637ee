"""A form as a FHIR R4 Questionnaire, and its answers as a QuestionnaireResponse. Pure (F8.B4)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from portal_api.models.forms import ItemType
from portal_api.schemas.forms.definition import FormDefinition, Item, Section
from portal_api.services.questionnaires import conditions, numbers, vocabulary
from portal_api.services.questionnaires.vocabulary import Json

SECTION = "section/"
"""Before the key of a section in its linkId: keys of items have no slash."""
STATUS = {"draft": "draft", "published": "active", "archived": "retired"}
_TYPES = {
    ItemType.TEXT: "string",
    ItemType.PARAGRAPH: "text",
    ItemType.CHOICE: "choice",
    ItemType.MULTIPLE_CHOICE: "choice",
    ItemType.DATE: "date",
    ItemType.SIGNATURE: "attachment",
    ItemType.FILE: "attachment",
    ItemType.STATEMENT: "display",
}


@dataclass(frozen=True, slots=True)
class Form:
    """What a Questionnaire says besides its items. base: the public URL of the API. number: of the version."""

    base: str
    template_id: UUID
    key: str | None
    kind: str
    state: str
    number: int
    title: str
    description: str | None
    about: Mapping[str, Any]
    dated: datetime
    publisher: str
    definition: FormDefinition

    @property
    def url(self) -> str:
        return f"{self.base}/v1/form-templates/{self.template_id}/fhir"

    @property
    def canonical(self) -> str:
        return f"{self.url}|{self.number}"


def questionnaire(form: Form) -> Json:
    """The Questionnaire. What R4 cannot say stands in extensions, which importing reads back."""
    said = {
        "resourceType": "Questionnaire",
        "id": str(form.template_id),
        "meta": {"tag": [{"system": form.base + vocabulary.KINDS, "code": form.kind}]},
        "url": form.url,
        "identifier": [{"system": form.base + vocabulary.KEYS, "value": form.key}] if form.key else None,
        "version": str(form.number),
        "name": _name(form.title),
        "title": form.title,
        "status": STATUS[form.state],
        "subjectType": ["Patient"],
        "date": _instant(form.dated),
        "publisher": form.publisher,
        "description": form.description,
        "copyright": (form.about.get("licence") or {}).get("statement"),
        "code": [form.about["code"]] if form.about.get("code") else None,
        "item": _sections(form),
    }
    return _said(said)


def response(form: Form, answered: Mapping[str, Any]) -> Json:
    """The QuestionnaireResponse to an assignment.

    answered: its `id`, `client_id`, `state`, `answers`, `changed_at` and `submitted_at`.
    """
    answers = answered["answers"]
    groups = [(section, [i for i in section.items if i.key in answers]) for section in form.definition.sections]
    said = {
        "resourceType": "QuestionnaireResponse",
        "id": str(answered["id"]),
        "questionnaire": form.canonical,
        "status": _response_status(answered["state"]),
        "subject": {"reference": f"{form.base}/fhir/R4/Patient/{answered['client_id']}", "type": "Patient"},
        "authored": _instant(answered["submitted_at"] or answered["changed_at"]),
        "item": [
            {"linkId": SECTION + section.key, "text": section.title, "item": [_given(i, answers[i.key]) for i in items]}
            for section, items in groups
            if items
        ],
    }
    return _said(said)


def _sections(form: Form) -> list[Json]:
    before: dict[str, Item] = {}
    groups = []
    for section in form.definition.sections:
        children = [_instructions(section)] if section.text else []
        for item in section.items:
            children.append(_item(item, before, form.base))
            before[item.key] = item
        if children:  # que-1: a group holds items
            groups.append({"linkId": SECTION + section.key, "text": section.title, "type": "group", "item": children})
    return groups


def _instructions(section: Section) -> Json:
    category = vocabulary.concept(vocabulary.CATEGORIES, "instructions")
    extension = {"url": vocabulary.CATEGORY, "valueCodeableConcept": category}
    return {"extension": [extension], "linkId": f"{SECTION}{section.key}/text", "text": section.text, "type": "display"}


def _item(item: Item, before: Mapping[str, Item], base: str) -> Json:
    shown = conditions.written(item.visible_if, before, base) if item.visible_if else {}
    is_display = item.type is ItemType.STATEMENT
    said = {
        "extension": [*_extensions(item, base), *shown.pop("extension", [])],
        "linkId": item.key,
        "code": [item.code.model_dump()] if item.code and not is_display else None,
        "text": item.text,
        "type": _type(item),
        **shown,
        "required": True if item.required and item.type is not ItemType.SIGNATURE else None,
        "repeats": True if item.type is ItemType.MULTIPLE_CHOICE else None,
        "maxLength": item.max_length,
        "answerOption": [_option(option.value, option.label, option.score) for option in item.options or ()],
        "item": [_help(item)] if item.help and not is_display else None,
    }
    return _said(said)


def _type(item: Item) -> str:
    if item.type in (ItemType.SCALE, ItemType.NUMBER):
        return "integer" if numbers.is_integer(item) else "decimal"
    return _TYPES[item.type]


def _extensions(item: Item, base: str) -> list[Json]:
    found: list[Json] = []
    if item.type is ItemType.SCALE:
        slider = vocabulary.concept(vocabulary.CONTROLS, "slider")
        found.append({"url": vocabulary.CONTROL, "valueCodeableConcept": slider})
    integer = numbers.is_integer(item)
    for url, bound in ((vocabulary.MIN_VALUE, item.min), (vocabulary.MAX_VALUE, item.max)):
        if bound is not None:
            name, value = numbers.typed(bound, integer=integer)
            found.append({"url": url, f"value{name}": value})
    found += _step(item, base, integer=integer)
    if item.max_choices is not None:
        found.append({"url": vocabulary.MAX_OCCURS, "valueInteger": item.max_choices})
    if item.type is ItemType.SIGNATURE:
        kind = vocabulary.concept(vocabulary.SIGNATURES, vocabulary.AUTHOR_SIGNATURE)
        found.append({"url": vocabulary.SIGNATURE, "valueCodeableConcept": kind})
        if item.required:  # of signing, not of an answer: no response has any
            found.append({"url": vocabulary.own(base, vocabulary.REQUIRED), "valueBoolean": True})
    if item.type is ItemType.STATEMENT:  # que-1 and que-3: a display has no items and no code
        if item.help:
            found.append({"url": vocabulary.own(base, vocabulary.HELP), "valueString": item.help})
        if item.code:
            found.append({"url": vocabulary.own(base, vocabulary.CODE), "valueCoding": item.code.model_dump()})
    return found


def _step(item: Item, base: str, *, integer: bool) -> list[Json]:
    """R4 has steps for sliders only, and whole ones; an integer is a number in steps of 1 already."""
    if item.step is None or (integer and item.type is ItemType.NUMBER):
        return []
    if item.type is ItemType.SCALE and numbers.is_whole(item.step):
        return [{"url": vocabulary.SLIDER_STEP, "valueInteger": int(item.step)}]
    _, value = numbers.typed(item.step, integer=False)
    return [{"url": vocabulary.own(base, vocabulary.STEP), "valueDecimal": value}]


def _option(code: str, display: str, score: float | None) -> Json:
    coding: Json = {"code": code, "display": display}
    if score is None:
        return {"valueCoding": coding}
    _, value = numbers.typed(score, integer=False)
    return {"valueCoding": {"extension": [{"url": vocabulary.ORDINAL, "valueDecimal": value}], **coding}}


def _help(item: Item) -> Json:
    control = vocabulary.concept(vocabulary.CONTROLS, "help")
    extension = {"url": vocabulary.CONTROL, "valueCodeableConcept": control}
    return {"extension": [extension], "linkId": f"{item.key}/help", "text": item.help, "type": "display"}


def _given(item: Item, answer: Any) -> Json:
    values = answer if isinstance(answer, list) else [answer]
    return {"linkId": item.key, "text": item.text, "answer": [_answer(item, value) for value in values]}


def _answer(item: Item, value: Any) -> Json:
    if item.type in (ItemType.CHOICE, ItemType.MULTIPLE_CHOICE):
        option = next(option for option in item.options or () if option.value == str(value))
        return _option(option.value, option.label, option.score)
    if item.type in (ItemType.SCALE, ItemType.NUMBER):
        name, number = numbers.typed(value, integer=numbers.is_integer(item))
        return {f"value{name}": number}
    if item.type is ItemType.FILE:
        return {"valueAttachment": {"id": str(value), "title": item.text[:200]}}
    return {"valueDate" if item.type is ItemType.DATE else "valueString": value}


def _response_status(state: str) -> str:
    """R4's questionnaire-answers-status."""
    if state in ("submitted", "locked"):
        return "completed"
    return "in-progress" if state in ("assigned", "in_progress") else "stopped"


def _name(title: str) -> str:
    """A name for programs: R4 wants a capital first, and no more than letters, digits and underscores."""
    words = re.sub(r"[^A-Za-z0-9]+", " ", title).split()
    return ("Form" + "".join(word[0].upper() + word[1:] for word in words))[:255]


def _said(element: Json) -> Json:
    """FHIR knows no null and no empty list."""
    return {name: value for name, value in element.items() if value is not None and value != []}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
