"""Documents on the way in: shared with an invitation, read or sent as a step, pictures of an insurance card."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.documents.shelf import MINE, Shelf, made, open_shelf, picture
from tests.api.onboarding.people import ask, followed, mine, save, states, step_of
from tests.entry import accept, invite
from tests.people import client_login
from tests.world import World

UPLOAD = {"key": "card", "kind": "upload", "title": "Your referral"}
CARD = {"payer": "Blue Harbor Health", "member_id": "W1"}


@pytest.fixture
async def shelf(world: World) -> Shelf:
    return await open_shelf(world)


async def asked(shelf: Shelf, *steps: dict[str, Any]) -> None:
    """Let the practice ask its client for these steps."""
    await ask(shelf.practice, *steps)
    given = await shelf.owner.post(f"/v1/clients/{shelf.client_id}/onboarding")
    assert given.status_code == 201, given.text


class TestInvitations:
    async def test_documents_are_shared_with_it(self, world: World, shelf: Shelf) -> None:
        """F3.M2."""
        chart = await world.client(shelf.owner, email=world.email("client"))
        path = f"/v1/clients/{chart['id']}/documents"
        paper = made(await shelf.send(shelf.owner, path, title="Directions"))
        await invite(world, shelf.owner, chart, document_ids=[paper["id"]])
        client = await accept(world, await world.mailed_token(chart["email"]))
        assert [found["title"] for found in (await client.get(MINE)).json()["data"]] == ["Directions"]

    async def test_only_the_clients_own(self, world: World, shelf: Shelf) -> None:
        """A26: and nothing is half done."""
        foreign = await shelf.put()
        chart = await world.client(shelf.owner, email=world.email("client"))
        path = f"/v1/clients/{chart['id']}/invitations"
        for document_id in (foreign["id"], str(uuid4())):
            refused = await shelf.owner.post(path, {"document_ids": [document_id]})
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/document_ids/0")
        assert (await shelf.owner.get(path)).json()["data"] == []
        assert (await followed(shelf.practice, chart))["state"] == "not_given"


class TestSteps:
    async def test_a_document_of_the_practice_is_read(self, shelf: Shelf) -> None:
        paper = await shelf.provide(title="Fees", shared=True)
        await asked(shelf, {"key": "fees", "kind": "document", "practice_document_id": paper["id"]})
        step = step_of(await mine(shelf.client), "fees")
        assert (step["title"], step["practice_document_id"], step["missing"]) == (
            *("Fees", paper["id"]),
            ["acknowledged"],
        )
        assert states(await save(shelf.client, "fees", {"acknowledged": True})) == {"fees": "done"}

    async def test_one_that_clients_do_not_see_is_no_step(self, shelf: Shelf) -> None:
        hidden = await shelf.provide(title="Rota", shared=False)
        step = {"key": "rota", "kind": "document", "practice_document_id": hidden["id"]}
        refused = await shelf.owner.patch("/v1/practice/onboarding", {"steps": [step]})
        assert refused.json()["errors"][0]["pointer"] == "/steps/0/practice_document_id"

    async def test_the_client_sends_one(self, shelf: Shelf) -> None:
        await asked(shelf, UPLOAD)
        sent = await shelf.upload()
        assert states(await save(shelf.client, "card", {"document_id": sent["id"]})) == {"card": "done"}
        kept = await shelf.client.delete(f"{MINE}/{sent['id']}")
        assert (kept.status_code, kept.json()["code"]) == (409, "document_in_use")
        assert states(await save(shelf.client, "card", {"document_id": None})) == {"card": "open"}
        assert (await shelf.client.delete(f"{MINE}/{sent['id']}")).status_code == 204

    async def test_only_one_that_the_client_sees(self, world: World, shelf: Shelf) -> None:
        """A26."""
        await asked(shelf, UPLOAD)
        other = await world.client(shelf.owner)
        theirs = await client_login(world, shelf.practice, other["id"])
        foreign = made(await shelf.send(theirs, MINE))
        hidden = await shelf.put()
        for document_id in (foreign["id"], hidden["id"], str(uuid4())):
            refused = await shelf.client.patch("/v1/me/onboarding/steps/card", {"document_id": document_id})
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/document_id")


async def test_a_policy_has_pictures_of_its_card(world: World, shelf: Shelf) -> None:
    """F7.M4: both sides, through the same pipeline as every file."""
    front, back = [await shelf.upload(picture(), f"{side}.png", purpose="insurance_card") for side in ("front", "back")]
    sides = {"front_document_id": front["id"], "back_document_id": back["id"]}
    policy = made(await shelf.client.post("/v1/me/insurance-policies", CARD | sides))
    seen = (await shelf.owner.get(f"/v1/insurance-policies/{policy['id']}")).json()
    assert {name: seen[name] for name in sides} == sides
    other = await world.client(shelf.owner)
    theirs = await client_login(world, shelf.practice, other["id"])
    refused = await theirs.post("/v1/me/insurance-policies", CARD | {"front_document_id": front["id"]})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/front_document_id")


async def test_the_practice_may_need_the_picture(shelf: Shelf) -> None:
    """F7: each field on or off, required or not."""
    rules = {"front_document_id": {"required": True}, "group_number": {"enabled": False}}
    await ask(shelf.practice, client_information={"insurance": {"fields": rules}})
    refused = await shelf.client.post("/v1/me/insurance-policies", CARD)
    assert (refused.json()["errors"][0]["pointer"], refused.json()["errors"][0]["code"]) == (
        *("/front_document_id",),
        "missing",
    )
    front = await shelf.upload(picture(), "front.png", purpose="insurance_card")
    asked_too_much = CARD | {"front_document_id": front["id"], "group_number": "7"}
    refused = await shelf.client.post("/v1/me/insurance-policies", asked_too_much)
    assert refused.json()["errors"][0]["pointer"] == "/group_number"
    await ask(shelf.practice, client_information={"insurance": {"enabled": False}})
    closed = await shelf.client.post("/v1/me/insurance-policies", CARD | {"front_document_id": front["id"]})
    assert (closed.status_code, closed.json()["code"]) == (403, "not_asked")
