"""A form with its answers as it is read and signed. Pure."""

from collections.abc import Mapping
from typing import Any

from portal_api.core.errors import Invalid
from portal_api.integrations.papers import Fact, Item, Paper, Section, lines
from portal_api.models.forms import ItemType
from portal_api.schemas.forms import definition as forms
from portal_api.services.forms.answers import completed
from portal_api.services.forms.rendering import rendered
from portal_api.services.forms.visibility import is_answer, visible_items

US_LETTER = {"US", "CA", "MX", "PH", "CL", "CO"}
NO_ANSWER = ("No answer",)


def paper_size(country: str) -> str:
    """What is printed on in a country, ISO 3166-1."""
    return "us-letter" if country in US_LETTER else "a4"


def paper_of(row: Mapping[str, Any]) -> Paper | None:
    """The form with its answers; None while it is not complete. row: as `forms.FORM` reads it."""
    texts = {"title": row["title"], "description": row["description"], "definition": row["definition"]}
    filled = rendered(texts, row["values"])
    definition = forms.FormDefinition.model_validate(filled["definition"])
    try:
        answers = completed(definition, row["answers"], signed=True)
    except Invalid:
        return None
    shown = {item.key for item in visible_items(definition, answers)}
    sections = [_section(section, shown, answers) for section in definition.sections]
    if filled["description"]:
        sections.insert(0, Section("", text=lines(filled["description"])))
    return Paper(
        title=filled["title"],
        issuer=row["practice_name"],
        facts=(
            Fact("Client", row["client_name"]),
            Fact("Version of the form", str(row["number"])),
            Fact("SHA-256 of the form", row["version_sha256"]),
            Fact("Reference", str(row["id"])),  # so that no two papers are the same bytes
        ),
        sections=tuple(sections),
        size=paper_size(row["practice_country"]),
    )


def _section(section: forms.Section, shown: set[str], answers: Mapping[str, Any]) -> Section:
    items = tuple(_item(item, answers.get(item.key)) for item in section.items if item.key in shown)
    return Section(section.title, text=lines(section.text or ""), items=items)


def _item(item: forms.Item, answer: Any) -> Item:
    text = lines(item.text) + lines(item.help or "")
    if not item.takes_answer:
        return Item(text)
    return Item(text, _written(item, answer) if is_answer(answer) else NO_ANSWER)


def _written(item: forms.Item, answer: Any) -> tuple[str, ...]:
    match item.type:
        case ItemType.CHOICE | ItemType.MULTIPLE_CHOICE:
            labels = {option.value: option.label for option in item.options or ()}
            chosen = answer if isinstance(answer, list) else [answer]
            return tuple(labels.get(str(value), str(value)) for value in chosen)
        case ItemType.FILE:
            return (f"Document {answer}",)
        case _:
            return lines(str(answer)) or NO_ANSWER
