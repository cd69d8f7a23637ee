"""What waits for somebody, on the first page of the portal: one call for all of it."""

from typing import Any

from tests.api.onboarding.people import STATEMENT, ask, guardian_of, invited, published_form, save
from tests.api.scheduling.desk import instant
from tests.api.scheduling.reception import TUESDAY, open_reception
from tests.entry import open_practice
from tests.world import Caller, World

HOME = "/v1/me/home"


async def waiting(caller: Caller, **query: str) -> list[dict[str, Any]]:
    response = await caller.get(HOME, params=query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["waiting"]
    return found


async def test_steps_and_forms_until_they_are_done(world: World) -> None:
    practice = await open_practice(world)
    await ask(practice, STATEMENT)
    consent = await published_form(practice, kind="consent", title="Consent", signers=["client"])
    chart, client = await invited(world, practice, form_template_ids=[consent["id"]])
    tag = (await client.get(HOME)).headers["etag"]
    first = await waiting(client)
    assert {item["kind"]: item["title"] for item in first} == {"onboarding": None, "form": "Consent"}
    assert {item["client_id"] for item in first} == {chart["id"]}
    form_id = next(item["id"] for item in first if item["kind"] == "form")
    path = f"/v1/me/forms/{form_id}"
    await client.patch(path, {"answers": {"q1": "Yes"}})
    assert (await client.post(f"{path}/submit")).status_code == 200
    assert [item["kind"] for item in await waiting(client)] == ["onboarding", "signature"]
    await client.post(f"{path}/sign", {"printed_name": "Grace Client", "agree": True})
    await save(client, "rules", {"acknowledged": True})
    assert (await client.post("/v1/me/onboarding/complete")).status_code == 200
    assert await waiting(client) == []
    assert (await client.get(HOME, headers={"If-None-Match": tag})).status_code == 200


async def test_what_is_due_first_comes_first(world: World) -> None:
    practice = await open_practice(world)
    forms = [await published_form(practice, title=title) for title in ("Late", "Soon")]
    chart, client = await invited(world, practice)
    for form, day in zip(forms, ("2031-05-01", "2031-04-01"), strict=True):
        body = {"form_template_id": form["id"], "due_on": day}
        assert (await practice.owner.post(f"/v1/clients/{chart['id']}/form-assignments", body)).status_code == 201
    found = await waiting(client)
    assert [(item["title"], item["due_on"]) for item in found] == [
        ("Soon", "2031-04-01"),
        ("Late", "2031-05-01"),
        (None, None),
    ]


async def test_titles_are_told_with_the_names_in_them(world: World) -> None:
    practice = await open_practice(world)
    form = await published_form(practice, title="Welcome to {practice_name}")
    _, client = await invited(world, practice, form_template_ids=[form["id"]])
    assert "Welcome to Harbor Therapy" in [item["title"] for item in await waiting(client)]


async def test_a_guardian_sees_what_they_may_do_and_nothing_that_is_confidential(world: World) -> None:
    """F6.M1, F6.B3."""
    practice = await open_practice(world)
    form = await published_form(practice)
    child = await world.client(practice.owner)
    path = f"/v1/clients/{child['id']}/form-assignments"
    for confidential in (True, False):
        body = {"form_template_id": form["id"], "confidential": confidential}
        assert (await practice.owner.post(path, body)).status_code == 201
    filler = await guardian_of(world, practice, child, "forms.complete")
    assert [item["kind"] for item in await waiting(filler)] == ["form"]
    payer = await guardian_of(world, practice, child, "billing.pay")
    assert await waiting(payer) == []


async def test_another_time_that_is_offered(world: World) -> None:
    reception = await open_reception(world)
    made = await reception.request()
    assert await waiting(reception.client) == []
    await reception.answered("counter-offer", made, starts_at=instant(TUESDAY.replace(hour=15)))
    (offer,) = await waiting(reception.client)
    assert (offer["kind"], offer["id"]) == ("counter_offer", made["id"])
    await reception.reply("accept", made)
    assert await waiting(reception.client) == []
