"""A FHIR R4 Questionnaire as a form. Pure: what forms cannot express is refused by pointer, never left out (F8.B4)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from portal_api.core.errors import Fault, Invalid
from portal_api.schemas.forms.definition import FormDefinition, Item, Section
from portal_api.services.forms import checking
from portal_api.services.questionnaires import options, vocabulary
from portal_api.services.questionnaires.conditions import Unsaid
from portal_api.services.questionnaires.conditions import read as condition_of
from portal_api.services.questionnaires.exporting import SECTION
from portal_api.services.questionnaires.vocabulary import Json

T = TypeVar("T")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_PLACE = re.compile(r"/sections/(\d+)(?:/items/(\d+))?(.*)")
_REFUSED = ("readOnly", "initial", "modifierExtension")
"""What would change what the person is asked."""
_FHIR_NAMES = {
    "code": "code",
    "help": "item",
    "key": "linkId",
    "max_length": "maxLength",
    "options": "answerOption",
    "text": "text",
    "title": "text",
    "type": "type",
    "visible_if": "enableWhen",
}


@dataclass(slots=True)
class _Reading:
    """How far one Questionnaire is read."""

    resource: Json
    faults: list[Fault] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    """Of the items so far, by linkId."""
    places: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Where a section or item of the form stands in the resource."""

    def fault(self, pointer: str, code: str, detail: str) -> None:
        self.faults.append(Fault(pointer, code, detail))


def definition_of(resource: Json) -> FormDefinition:
    """The form. Raises Invalid with a pointer into the resource to each thing that cannot be taken over."""
    reading = _Reading(resource)
    if resource.get("resourceType") != "Questionnaire":
        reading.fault("/resourceType", "wrong_resource", "Send a FHIR R4 Questionnaire.")
    _refuse(reading, resource, "", "modifierExtension")
    _read_sections(reading)
    if not reading.sections and not reading.faults:
        reading.fault("/item", "missing", "A questionnaire without items is no form.")
    _stop_at_faults(reading)
    definition = _validated(reading, "", lambda: FormDefinition(sections=reading.sections))
    _stop_at_faults(reading)
    assert definition is not None  # noqa: S101 - else there is a fault
    _check(reading, definition)
    return definition


def kind_of(resource: Json) -> str | None:
    """The kind of form, where an installation of this program wrote the resource."""
    meta = resource.get("meta")
    tags = vocabulary.objects(meta.get("tag")) if isinstance(meta, dict) else []
    return next((tag.get("code") for tag in tags if str(tag.get("system")).endswith(vocabulary.KINDS)), None)


def _read_sections(reading: _Reading) -> None:
    """Groups are sections. Questions beside them are sections too, as far as they stand together."""
    loose: list[tuple[str, Json]] = []
    for pointer, item in [*_children(reading, reading.resource, "")]:
        if item.get("type") != "group":
            loose.append((pointer, item))
            continue
        _read_section(reading, {}, "/item", loose)
        loose = []
        _refuse(reading, item, pointer, "enableWhen", "repeats", *_REFUSED)
        _read_section(reading, item, pointer, [*_children(reading, item, pointer)])
    _read_section(reading, {}, "/item", loose)


def _read_section(reading: _Reading, group: Json, pointer: str, children: list[tuple[str, Json]]) -> None:
    if not children:
        return
    link_id = str(group.get("linkId") or "questions").removeprefix(SECTION)
    title = group.get("text") or _title_of_loose(reading.resource)
    said = {"key": _new_key(link_id, {section.key for section in reading.sections}), "title": title}
    if _is_marked(children[0][1], vocabulary.CATEGORY, "instructions"):
        said["text"] = children.pop(0)[1].get("text")
    place, items = str(len(reading.sections)), list[Item]()
    for at, child in children:
        item = _item(reading, child, at)
        if item is not None:
            reading.places[place, str(len(items))] = at
            items.append(item)
    reading.places[(place,)] = pointer
    section = _validated(reading, pointer, lambda: Section.model_validate(said | {"items": items}))
    if section is not None:
        reading.sections.append(section)


def _title_of_loose(resource: Json) -> str:
    """Of a section that no group stands for."""
    title = resource.get("title")
    return title if isinstance(title, str) and 0 < len(title) <= 200 else "Questions"


def _item(reading: _Reading, item: Json, pointer: str) -> Item | None:
    """None where something is wrong with it, which is then among the faults."""
    before = len(reading.faults)
    link_id = item.get("linkId")
    if not isinstance(link_id, str) or not link_id or link_id in reading.keys:
        reading.fault(f"{pointer}/linkId", "repeated" if link_id else "missing", "Each item has a linkId of its own.")
        return None
    _refuse(reading, item, pointer, *_REFUSED)
    key = _new_key(link_id, set(reading.keys.values()))
    said = {"key": key, "text": _text(item), "code": _code(item)}
    said |= _typed(reading, item, pointer) | _conditional(reading, item, pointer) | _help(reading, item, pointer)
    reading.keys[link_id] = key
    if len(reading.faults) > before:
        return None
    return _validated(reading, pointer, lambda: Item.model_validate(said))


def _typed(reading: _Reading, item: Json, pointer: str) -> Json:
    """What the item's type says of it."""
    read = options.TYPES.get(str(item.get("type")))
    if read is None:
        reading.fault(
            f"{pointer}/type", "unsupported_type", f"Forms have no items like {str(item.get('type'))[:40]!r}."
        )
        return {}
    try:
        return read(item, reading.resource)
    except options.Unreadable as error:
        reading.fault(f"{pointer}/{error.name}", "unsupported", str(error))
        return {}


def _conditional(reading: _Reading, item: Json, pointer: str) -> Json:
    try:
        condition = condition_of(item, reading.keys)
    except Unsaid as error:
        reading.fault(f"{pointer}/enableWhen", "unsupported", str(error))
        return {}
    return {"visible_if": condition} if condition else {}


def _help(reading: _Reading, item: Json, pointer: str) -> Json:
    """A text of help below a question is its own; questions below a question are none that forms have."""
    children = [*_children(reading, item, pointer)]
    if item.get("type") == "display":
        return {"help": vocabulary.own_value_of(item, vocabulary.HELP)}
    helping = [child for _, child in children if _is_marked(child, vocabulary.CONTROL, "help")]
    if len(helping) != len(children) or len(children) > 1:
        reading.fault(
            f"{pointer}/item", "unsupported", "Forms have no questions below a question, only one text of help."
        )
    return {"help": helping[0].get("text")} if helping else {}


def _text(item: Json) -> Any:
    prefix, text = item.get("prefix"), item.get("text")
    return f"{prefix} {text}" if isinstance(prefix, str) and isinstance(text, str) else text


def _code(item: Json) -> Json | None:
    """The first that names its terminology."""
    own = vocabulary.own_value_of(item, vocabulary.CODE)
    for coding in [*vocabulary.objects(item.get("code")), *([own] if isinstance(own, dict) else [])]:
        if coding.get("system") and coding.get("code"):
            return {"system": coding["system"], "code": coding["code"]}
    return None


def _is_marked(item: Json, url: str, code: str) -> bool:
    return item.get("type") == "display" and vocabulary.has_code(vocabulary.value_of(item, url), code)


def _children(reading: _Reading, parent: Json, pointer: str) -> Iterator[tuple[str, Json]]:
    children = parent.get("item")
    if children is not None and not isinstance(children, list):
        reading.fault(f"{pointer}/item", "wrong_type", "Items are a list of objects.")
        return
    for index, child in enumerate(children or []):
        if isinstance(child, dict):
            yield f"{pointer}/item/{index}", child
        else:
            reading.fault(f"{pointer}/item/{index}", "wrong_type", "An item is an object.")


def _refuse(reading: _Reading, element: Json, pointer: str, *names: str) -> None:
    for name in names:
        if element.get(name):
            reading.fault(f"{pointer}/{name}", "unsupported", f"Forms have nothing like {name}.")


def _new_key(link_id: str, taken: set[str]) -> str:
    """The linkId where it can be a key, or else one much like it."""
    wanted = link_id
    if not _KEY.fullmatch(link_id):
        cleaned = re.sub(r"[^A-Za-z0-9_.-]+", "_", link_id).strip("_.-")
        wanted = (cleaned if cleaned[:1].isalpha() else f"q{cleaned}")[:64]
    number = 2
    key = wanted
    while key in taken:
        key, number = f"{wanted[:58]}_{number}", number + 1
    return key


def _validated(reading: _Reading, pointer: str, make: Callable[[], T]) -> T | None:
    """What is made, or None with the faults in it, named as FHIR names them."""
    try:
        return make()
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            names = [name for name in map(str, fault["loc"]) if name in _FHIR_NAMES]
            where = f"{pointer}/{_FHIR_NAMES[names[0]]}" if names else pointer
            reading.fault(where, fault["type"], fault["msg"])
        return None


def _check(reading: _Reading, definition: FormDefinition) -> None:
    """Raise Invalid for what does not fit together, with pointers into the resource."""
    try:
        checking.check(definition, "")
    except Invalid as error:
        for fault in error.faults:
            match = _PLACE.match(fault.pointer)
            place = tuple(part for part in match.groups()[:2] if part is not None) if match else ()
            below = "/enableWhen" if match and match[3].startswith("/visible_if") else ""
            reading.fault(reading.places.get(place, "/item") + below, fault.code, fault.detail)
    _stop_at_faults(reading)


def _stop_at_faults(reading: _Reading) -> None:
    if reading.faults:
        raise Invalid("This questionnaire cannot become a form.", faults=tuple(reading.faults))
