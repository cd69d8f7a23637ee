"""A practice that gives forms to a client who has a login."""

from dataclasses import dataclass
from typing import Any

from tests.entry import open_practice
from tests.people import client_login
from tests.world import Caller, Practice, World

TEMPLATES = "/v1/form-templates"
MINE = "/v1/me/forms"
ASSIGNMENTS = "/v1/form-assignments"

Json = dict[str, Any]
QUESTIONS: list[Json] = [
    {"key": "q1", "type": "text", "text": "What brings you to {practice_name}?", "required": True, "max_length": 40},
    {
        "key": "q2",
        "type": "choice",
        "text": "Have you been in treatment before?",
        "required": True,
        "options": [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}],
    },
    {
        "key": "q3",
        "type": "paragraph",
        "text": "When, and what helped?",
        "required": True,
        "visible_if": {"item": "q2", "op": "equals", "value": "yes"},
    },
    {"key": "q4", "type": "scale", "text": "How much does it burden you?", "min": 0, "max": 10},
    {"key": "read", "type": "statement", "text": "Dear {client_name}, {practitioner_name} reads this."},
]


def definition(*items: Json) -> Json:
    return {"sections": [{"key": "main", "title": "Main", "items": list(items or QUESTIONS)}]}


def path_of(client_id: str) -> str:
    return f"/v1/clients/{client_id}/form-assignments"


@dataclass
class Desk:
    world: World
    practice: Practice
    client_id: str

    @property
    def owner(self) -> Caller:
        return self.practice.owner

    async def portal(self) -> Caller:
        """The client's own login."""
        return await client_login(self.world, self.practice, self.client_id)

    async def draft(self, *items: Json, **fields: Any) -> Json:
        body = {"kind": "intake", "title": "Before we meet", "definition": definition(*items)} | fields
        made = await self.owner.post(TEMPLATES, body)
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def published(self, *items: Json, **fields: Any) -> Json:
        made = await self.draft(*items, **fields)
        answer = await self.owner.post(f"{TEMPLATES}/{made['id']}/publish")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def system(self, key: str) -> Json:
        found = (await self.owner.get(TEMPLATES, params={"q": key, "system": "true"})).json()["data"]
        return next(form for form in found if form["key"] == key)

    async def assign(self, template: Json, client_id: str | None = None, **fields: Any) -> Json:
        body = {"form_template_id": template["id"]} | fields
        made = await self.owner.post(path_of(client_id or self.client_id), body)
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def given(self, *items: Json, **fields: Any) -> Json:
        """An assignment of a new form with these items."""
        return await self.assign(await self.published(*items), **fields)

    async def read(self, assignment: Json) -> Json:
        answer = await self.owner.get(f"{ASSIGNMENTS}/{assignment['id']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def open_desk(world: World) -> Desk:
    practice = await open_practice(world)
    client = await world.client(practice.owner, practitioner_ids=[practice.staff_id])
    return Desk(world, practice, client["id"])


def faults(response: Any) -> dict[str, str]:
    """By pointer, the code of what is wrong with a body."""
    assert response.status_code == 422, response.text
    return {fault["pointer"]: fault["code"] for fault in response.json()["errors"]}
