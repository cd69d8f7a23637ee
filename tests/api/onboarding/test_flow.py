"""What a practice asks of new clients: its steps, and the fields of its information groups (F7.M1)."""

from typing import Any

import pytest

from portal_api.core.access import Role
from tests.api.onboarding.people import PROFILE, STATEMENT, ask, published_form
from tests.entry import open_practice
from tests.people import colleague
from tests.world import Practice, World

NOBODYS_ID = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


async def test_there_is_a_flow_from_the_start(practice: Practice) -> None:
    flow = (await practice.owner.get("/v1/practice/onboarding")).json()
    asked = [(step["key"], step["required"]) for step in flow["steps"] if step["enabled"]]
    assert asked == [
        *(("profile", True), ("demographics", True), ("contact", True)),
        *(("preferences", False), ("insurance", False)),
    ]
    assert (flow["version"], flow["adult_age"], flow["updated_at"]) == (0, 18, None)
    names = flow["client_information"]["profile"]["fields"]
    assert names["given_name"] == {"enabled": True, "required": True, "review": True}
    assert names["preferred_name"] == {"enabled": True, "required": False, "review": False}


async def test_it_lists_the_consents_that_ship_and_asks_for_none_before_the_practice_has_read_them(
    practice: Practice,
) -> None:
    flow = (await practice.owner.get("/v1/practice/onboarding")).json()
    consents = {step["key"]: step["enabled"] for step in flow["steps"] if step["kind"] == "consent"}
    assert consents == dict.fromkeys(
        ("consent-treatment", "privacy-practices", "consent-telehealth", "consent-electronic-communication"), False
    )
    ages = {step["key"]: step["applies_to"] for step in flow["steps"] if step["kind"] == "intake"}
    assert ages == {"intake-adult": ["adult"], "intake-child": ["minor"]}


async def test_steps_are_chosen_ordered_and_named(practice: Practice) -> None:
    form = await published_form(practice)
    intake = {"key": "intake", "kind": "intake", "form_template_id": form["id"], "required": False}
    flow = await ask(practice, STATEMENT, intake, PROFILE | {"title": "Who you are"})
    assert [(step["key"], step["title"]) for step in flow["steps"]] == [
        ("rules", "House rules"),
        ("intake", "Before we meet"),
        ("profile", "Who you are"),
    ]
    assert (await practice.owner.get("/v1/practice/onboarding")).json() == flow


async def test_a_merge_patch_goes_into_the_fields(practice: Practice) -> None:
    """RFC 7396: a group and a field on or off, and nothing else moves."""
    off = {"demographics": {"fields": {"sex": {"enabled": False}}}, "preferences": {"enabled": False}}
    await ask(practice, client_information=off)
    flow = await ask(practice, client_information={"demographics": {"fields": {"language": {"required": True}}}})
    fields = flow["client_information"]["demographics"]["fields"]
    assert (fields["sex"]["enabled"], fields["language"]["required"]) == (False, True)
    assert fields["date_of_birth"] == {"enabled": True, "required": True, "review": True}
    assert flow["client_information"]["preferences"]["enabled"] is False


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"steps": [{"key": "Bad key", "kind": "profile"}]}, "/steps/0/key"),
        ({"steps": [{"key": "a", "kind": "nonsense"}]}, "/steps/0/kind"),
        ({"steps": [{"key": "a", "kind": "consent"}]}, "/steps/0"),
        ({"steps": [{"key": "a", "kind": "profile", "form_template_id": NOBODYS_ID}]}, "/steps/0"),
        ({"steps": [{"key": "a", "kind": "statement", "title": "Rules"}]}, "/steps/0"),
        ({"steps": [PROFILE, {"key": "again", "kind": "profile"}]}, "/steps/1"),
        ({"steps": [STATEMENT, STATEMENT]}, "/steps/1"),
        (
            {"steps": [{"key": "a", "kind": "consent", "form_template_id": NOBODYS_ID}]},
            "/steps/0/form_template_id",
        ),
        (
            {"steps": [{"key": "a", "kind": "document", "practice_document_id": NOBODYS_ID}]},
            "/steps/0/practice_document_id",
        ),
        (
            {"steps": [STATEMENT, STATEMENT | {"key": "a", "service_ids": [NOBODYS_ID]}]},
            "/steps/1/service_ids",
        ),
        ({"steps": None}, "/steps"),
        ({"adult_age": 5}, "/adult_age"),
        ({"client_information": {"profile": {"fields": {"phone": {"enabled": False}}}}}, "/client_information"),
        ({"client_information": {"profile": {"fields": {"given_name": {"enabled": False}}}}}, "/client_information"),
        ({"client_information": {"insurance": {"fields": {"end_date": {"review": False}}}}}, "/client_information"),
        ({"client_information": {"profile": {"enabled": None}}}, "/client_information"),
        ({"version": 3}, "/version"),
    ],
)
async def test_bad_input_is_named(practice: Practice, body: dict[str, Any], pointer: str) -> None:
    refused = await practice.owner.patch("/v1/practice/onboarding", body)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith(pointer)
    assert (await practice.owner.get("/v1/practice/onboarding")).json()["version"] == 0


async def test_a_form_is_published_of_the_kind_and_of_the_practice(world: World, practice: Practice) -> None:
    other = await open_practice(world)
    foreign, own = await published_form(other), await published_form(practice)
    step = {"key": "form", "kind": "intake", "form_template_id": foreign["id"]}
    refused = await practice.owner.patch("/v1/practice/onboarding", {"steps": [step]})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_form")
    step = {"key": "form", "kind": "consent", "form_template_id": own["id"]}
    refused = await practice.owner.patch("/v1/practice/onboarding", {"steps": [step]})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "kind_mismatch")


async def test_a_stale_copy_is_refused(practice: Practice) -> None:
    flow = await ask(practice, PROFILE)
    stale = {"If-Match": f'"v{flow["version"]}"'}
    await ask(practice, STATEMENT)
    refused = await practice.owner.patch("/v1/practice/onboarding", {"adult_age": 16}, headers=stale)
    assert (refused.status_code, [s["key"] for s in refused.json()["current"]["steps"]]) == (412, ["rules"])


async def test_whoever_administers_forms_changes_it(world: World, practice: Practice) -> None:
    """F20.M1."""
    for role, status in {Role.FORMS_ADMIN: 200, Role.ADMIN: 200, Role.PRACTITIONER: 403, Role.BILLER: 403}.items():
        caller, _ = await colleague(world, practice, role)
        changed = await caller.patch("/v1/practice/onboarding", {"adult_age": 16})
        assert changed.status_code == status, role
