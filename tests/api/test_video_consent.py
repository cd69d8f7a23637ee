"""Nobody comes to a session without the consent that the practice insists on (F7.B4)."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.onboarding.people import published_form
from tests.entry import open_practice, set_portal
from tests.meetings import Meeting, Sql, arranged, refusal
from tests.world import Caller, World


@pytest.fixture
async def meeting(world: World, sql: Sql) -> Meeting:
    meeting = await arranged(world, sql)
    await set_portal(meeting.practice, video={"waiting_room": False})
    return meeting


@pytest.fixture
async def form(meeting: Meeting) -> dict[str, Any]:
    """A telehealth consent of the practice's own."""
    return await published_form(meeting.practice, kind="consent", title="Video", signers=["client"])


async def insist(meeting: Meeting, gate: str, form: dict[str, Any] | None = None) -> None:
    await set_portal(meeting.practice, video={"consent_gate": gate, "consent_form_template_id": form and form["id"]})


async def sign(caller: Caller, assignment_id: str) -> None:
    path = f"/v1/me/forms/{assignment_id}"
    await caller.patch(path, {"answers": {"q1": "Yes"}})
    assert (await caller.post(f"{path}/submit")).status_code == 200
    signed = await caller.post(f"{path}/sign", {"printed_name": "Grace Client", "agree": True})
    assert signed.status_code == 200, signed.text


async def test_nobody_is_asked_unless_the_practice_says_so(meeting: Meeting) -> None:
    assert (await meeting.join()).json()["missing_consent"] is None


async def test_one_is_let_in_once_it_is_signed(meeting: Meeting, form: dict[str, Any]) -> None:
    """The refusal names the form, which waits for the client by then, once however often they knock."""
    await insist(meeting, "block", form)
    refused = await meeting.join()
    assert refusal(refused) == (409, "consent_required")
    asked = refused.json()["form"]
    assert (asked["form_template_id"], asked["title"]) == (form["id"], "Video")
    assert (await meeting.join()).json()["form"] == asked
    assert [each["id"] for each in (await meeting.client.get("/v1/me/forms")).json()["data"]] == [
        asked["form_assignment_id"]
    ]
    assert await meeting.events() == []
    await sign(meeting.client, asked["form_assignment_id"])
    assert (await meeting.join()).status_code == 200


async def test_a_hint_lets_them_in(meeting: Meeting, form: dict[str, Any]) -> None:
    await insist(meeting, "warn", form)
    answer = await meeting.join()
    assert answer.status_code == 200
    missing = answer.json()["missing_consent"]
    assert missing["form_template_id"] == form["id"]
    await sign(meeting.client, missing["form_assignment_id"])
    assert (await meeting.join()).json()["missing_consent"] is None


async def test_a_consent_that_was_taken_back_no_longer_holds(meeting: Meeting, form: dict[str, Any]) -> None:
    """F8.M6."""
    await insist(meeting, "block", form)
    first = (await meeting.join()).json()["form"]["form_assignment_id"]
    await sign(meeting.client, first)
    taken_back = await meeting.client.post(f"/v1/me/forms/{first}/withdraw-consent", {})
    assert taken_back.status_code == 200, taken_back.text
    refused = await meeting.join()
    assert refusal(refused) == (409, "consent_required")
    assert refused.json()["form"]["form_assignment_id"] != first


async def test_the_consent_that_ships_is_asked_for_where_none_is_named(meeting: Meeting) -> None:
    await insist(meeting, "block")
    assert (await meeting.join()).json()["form"]["title"] == "Consent to telehealth"


async def test_hosts_come_in_any_case(meeting: Meeting, form: dict[str, Any]) -> None:
    await insist(meeting, "block", form)
    assert (await meeting.host()).status_code == 200


async def test_only_a_published_consent_of_the_practice_is_named(world: World, meeting: Meeting) -> None:
    foreign = await published_form(await open_practice(world), kind="consent")
    intake = await published_form(meeting.practice)
    for wrong in (foreign["id"], intake["id"], str(uuid4())):
        refused = await meeting.owner.patch("/v1/practice/portal", {"video": {"consent_form_template_id": wrong}})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (
            *(422,),
            "/video/consent_form_template_id",
        )
