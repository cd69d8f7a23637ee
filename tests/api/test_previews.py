"""Looking at the portal through a client's eyes (F16)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from portal_api.core.access import Feature, GrantPermission, Role
from tests import people
from tests.api.documents.shelf import PDF
from tests.api.messages.desk import open_desk
from tests.cast import House
from tests.world import PASSWORD, Caller, Practice, World

Sql = Callable[..., list[Any]]
EVERYTHING = {feature.value: True for feature in Feature if feature is not Feature.ONLINE_PAYMENTS}


async def look(staff: Caller, client_id: str, **body: Any) -> Caller:
    """Someone who looks as the client."""
    answer = await staff.post(f"/v1/clients/{client_id}/view-as", body)
    assert answer.status_code == 201, answer.text
    begun = answer.json()
    return Caller(staff.http, begun["access_token"], None, begun)


@pytest.fixture
async def practice(world: World) -> Practice:
    made = await world.practice()
    assert (await made.owner.post("/v1/practice/portal/enable", {"slug": f"h-{made.id[-12:]}"})).is_success
    return made


@pytest.fixture
async def client(world: World, practice: Practice) -> dict[str, Any]:
    return await world.client(practice.owner)


class TestLooking:
    async def test_the_answer_says_who_looks_as_whom_and_for_how_long(
        self, practice: Practice, client: dict[str, Any]
    ) -> None:
        """F16.M2"""
        begun = (await look(practice.owner, client["id"], reason="Help on the telephone")).account
        assert begun["act"] == {"sub": practice.owner.account["id"]}
        assert (begun["client_id"], begun["relationship"], begun["read_only"]) == (client["id"], "self", True)
        assert begun["expires_in"] == 600
        assert client["family_name"] in begun["banner"]

    async def test_it_sees_what_the_client_sees(self, world: World, practice: Practice, client: dict[str, Any]) -> None:
        own = await people.client_login(world, practice, client["id"])
        looking = await look(practice.owner, client["id"])
        for path in ("/v1/me/capabilities", "/v1/me/home", "/v1/me/appointments", "/v1/practitioners"):
            theirs, seen = await own.get(path), await looking.get(path)
            assert (seen.status_code, seen.json()) == (theirs.status_code, theirs.json()), path
        me = (await looking.get("/v1/me")).json()
        assert (me["id"], me["kind"]) == (own.account["id"], "client")
        assert me["act"] == {"sub": practice.owner.account["id"]}
        assert (await own.get("/v1/me")).json()["act"] is None

    async def test_a_client_without_a_login_can_be_looked_at(self, practice: Practice, client: dict[str, Any]) -> None:
        looking = await look(practice.owner, client["id"])
        me = (await looking.get("/v1/me")).json()
        assert (me["given_name"], me["email_verified"]) == (client["given_name"], False)
        home = (await looking.get("/v1/me/home")).json()
        assert home["account"]["given_name"] == client["given_name"]
        assert [profile["client_id"] for profile in home["profiles"]] == [client["id"]]

    async def test_nothing_can_be_changed(self, world: World, practice: Practice, client: dict[str, Any]) -> None:
        """F16.M2: no signing, no paying, no messages, nothing."""
        await people.client_login(world, practice, client["id"])
        looking = await look(practice.owner, client["id"])
        for method, path in (
            ("PATCH", "/v1/me"),
            ("DELETE", "/v1/me/sessions/018f0000-0000-7000-8000-000000000000"),
            ("POST", "/v1/me/appointment-requests"),
            ("PUT", "/v1/me/password"),
            ("POST", "/v1/auth/logout"),
        ):
            answer = await looking.request(method, path, json={})
            assert (answer.status_code, answer.json()["code"]) == (403, "preview_reads_only"), path

    async def test_it_has_a_copy_and_no_stream(self, practice: Practice, client: dict[str, Any]) -> None:
        """F16.M2: a stream is of a session; what one looks at through other eyes ends with the look."""
        looking = await look(practice.owner, client["id"])
        assert (await looking.get("/v1/sync")).status_code == 200
        refused = await looking.get("/v1/stream", params={"follow": False})
        assert (refused.status_code, refused.json()["code"]) == (403, "no_live_preview")

    async def test_conversations_are_for_the_roles_of_who_looks(self, world: World) -> None:
        """F12.M2, F16.M2: nobody reads by looking what their own role does not let them read."""
        desk = await open_desk(world)
        thread = await desk.begin()
        admin, _ = await people.colleague(world, desk.practice, Role.ADMIN)
        for staff, subjects in ((admin, []), (desk.clinician, ["Tuesday"])):
            looking = await look(staff, desk.client_id)
            seen = (await looking.get("/v1/me/threads")).json()["data"]
            assert [each["subject"] for each in seen] == subjects
            status = 200 if subjects else 404
            assert (await looking.get(f"/v1/me/threads/{thread['id']}/messages")).status_code == status
            copy = (await looking.get("/v1/sync")).json()["upserts"]
            assert [each["resource"]["subject"] for each in copy if each["type"] == "thread"] == subjects
        await desk.write(thread)
        home = (await (await look(admin, desk.client_id)).get("/v1/me/home")).json()
        assert home["unread"]["messages"] == 0

    async def test_a_copy_is_of_who_looks(self, world: World) -> None:
        """F19.M1: neither the client nor a colleague goes on from it."""
        desk = await open_desk(world)
        looking, other = await look(desk.owner, desk.client_id), await look(desk.clinician, desk.client_id)
        cursor = (await looking.get("/v1/sync")).json()["cursor"]
        assert (await looking.get("/v1/sync", params={"cursor": cursor})).status_code == 200
        for caller in (other, desk.client, desk.owner):
            assert (await caller.get("/v1/sync", params={"cursor": cursor})).json()["code"] == "invalid_cursor"

    async def test_it_sees_nobody_else(self, world: World, practice: Practice, client: dict[str, Any]) -> None:
        other = await world.client(practice.owner)
        looking = await look(practice.owner, client["id"])
        assert (await looking.get("/v1/clients")).status_code == 403
        answer = await looking.get("/v1/me/appointments", params={"client_id": other["id"]})
        assert answer.status_code == 404


class TestAsAGuardian:
    async def test_before_anything_is_granted(self, practice: Practice, client: dict[str, Any]) -> None:
        """F16.B1"""
        asked = ["appointments.view", "appointments.view"]
        looking = await look(practice.owner, client["id"], permissions=asked, relationship="parent")
        (profile,) = (await looking.get("/v1/me")).json()["profiles"]
        assert (profile["relationship"], profile["permissions"]) == ("parent", ["appointments.view"])
        assert (await looking.get("/v1/me/appointments")).status_code == 200
        capabilities = (await looking.get("/v1/me/capabilities")).json()["profiles"][0]
        assert capabilities["permissions"]["appointments.view"] is True
        assert capabilities["permissions"]["messages"] is False

    async def test_nothing_that_is_the_clients_own(
        self, world: World, practice: Practice, client: dict[str, Any]
    ) -> None:
        """F16.B1, F6.M3: neither the client's account, nor threads, nor what the client uploaded for themselves."""
        own = await people.client_login(world, practice, client["id"])
        assert (await practice.owner.patch("/v1/practice/features", EVERYTHING)).is_success
        assert (await own.post("/v1/me/threads", {"subject": "Mine", "body": "Mine alone."})).status_code == 201
        files = {"file": ("mine.pdf", PDF, "application/pdf")}
        assert (await own.request("POST", "/v1/me/documents", files=files)).status_code == 201
        looking = await look(practice.owner, client["id"], permissions=list(GrantPermission))
        me = (await looking.get("/v1/me")).json()
        assert me["id"] != own.account["id"]
        assert me["email"] == ""
        for path in ("/v1/me/threads", "/v1/me/documents", "/v1/me/sessions"):
            answer = await looking.get(path)
            assert (answer.status_code, answer.json()["data"]) == (200, []), path
        assert (await looking.get("/v1/me/home")).status_code == 200

    async def test_a_guardian_there_is_with_what_is_left_of_the_permissions(
        self, world: World, practice: Practice, sql: Sql
    ) -> None:
        """F16.B1, F6.B1: their own threads, and no more than the age rules leave them."""
        house = House(world.app, world.http, UUID(practice.id))
        client_id = await house.client()
        guardian_id = await house.guardian_record(client_id)
        account_id, parent = await house.guardian(client_id)
        sql(
            "UPDATE guardian SET account_id = %s, grant_id = g.id FROM client_grant g"
            " WHERE guardian.id = %s AND g.account_id = %s",
            *(account_id, guardian_id, account_id),
        )
        assert (await practice.owner.patch("/v1/practice/features", EVERYTHING)).is_success
        assert (await parent.post("/v1/me/threads", {"subject": "Ours", "body": "Hello."})).status_code == 201
        looking = await look(practice.owner, str(client_id), guardian_id=str(guardian_id))
        assert (await looking.get("/v1/me")).json()["id"] == str(account_id)
        seen = (await looking.get("/v1/me/threads")).json()["data"]
        assert [thread["subject"] for thread in seen] == ["Ours"]
        sql(
            "UPDATE client_grant SET narrows_at = now(), narrowed_permissions = '{messages}' WHERE account_id = %s",
            account_id,
        )
        narrowed = await look(practice.owner, str(client_id), guardian_id=str(guardian_id))
        assert narrowed.account["permissions"] == ["messages"]

    async def test_one_view_at_a_time(self, practice: Practice, client: dict[str, Any]) -> None:
        path = f"/v1/clients/{client['id']}/view-as"
        foreign = "018f0000-0000-7000-8000-000000000000"
        for body, code in (
            ({"guardian_id": foreign, "permissions": []}, "one_view"),
            ({"relationship": "parent"}, "permissions_needed"),
            ({"permissions": [], "relationship": "self"}, "not_a_guardian"),
            ({"permissions": ["everything"]}, "enum"),
            ({"guardian_id": foreign}, "unknown_guardian"),
        ):
            answer = await practice.owner.post(path, body)
            assert answer.status_code == 422, body
            assert answer.json()["errors"][0]["code"] == code


class TestWho:
    async def test_only_who_works_with_the_client(
        self, world: World, practice: Practice, client: dict[str, Any]
    ) -> None:
        stranger, _ = await people.colleague(world, practice, Role.PRACTITIONER)
        biller, _ = await people.colleague(world, practice, Role.BILLER)
        path = f"/v1/clients/{client['id']}/view-as"
        assert (await stranger.post(path)).status_code == 404
        assert (await biller.post(path)).status_code == 403

    async def test_it_ends_with_the_assignment_and_with_the_session(
        self, world: World, practice: Practice, client: dict[str, Any]
    ) -> None:
        """Each request asks anew."""
        colleague, staff_id = await people.colleague(world, practice, Role.PRACTITIONER)
        path = f"/v1/clients/{client['id']}"
        assert (await practice.owner.patch(path, {"practitioner_ids": [staff_id]})).is_success
        looking, again = await look(colleague, client["id"]), await look(colleague, client["id"])
        assert (await looking.get("/v1/me")).status_code == 200
        assert (await practice.owner.patch(path, {"practitioner_ids": []})).is_success
        assert (await looking.get("/v1/me")).json()["code"] == "preview_ended"
        assert (await practice.owner.patch(path, {"practitioner_ids": [staff_id]})).is_success
        assert (await again.get("/v1/me")).status_code == 200
        assert (await colleague.post("/v1/auth/logout")).status_code == 204
        assert (await again.get("/v1/me")).json()["code"] == "preview_ended"

    @pytest.mark.parametrize("end", ["role", "suspended", "archived"])
    async def test_it_ends_with_what_it_rests_on(
        self, world: World, practice: Practice, client: dict[str, Any], end: str
    ) -> None:
        """F16.M2: the role, the colleague, the chart."""
        admin, staff_id = await people.colleague(world, practice, Role.ADMIN)
        looking = await look(admin, client["id"])
        assert (await looking.get("/v1/me/home")).status_code == 200
        member = f"/v1/practice/staff/{staff_id}"
        answer = await {
            "role": lambda: practice.owner.patch(member, {"roles": ["scheduler"]}),
            "suspended": lambda: practice.owner.post(f"{member}/suspend"),
            "archived": lambda: practice.owner.post(f"/v1/clients/{client['id']}/archive"),
        }[end]()
        assert answer.is_success, answer.text
        ended = await looking.get("/v1/me/home")
        assert (ended.status_code, ended.json()["code"]) == (401, "preview_ended")

    async def test_nobody_looks_as_a_client_who_is_archived(self, practice: Practice, client: dict[str, Any]) -> None:
        path = f"/v1/clients/{client['id']}"
        assert (await practice.owner.post(f"{path}/archive")).is_success
        refused = await practice.owner.post(f"{path}/view-as")
        assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (
            409,
            "invalid_state",
            "archived",
        )

    async def test_it_ends_by_itself(self, practice: Practice, client: dict[str, Any], sql: Sql) -> None:
        looking = await look(practice.owner, client["id"])
        sql("UPDATE preview SET expires_at = now() WHERE id = %s", looking.account["id"])
        answer = await looking.get("/v1/me")
        assert (answer.status_code, answer.json()["code"]) == (401, "preview_ended")


class TestTheRecord:
    async def test_both_see_who_looked(self, world: World, practice: Practice, client: dict[str, Any]) -> None:
        """F16.M2, F18.B1: staff in the audit trail, the client in the access history."""
        own = await people.client_login(world, practice, client["id"])
        looking = await look(practice.owner, client["id"])
        await looking.get("/v1/me/home")
        params = {"client_id": client["id"]}
        events = (await practice.owner.get("/v1/audit-events", params=params)).json()["data"]
        mine = [event for event in events if event["type"].startswith("preview.")]
        assert {event["type"] for event in mine} == {"preview.begun", "preview.read"}
        assert {event["actor_id"] for event in mine} == {practice.owner.account["id"]}
        assert {event["actor_kind"] for event in mine} == {"staff"}
        assert [event["on_behalf_of"] for event in mine if event["type"] == "preview.read"] == [client["id"]]
        history = (await own.get("/v1/me/access-history")).json()["data"]
        assert "preview.read" in {entry["type"] for entry in history}


class TestTheTestClient:
    async def test_there_is_one_however_often_it_is_asked_for(self, practice: Practice) -> None:
        """F16.M1"""
        first = (await practice.owner.post("/v1/practice/test-client")).json()
        again = (await practice.owner.post("/v1/practice/test-client")).json()
        assert first["is_test"] is True
        assert again["id"] == first["id"]

    async def test_it_is_there_as_soon_as_the_portal_is_on(self, world: World) -> None:
        """F16.M1: once, however often the portal is switched off and on."""
        practice = await world.practice()
        assert await clients_of(practice, is_test=True) == []
        for verb, body in (("enable", {"slug": f"h-{practice.id[-12:]}"}), ("disable", None), ("enable", {})):
            assert (await practice.owner.post(f"/v1/practice/portal/{verb}", body)).is_success
        (seeded,) = await clients_of(practice, is_test=True)
        assert (await practice.owner.post("/v1/practice/test-client")).json() == seeded
        assert (seeded["is_test"], seeded["portal_state"], seeded["email"]) == (True, "none", None)
        looking = await look(practice.owner, seeded["id"])
        assert (await looking.get("/v1/me/home")).json()["profiles"][0]["client_id"] == seeded["id"]

    async def test_it_is_no_client_of_the_practice(self, practice: Practice, client: dict[str, Any]) -> None:
        """F16.M1: neither in lists nor in what programs mirror, nor the likeness of anybody."""
        (seeded,) = await clients_of(practice, is_test=True)
        assert [each["id"] for each in await clients_of(practice)] == [client["id"]]
        assert await clients_of(practice, q=seeded["family_name"], is_test=False) == [client]
        assert [each["id"] for each in await clients_of(practice, updated_since="2020-01-01T00:00:00Z")] == [
            client["id"]
        ]
        copy = (await practice.owner.get("/v1/sync")).json()["upserts"]
        assert [each["id"] for each in copy if each["type"] == "client"] == [client["id"]]
        cursor = (await practice.owner.get("/v1/sync")).json()["cursor"]
        changed = await practice.owner.patch(f"/v1/clients/{seeded['id']}", {"preferred_name": "Tess"})
        assert changed.json()["is_test"] is True
        later = (await practice.owner.get("/v1/sync", params={"cursor": cursor})).json()
        assert (later["upserts"], later["tombstones"]) == ([], [])
        both = await practice.owner.get(
            "/v1/clients", params={"is_test": True, "updated_since": "2020-01-01T00:00:00Z"}
        )
        assert both.status_code == 422

    async def test_nobody_who_signs_up_is_taken_for_it(self, world: World, practice: Practice) -> None:
        """F5.M6, F16.M1"""
        assert (await practice.owner.patch("/v1/practice/portal", {"allow_client_signup": True})).is_success
        (seeded,) = await clients_of(practice, is_test=True)
        named = {name: seeded[name] for name in ("given_name", "family_name")}
        body = {"email": world.email("signup"), "password": PASSWORD, **named}
        slug = f"h-{practice.id[-12:]}"
        assert (await world.http.post(f"/v1/portals/{slug}/signup", json=body)).status_code == 202
        (prospect,) = (await practice.owner.get("/v1/prospects")).json()["data"]
        found = (await practice.owner.get(f"/v1/prospects/{prospect['id']}")).json()
        assert found["duplicate_candidates"] == []


async def clients_of(practice: Practice, **params: Any) -> list[dict[str, Any]]:
    answer = await practice.owner.get("/v1/clients", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found
