"""What a form is made of: sections of items, the same for every kind of form.

What one item means beside the others (keys that repeat, conditions on items that come later) is checked by
services.forms.checking, which can say where it is wrong.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, JsonValue, StringConstraints, Tag, model_validator
from pydantic_core import PydanticCustomError

from portal_api.models.forms import ItemType
from portal_api.schemas.base import Input, Line, LongText, Paragraphs

MOST_SECTIONS, MOST_ITEMS, MOST_OPTIONS, MOST_CONDITIONS = 50, 300, 200, 20
LINE_LENGTH, PARAGRAPH_LENGTH = 255, 10_000
"""How long a text and a paragraph may be where the form does not say."""
MOST_NUMBER = 1_000_000_000_000

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
"""Of a section or an item: it stands in answers and in pointers to them."""
_bounds = Field(ge=-MOST_NUMBER, le=MOST_NUMBER)
Number = Annotated[int, _bounds] | Annotated[float, _bounds]
_step = Field(gt=0, le=MOST_NUMBER)
Step = Annotated[int, _step] | Annotated[float, _step]
Operator = Literal["equals", "not_equals", "in", "at_least", "at_most", "answered"]
ConditionValue = str | bool | Number | Annotated[list[str | Number], Field(min_length=1, max_length=MOST_OPTIONS)]


class Comparison(Input):
    """True where the answer of an item that comes before is such. An item that is hidden has no answer.

    `answered` with false is true where there is no answer; every other comparison is false there.
    """

    item: Key
    op: Operator
    value: ConditionValue | None = None


class AllOf(Input):
    all: list["Condition"] = Field(min_length=1, max_length=MOST_CONDITIONS)


class AnyOf(Input):
    any: list["Condition"] = Field(min_length=1, max_length=MOST_CONDITIONS)


def _shape(value: Any) -> str:
    names = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return "all" if "all" in names else "any" if "any" in names else "comparison"


Condition = Annotated[
    Annotated[Comparison, Tag("comparison")] | Annotated[AllOf, Tag("all")] | Annotated[AnyOf, Tag("any")],
    Discriminator(_shape),
]


class Option(Input):
    value: Annotated[Line, Field(max_length=64)] = Field(examples=["1"])
    label: Annotated[Line, Field(max_length=200)] = Field(examples=["Several days"])
    score: Number | None = Field(None, description="What it counts for in an assessment.")


class Coding(Input):
    """What an item is in a terminology: FHIR Coding."""

    system: Line = Field(examples=["http://loinc.org"])
    code: Annotated[Line, Field(max_length=100)] = Field(examples=["44250-9"])


_CHOICES = {ItemType.CHOICE, ItemType.MULTIPLE_CHOICE}
_NUMBERS = {ItemType.SCALE, ItemType.NUMBER}
_FIELDS_OF = {
    "options": _CHOICES,
    "max_choices": {ItemType.MULTIPLE_CHOICE},
    "min": _NUMBERS,
    "max": _NUMBERS,
    "step": _NUMBERS,
    "max_length": {ItemType.TEXT, ItemType.PARAGRAPH},
}
_NEEDED = {"options": _CHOICES, "min": {ItemType.SCALE}, "max": {ItemType.SCALE}}


class Item(Input):
    """A question, a text to read, or the place of a signature.

    Answers: `choice` the option's value; `multiple_choice` a list of them; `scale` and `number` a number; `date`
    YYYY-MM-DD; `file` the id of a document; `text` and `paragraph` text. `statement` and `signature` take none.
    """

    key: Key = Field(examples=["q1"])
    type: Annotated[ItemType, Field(strict=False)]
    text: LongText
    required: bool = False
    help: Paragraphs | None = None
    options: list[Option] | None = Field(None, min_length=1, max_length=MOST_OPTIONS)
    min: Number | None = None
    max: Number | None = None
    step: Step | None = Field(None, description="A scale has steps of 1 where it is null.")
    max_length: int | None = Field(None, ge=1, le=PARAGRAPH_LENGTH)
    max_choices: int | None = Field(None, ge=1, le=MOST_OPTIONS)
    code: Coding | None = None
    visible_if: Condition | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> "Item":
        for name, types in _FIELDS_OF.items():
            if getattr(self, name) is not None and self.type not in types:
                raise PydanticCustomError("not_for_type", "{type} items have no {name}.", _about(self, name))
        for name, types in _NEEDED.items():
            if getattr(self, name) is None and self.type in types:
                raise PydanticCustomError("needed_for_type", "{type} items need {name}.", _about(self, name))
        if self.min is not None and self.max is not None and self.min > self.max:
            raise PydanticCustomError("range", "`min` is more than `max`.")
        if self.required and self.type is ItemType.STATEMENT:
            raise PydanticCustomError("not_for_type", "A statement takes no answer, so none can be required.")
        values = [option.value for option in self.options or ()]
        if len(set(values)) < len(values):
            raise PydanticCustomError("repeated", "Two options have the same value.")
        return self

    @property
    def takes_answer(self) -> bool:
        return self.type not in (ItemType.STATEMENT, ItemType.SIGNATURE)


def _about(item: Item, name: str) -> dict[str, str]:
    return {"type": item.type.value, "name": name}


class Section(Input):
    key: Key
    title: Annotated[Line, Field(max_length=200)]
    text: LongText | None = None
    items: list[Item] = Field(default_factory=list, max_length=MOST_ITEMS)


class FormDefinition(Input):
    sections: list[Section] = Field(min_length=1, max_length=MOST_SECTIONS)

    def items(self) -> Iterator[Item]:
        """Every item in the order of the form."""
        for section in self.sections:
            yield from section.items

    def stored(self) -> dict[str, Any]:
        """As it is kept: only what is said."""
        return self.model_dump(mode="json", exclude_none=True)


Answers = Annotated[dict[str, JsonValue], Field(max_length=MOST_ITEMS)]
"""By the key of the item; null takes an answer back (RFC 7396)."""
