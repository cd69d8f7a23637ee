"""Who plays in these tests: a practice with an open portal, clients who were let in, and what they do step by step."""

from typing import Any

from tests.entry import accept, invite
from tests.people import client_login
from tests.world import Caller, Practice, World

PERSON = {"given_name": "Grace", "family_name": "Client", "phone": "+14155552671", "date_of_birth": "1990-04-01"}
STATEMENT = {"key": "rules", "kind": "statement", "title": "House rules", "text": "Please be on time."}
PROFILE = {"key": "profile", "kind": "profile"}


async def ask(practice: Practice, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Let the practice ask for these steps."""
    body = fields | ({"steps": list(steps)} if steps else {})
    response = await practice.owner.patch("/v1/practice/onboarding", body)
    assert response.status_code == 200, response.text
    flow: dict[str, Any] = response.json()
    return flow


async def invited(world: World, practice: Practice, **fields: Any) -> tuple[dict[str, Any], Caller]:
    """A client who was invited and has accepted."""
    chart = await world.client(practice.owner, email=world.email("client"), practitioner_ids=[practice.staff_id])
    await invite(world, practice.owner, chart, **fields)
    return chart, await accept(world, await world.mailed_token(chart["email"]))


async def guardian_of(world: World, practice: Practice, chart: dict[str, Any], *permissions: str) -> Caller:
    return await client_login(world, practice, chart["id"], "parent", permissions)


async def mine(caller: Caller, **query: str) -> dict[str, Any]:
    response = await caller.get("/v1/me/onboarding", params=query)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def save(caller: Caller, key: str, body: dict[str, Any], **options: Any) -> dict[str, Any]:
    response = await caller.patch(f"/v1/me/onboarding/steps/{key}", body, **options)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def followed(practice: Practice, chart: dict[str, Any]) -> dict[str, Any]:
    response = await practice.owner.get(f"/v1/clients/{chart['id']}/onboarding")
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


def states(onboarding: dict[str, Any]) -> dict[str, str]:
    return {step["key"]: step["state"] for step in onboarding["steps"]}


def step_of(onboarding: dict[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(step for step in onboarding["steps"] if step["key"] == key)
    return found


async def published_form(practice: Practice, kind: str = "intake", **fields: Any) -> dict[str, Any]:
    """A form of the practice's own with one question."""
    item = {"key": "q1", "type": "text", "text": "What brings you here?", "required": True}
    definition = {"sections": [{"key": "s", "title": "About you", "items": [item]}]}
    body = {"kind": kind, "title": "Before we meet", "definition": definition} | fields
    made = await practice.owner.post("/v1/form-templates", body)
    assert made.status_code == 201, made.text
    published = await practice.owner.post(f"/v1/form-templates/{made.json()['id']}/publish")
    assert published.status_code in (200, 201), published.text
    template: dict[str, Any] = made.json()
    return template
