"""Forms that come with the product: one JSON file each. A practice reads them, gives them to clients and copies them.

A file holds `key`, `kind`, `title`, `description`, `definition`, and where it has them `signers`, `scoring`, and what
is said about it: `language`, `licence`, `source`, `code`.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from sqlalchemy import select

from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.models.forms import FormTemplate, FormVersion
from portal_api.schemas.forms.definition import FormDefinition
from portal_api.services.forms import versions
from portal_api.services.forms.checking import check

_ABOUT = ("language", "licence", "source", "code")


@dataclass(frozen=True, slots=True)
class SystemForm:
    """A form of the library. `content` is that of its version."""

    key: str
    kind: str
    content: dict[str, Any]

    @property
    def digest(self) -> bytes:
        return versions.digest(self.content)


@cache
def system_forms() -> tuple[SystemForm, ...]:
    """Every form of the library, by its key. Raises Invalid or ValueError for a file that is no form."""
    found = (file for file in files(__name__).iterdir() if file.name.endswith(".json"))
    return tuple(sorted((_read(file.read_bytes()) for file in found), key=lambda form: form.key))


async def plant(session: Session) -> int:
    """Give the practice what the library has and the practice has not, and the newest version of what it has.

    Safe to repeat. Returns how many were added or renewed.
    """
    statement = (
        select(FormTemplate, FormVersion.sha256)
        .join(FormVersion, FormVersion.form_template_id == FormTemplate.id)
        .where(FormTemplate.system, FormVersion.number == FormTemplate.published_number)
    )
    known = {template.key: (template, sha256) for template, sha256 in (await session.execute(statement)).all()}
    added: list[FormVersion] = []
    for form in system_forms():
        template, sha256 = known.get(form.key, (None, None))
        if sha256 == form.digest:
            continue
        if template is None:
            template = FormTemplate(id=new_id(), kind=form.kind, key=form.key, system=True, state="published")
            session.add(template)
        number = (template.published_number or 0) + 1
        template.title, template.published_number = form.content["title"], number
        added.append(versions.made(template.id, number, form.content, by=None))
    await session.flush()
    session.add_all(added)
    await session.flush()
    return len(added)


def _read(content: bytes) -> SystemForm:
    data = orjson.loads(content)
    definition = FormDefinition.model_validate_json(orjson.dumps(data["definition"]))
    check(definition)
    about = {name: data[name] for name in _ABOUT if name in data}
    return SystemForm(
        key=data["key"],
        kind=data["kind"],
        content={
            "title": data["title"],
            "description": data.get("description"),
            "definition": definition.stored(),
            "signers": data.get("signers", []),
            "scoring": data.get("scoring"),
            "about": about,
        },
    )
