"""What clients say of themselves, and what staff make of it (F7.M4, F7.B2)."""

import asyncio
from typing import Any

import pytest

from portal_api.core.access import GrantPermission, Role
from tests.entry import client_login as invited_client
from tests.entry import open_practice
from tests.people import client_login, colleague
from tests.world import Caller, Practice, World

EDIT = (GrantPermission.DEMOGRAPHICS_EDIT.value,)


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


@pytest.fixture
async def chart(world: World, practice: Practice) -> dict[str, Any]:
    return await world.client(practice.owner, phone="+14155552671", practitioner_ids=[practice.staff_id])


@pytest.fixture
async def client(world: World, practice: Practice, chart: dict[str, Any]) -> Caller:
    return await client_login(world, practice, chart["id"])


async def ask(caller: Caller, **fields: Any) -> dict[str, Any]:
    """Change one's own profile; what it shows then."""
    response = await caller.patch("/v1/me/profile", fields)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def queue(practice: Practice) -> list[dict[str, Any]]:
    response = await practice.owner.get("/v1/client-changes")
    assert response.status_code == 200, response.text
    data: list[dict[str, Any]] = response.json()["data"]
    return data


async def in_chart(practice: Practice, chart: dict[str, Any], field: str) -> Any:
    return (await practice.owner.get(f"/v1/clients/{chart['id']}")).json()[field]


class TestProfile:
    async def test_what_one_is_called_is_in_the_chart_at_once(
        self, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        """F7.M4: the name used is theirs to say, and so is the zone of their clock."""
        shown = await ask(client, preferred_name="Gracie", pronouns="she/her", time_zone="Europe/Berlin")
        assert (shown["preferred_name"], shown["pending"]) == ("Gracie", [])
        assert await in_chart(practice, chart, "preferred_name") == "Gracie"
        assert await in_chart(practice, chart, "time_zone") == "Europe/Berlin"
        found = await practice.owner.get("/v1/clients", params={"q": "gracie"})
        assert [row["id"] for row in found.json()["data"]] == [chart["id"]]
        assert await queue(practice) == []

    async def test_a_legal_name_waits_for_staff(
        self, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        """F7.B2: whoever asked sees it as theirs, and the chart stays."""
        shown = await ask(client, given_name="Gracia", date_of_birth="1990-04-01")
        assert (shown["given_name"], shown["pending"]) == ("Gracia", ["date_of_birth", "given_name"])
        assert await in_chart(practice, chart, "given_name") == "Grace"
        assert (await client.get("/v1/me/profile")).json()["given_name"] == "Gracia"

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"time_zone": "Mars/Olympus"}, "/time_zone"),
            ({"phone": "12"}, "/phone"),
            ({"date_of_birth": "2999-01-01"}, "/date_of_birth"),
            ({"address": {"city": "Harbor"}}, "/address/line1"),
            ({"address": {"line1": "1 Quay", "city": "Harbor", "country": "Nowhere"}}, "/address/country"),
            ({"emergency_contact": {"name": "Kim"}}, "/emergency_contact/phone"),
            ({"other_phones": [{"use": "fax", "number": "+14155552671"}]}, "/other_phones/0/use"),
            ({"language": "English please"}, "/language"),
            ({"given_name": None}, "/given_name"),
            ({"phone": None}, "/phone"),
            ({"portal_state": "active"}, "/portal_state"),
        ],
    )
    async def test_bad_input_is_named_and_nothing_is_kept(
        self, practice: Practice, client: Caller, fields: dict[str, Any], pointer: str
    ) -> None:
        refused = await client.patch("/v1/me/profile", {"preferred_name": "Gracie"} | fields)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), refused.text
        assert (await client.get("/v1/me/profile")).json()["preferred_name"] is None
        assert await queue(practice) == []

    async def test_objects_are_merged(self, practice: Practice, chart: dict[str, Any], client: Caller) -> None:
        """RFC 7396, also over what is only asked for."""
        await ask(client, contact_preferences={"sms": True}, address={"line1": "1 Quay", "city": "H", "country": "US"})
        shown = await ask(client, contact_preferences={"email": False}, address={"city": "Harbor"})
        assert shown["contact_preferences"] | {"sms": True, "email": False} == shown["contact_preferences"]
        assert (shown["address"]["line1"], shown["address"]["city"]) == ("1 Quay", "Harbor")
        assert (await in_chart(practice, chart, "contact_preferences"))["email"] is False
        assert await in_chart(practice, chart, "address") is None

    async def test_a_stale_copy_is_refused(self, practice: Practice, chart: dict[str, Any], client: Caller) -> None:
        """F7.B6: whatever has changed: the own open changes, or the chart under them."""
        copy = await client.get("/v1/me/profile")
        await ask(client, given_name="Gracia")
        stale = await client.patch("/v1/me/profile", {"given_name": "G"}, headers={"If-Match": copy.headers["etag"]})
        assert (stale.status_code, stale.json()["current"]["given_name"]) == (412, "Gracia")
        copy = await client.get("/v1/me/profile")
        await practice.owner.patch(f"/v1/clients/{chart['id']}", {"pronouns": "they/them"})
        stale = await client.patch("/v1/me/profile", {"pronouns": "she"}, headers={"If-Match": copy.headers["etag"]})
        assert (stale.status_code, stale.json()["current"]["pronouns"]) == (412, "they/them")

    async def test_who_takes_it_back_leaves_nothing_to_decide(self, practice: Practice, client: Caller) -> None:
        await ask(client, given_name="Gracia")
        assert (await ask(client, given_name="Grace"))["pending"] == []
        assert await queue(practice) == []

    async def test_a_login_by_invitation_may_all_of_it(self, world: World, practice: Practice) -> None:
        _, caller = await invited_client(world, practice)
        assert (await ask(caller, preferred_name="Gracie"))["preferred_name"] == "Gracie"


class TestGuardians:
    async def test_who_may_not_edit_does_not_read_it_here(
        self, world: World, practice: Practice, chart: dict[str, Any]
    ) -> None:
        """F6.M1."""
        guardian = await client_login(world, practice, chart["id"], "parent", ("appointments.view",))
        for response in (await guardian.get("/v1/me/profile"), await guardian.patch("/v1/me/profile", {})):
            assert (response.status_code, response.json()["code"]) == (403, "forbidden")

    async def test_one_guardian_does_not_learn_where_the_other_lives(
        self, world: World, practice: Practice, chart: dict[str, Any]
    ) -> None:
        """F6.M3: nor what the other has asked for; a guardian alone sees the whole chart."""
        one = await client_login(world, practice, chart["id"], "parent", EDIT)
        assert (await one.get("/v1/me/profile")).json()["phone"] == "+14155552671"
        other = await client_login(world, practice, chart["id"], "parent", EDIT)
        await ask(one, given_name="Gracia", emergency_contact={"name": "One", "phone": "+14155552672"})
        shown = (await other.get("/v1/me/profile")).json()
        assert (shown["phone"], shown["emergency_contact"], shown["given_name"]) == (None, None, "Grace")
        mine = await ask(other, address={"line1": "2 Quay", "city": "Harbor", "country": "US"})
        assert mine["address"]["line1"] == "2 Quay"
        assert len(await queue(practice)) == 2

    async def test_nor_by_guessing(self, world: World, practice: Practice, chart: dict[str, Any]) -> None:
        """F6.M3: what is right and what is wrong of it waits for staff alike."""
        for _ in range(2):
            one = await client_login(world, practice, chart["id"], "parent", EDIT)
        wrong, right = [(await ask(one, phone=phone)) for phone in ("+14155552679", "+14155552671")]
        assert [(shown["pending"], shown["phone"]) for shown in (wrong, right)] == [
            (["phone"], "+14155552679"),
            (["phone"], "+14155552671"),
        ]
        (change,) = await queue(practice)
        assert (await practice.owner.post(f"/v1/client-changes/{change['id']}/accept")).status_code == 200
        assert await in_chart(practice, chart, "phone") == "+14155552671"

    async def test_nobody_writes_over_what_they_do_not_see(
        self, world: World, practice: Practice, chart: dict[str, Any]
    ) -> None:
        """Also where the practice lets the field through; and what was shown empty is sent back as nothing."""
        kim = {"name": "Kim", "phone": "+14155552672"}
        await practice.owner.patch(f"/v1/clients/{chart['id']}", {"emergency_contact": kim})
        for _ in range(2):
            other = await client_login(world, practice, chart["id"], "parent", EDIT)
        shown = (await other.get("/v1/me/profile")).json()
        assert {"name": "emergency_contact", "group": "contact", "required": False, "review": True} in shown["fields"]
        sent_back = {name: shown[name] for name in ("emergency_contact", "address", "other_phones", "email")}
        assert (await ask(other, **sent_back))["pending"] == []
        lee = {"name": "Lee", "phone": "+14155552673"}
        assert (await ask(other, emergency_contact=lee))["pending"] == ["emergency_contact"]
        assert (await in_chart(practice, chart, "emergency_contact"))["name"] == "Kim"
        assert (await ask(other, emergency_contact=None))["pending"] == []
        assert await queue(practice) == []

    async def test_who_acts_for_several_says_for_whom(
        self, world: World, practice: Practice, chart: dict[str, Any]
    ) -> None:
        from tests.people import grant

        guardian = await client_login(world, practice, chart["id"], "parent", EDIT)
        sibling = await world.client(practice.owner, given_name="Sibyl")
        await grant(world, practice, guardian.account["id"], sibling["id"], "parent", EDIT)
        unclear = await guardian.get("/v1/me/profile")
        assert (unclear.status_code, unclear.json()["errors"][0]["pointer"]) == (422, "/client_id")
        named = await guardian.get("/v1/me/profile", params={"client_id": sibling["id"]})
        assert named.json()["given_name"] == "Sibyl"
        stranger = await world.client(practice.owner)
        assert (await guardian.get("/v1/me/profile", params={"client_id": stranger["id"]})).status_code == 404


class TestReview:
    async def test_field_by_field(self, practice: Practice, chart: dict[str, Any], client: Caller) -> None:
        """F7.B2."""
        await ask(client, given_name="Gracia", family_name="Kline", date_of_birth="1990-04-01")
        (change,) = await queue(practice)
        path = f"/v1/client-changes/{change['id']}"
        shown = {field["name"]: (field["before"], field["proposed"], field["conflict"]) for field in change["fields"]}
        assert shown["given_name"] == ("Grace", "Gracia", False)
        assert shown["date_of_birth"] == (None, "1990-04-01", False)
        taken = await practice.owner.post(f"{path}/accept", {"fields": ["given_name", "date_of_birth"]})
        assert (taken.status_code, taken.json()["state"]) == (200, "pending")
        refused = await practice.owner.post(f"{path}/reject", {"fields": ["family_name"], "reason": "Show a paper."})
        assert (refused.status_code, refused.json()["state"]) == (200, "partly_accepted")
        reasons = {field["name"]: field["reason"] for field in refused.json()["fields"]}
        assert reasons == {"given_name": None, "family_name": "Show a paper.", "date_of_birth": None}
        assert await in_chart(practice, chart, "given_name") == "Gracia"
        assert await in_chart(practice, chart, "date_of_birth") == "1990-04-01"
        assert await in_chart(practice, chart, "family_name") == "Client"
        assert await queue(practice) == []
        history = await practice.owner.get(f"/v1/clients/{chart['id']}/changes")
        assert [row["id"] for row in history.json()["data"]] == [change["id"]]

    async def test_what_staff_changed_meanwhile_is_a_conflict(
        self, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        await ask(client, given_name="Gracia")
        await practice.owner.patch(f"/v1/clients/{chart['id']}", {"given_name": "Graciela"})
        (change,) = await queue(practice)
        assert [(f["current"], f["conflict"]) for f in change["fields"]] == [("Graciela", True)]
        path = f"/v1/client-changes/{change['id']}/accept"
        refused = await practice.owner.post(path)
        assert (refused.status_code, refused.json()["code"], refused.json()["fields"]) == (
            *(409, "change_conflict"),
            ["given_name"],
        )
        assert await in_chart(practice, chart, "given_name") == "Graciela"
        assert (await practice.owner.post(path, {"overwrite": True})).json()["state"] == "accepted"
        assert await in_chart(practice, chart, "given_name") == "Gracia"

    async def test_what_is_asked_again_hides_no_conflict(
        self, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        """A form that is saved a second time says nothing new of what staff wrote meanwhile."""
        await ask(client, given_name="Gracia")
        await practice.owner.patch(f"/v1/clients/{chart['id']}", {"given_name": "Graciela"})
        await ask(client, given_name="Gracia", family_name="Kline")
        (change,) = await queue(practice)
        assert {field["name"]: field["conflict"] for field in change["fields"]} == {
            "given_name": True,
            "family_name": False,
        }

    async def test_nothing_is_decided_twice(self, practice: Practice, client: Caller) -> None:
        await ask(client, given_name="Gracia", family_name="Kline")
        (change,) = await queue(practice)
        path = f"/v1/client-changes/{change['id']}"
        await practice.owner.post(f"{path}/accept", {"fields": ["given_name"]})
        again = await practice.owner.post(f"{path}/reject", {"fields": ["given_name"]})
        assert (again.status_code, again.json()["state"]) == (409, "accepted")
        unknown = await practice.owner.post(f"{path}/accept", {"fields": ["phone"]})
        assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/fields/0")
        await practice.owner.post(f"{path}/accept")
        assert (await practice.owner.post(f"{path}/accept")).json()["code"] == "invalid_state"

    async def test_a_change_since_the_staff_looked_is_seen(self, practice: Practice, client: Caller) -> None:
        await ask(client, given_name="Gracia")
        (change,) = await queue(practice)
        path = f"/v1/client-changes/{change['id']}"
        copy = await practice.owner.get(path)
        await ask(client, given_name="Gloria")
        stale = await practice.owner.post(f"{path}/accept", headers={"If-Match": copy.headers["etag"]})
        assert stale.status_code == 412
        assert stale.json()["current"]["fields"][0]["proposed"] == "Gloria"

    async def test_after_a_decision_a_new_set_is_opened(
        self, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        await ask(client, given_name="Gracia")
        (change,) = await queue(practice)
        await practice.owner.post(f"/v1/client-changes/{change['id']}/reject")
        assert (await client.get("/v1/me/profile")).json()["given_name"] == "Grace"
        await ask(client, given_name="Gloria")
        (second,) = await queue(practice)
        assert second["id"] != change["id"]

    async def test_the_queue_is_of_the_own_caseload(self, world: World, practice: Practice, client: Caller) -> None:
        """A16."""
        await ask(client, given_name="Gracia")
        (change,) = await queue(practice)
        stranger, _ = await colleague(world, practice, Role.PRACTITIONER)
        assert (await stranger.get("/v1/client-changes")).json()["data"] == []
        assert (await stranger.post(f"/v1/client-changes/{change['id']}/accept")).status_code == 404
        scheduler, _ = await colleague(world, practice, Role.SCHEDULER)
        assert len((await scheduler.get("/v1/client-changes")).json()["data"]) == 1
        assert (await scheduler.post(f"/v1/client-changes/{change['id']}/accept")).status_code == 403

    async def test_the_queue_is_paged_oldest_first(self, world: World, practice: Practice) -> None:
        for _ in range(3):
            chart = await world.client(practice.owner)
            await ask(await client_login(world, practice, chart["id"]), given_name="Gracia")
        everyone = [change["id"] for change in await queue(practice)]
        first = (await practice.owner.get("/v1/client-changes?limit=2")).json()
        rest = (await practice.owner.get(f"/v1/client-changes?limit=2&cursor={first['next_cursor']}")).json()
        assert [row["id"] for page in (first, rest) for row in page["data"]] == everyone == sorted(everyone)

    async def test_of_two_who_decide_at_once_one_does(
        self, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        await ask(client, given_name="Gracia")
        (change,) = await queue(practice)
        path = f"/v1/client-changes/{change['id']}"
        answers = await asyncio.gather(*(practice.owner.post(f"{path}/{v}") for v in ("accept", "reject") * 2))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        winner = next(answer.json()["state"] for answer in answers if answer.status_code == 200)
        assert (await in_chart(practice, chart, "given_name") == "Gracia") is (winner == "accepted")

    @pytest.mark.parametrize("field", ["date_of_birth", "email"])
    async def test_what_other_peoples_access_hangs_on_is_always_looked_at(self, practice: Practice, field: str) -> None:
        """A09, A10: who may act for a client, and who may sign in as one, is no client's to change alone."""
        group = "demographics" if field == "date_of_birth" else "contact"
        rule = {"client_information": {group: {"fields": {field: {"review": False}}}}}
        refused = await practice.owner.patch("/v1/practice/onboarding", rule)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "always_reviewed")

    async def test_the_practice_says_what_it_looks_at(
        self, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        rules = {"profile": {"fields": {"preferred_name": {"review": True}, "middle_name": {"review": False}}}}
        await practice.owner.patch("/v1/practice/onboarding", {"client_information": rules})
        assert (await ask(client, preferred_name="Gracie", middle_name="Ann"))["pending"] == ["preferred_name"]
        assert await in_chart(practice, chart, "middle_name") == "Ann"
