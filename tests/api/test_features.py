"""Feature switches at three levels, why they come out as they do, and that routes keep to them (F2)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import select

from portal_api.core.access import CLIENT_PERMISSIONS, Feature, Permission, Principal, Role
from portal_api.core.config import Settings
from portal_api.core.db import Binding, Read
from portal_api.models.audit import Event
from portal_api.models.clients import ClientAssignment
from portal_api.routers.deps import ReaderDep, SessionDep
from portal_api.services import features
from portal_api.web.access import requires
from portal_api.web.application import Application, surround
from portal_api.web.route import PortalRouter
from tests.people import client_login, colleague, grant
from tests.world import Caller, Practice, World

PRACTICE = "/v1/practice/features"
ALL = {
    "appointment_requests",
    "appointment_cancellation",
    "secure_messaging",
    "client_uploads",
    "online_payments",
    "video",
}


@dataclass
class Setting:
    """A practice with video, messaging and uploads on, and one client of its owner."""

    practice: Practice
    client_id: str

    @property
    def owner(self) -> Caller:
        return self.practice.owner

    @property
    def of_client(self) -> str:
        return f"/v1/clients/{self.client_id}/features"

    @property
    def of_practitioner(self) -> str:
        return f"/v1/practitioners/{self.practice.staff_id}/features"


@pytest.fixture
async def setting(world: World) -> Setting:
    practice = await world.practice()
    await practice.owner.post("/v1/practice/portal/enable", {"slug": f"harbor-{token_hex(5)}"})
    await practice.owner.patch(PRACTICE, {"video": True, "secure_messaging": True, "client_uploads": True})
    client = await world.client(practice.owner, practitioner_ids=[practice.staff_id])
    return Setting(practice, client["id"])


def on(response: httpx.Response) -> set[str]:
    assert response.status_code == 200, response.text
    return {name for name, enabled in response.json().items() if enabled}


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


class TestPractice:
    async def test_everything_is_off_until_somebody_chooses(self, world: World) -> None:
        practice = await world.practice()
        response = await practice.owner.get(PRACTICE)
        assert response.json() == dict.fromkeys(ALL, False)

    async def test_each_change_is_recorded_with_old_and_new_value(self, world: World) -> None:
        practice = await world.practice()
        for enabled in (True, True, False):
            await practice.owner.patch(PRACTICE, {"video": enabled})
        async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
            found = await session.scalars(select(Event).where(Event.type == "features.updated").order_by(Event.id))
            recorded = [(event.resource_type, event.details["video"]) for event in found]
        assert recorded == [
            ("practice", {"from": None, "to": True}),
            ("practice", {"from": True, "to": False}),
        ]

    async def test_online_payments_need_billing(self, world: World) -> None:
        practice = await world.practice()
        response = await practice.owner.patch(PRACTICE, {"online_payments": True, "video": True})
        assert refusal(response) == (409, "payments_not_configured")
        assert on(await practice.owner.get(PRACTICE)) == set()
        assert (await practice.owner.patch(PRACTICE, {"online_payments": False})).status_code == 200

    @pytest.mark.parametrize("body", [{"video": None}, {"video": 1}, {"vidoe": True}])
    async def test_a_switch_is_true_or_false(self, world: World, body: dict[str, Any]) -> None:
        practice = await world.practice()
        response = await practice.owner.patch(PRACTICE, body)
        assert response.json()["errors"][0]["pointer"] == f"/{next(iter(body))}"

    async def test_a_stale_copy_is_refused_with_the_current_one(self, world: World) -> None:
        """F2.B3"""
        practice = await world.practice()
        etag = (await practice.owner.get(PRACTICE)).headers["etag"]
        first = await practice.owner.patch(PRACTICE, {"video": True}, headers={"If-Match": etag})
        assert first.headers["etag"] != etag
        stale = await practice.owner.patch(PRACTICE, {"video": False}, headers={"If-Match": etag})
        assert refusal(stale) == (412, "precondition_failed")
        assert stale.json()["current"]["video"] is True

    async def test_only_owner_and_admin_write(self, world: World) -> None:
        practice = await world.practice()
        for role, status in ((Role.PRACTITIONER, 403), (Role.BILLER, 403), (Role.ADMIN, 200)):
            person, _ = await colleague(world, practice, role)
            assert (await person.get(PRACTICE)).status_code == 200
            assert (await person.patch(PRACTICE, {"video": True})).status_code == status


class TestPractitioner:
    async def test_narrows_and_takes_it_back(self, setting: Setting) -> None:
        assert on(await setting.owner.patch(setting.of_practitioner, {"video": False})) == {
            "secure_messaging",
            "client_uploads",
        }
        assert "video" not in on(await setting.owner.get(setting.of_client))
        assert "video" in on(await setting.owner.get(PRACTICE))
        assert "video" in on(await setting.owner.patch(setting.of_practitioner, {"video": None}))

    async def test_never_widens(self, setting: Setting) -> None:
        """F2.M6"""
        response = await setting.owner.patch(setting.of_practitioner, {"appointment_requests": True})
        assert refusal(response) == (409, "practice_feature_off")
        assert response.json()["feature"] == "appointment_requests"

    async def test_a_choice_outlives_the_practice_switching_off_and_on(self, setting: Setting) -> None:
        """F2.M5"""
        await setting.owner.patch(setting.of_practitioner, {"video": False})
        for enabled in (False, True):
            await setting.owner.patch(PRACTICE, {"video": enabled, "client_uploads": enabled})
        assert on(await setting.owner.get(setting.of_practitioner)) == {"secure_messaging", "client_uploads"}

    async def test_is_for_the_practitioner_and_administration(self, world: World, setting: Setting) -> None:
        person, own_id = await colleague(world, setting.practice, Role.PRACTITIONER)
        admin, _ = await colleague(world, setting.practice, Role.ADMIN)
        assert refusal(await person.patch(setting.of_practitioner, {"video": False})) == (403, "forbidden")
        assert (await person.get(setting.of_practitioner)).status_code == 200
        own = f"/v1/practitioners/{own_id}/features"
        assert "video" not in on(await person.patch(own, {"video": False}))
        assert "video" in on(await admin.patch(own, {"video": True}))

    async def test_a_stale_copy_is_refused(self, setting: Setting) -> None:
        etag = (await setting.owner.get(setting.of_practitioner)).headers["etag"]
        await setting.owner.patch(setting.of_practitioner, {"video": False}, headers={"If-Match": etag})
        stale = await setting.owner.patch(setting.of_practitioner, {"video": True}, headers={"If-Match": etag})
        assert stale.status_code == 412

    async def test_of_another_practice_is_not_found(self, world: World, setting: Setting) -> None:
        other = await world.practice()
        for method, body in (("GET", None), ("PATCH", {"video": False})):
            response = await other.owner.request(method, setting.of_practitioner, json=body)
            assert refusal(response) == (404, "not_found")


class TestClient:
    async def test_narrows_and_takes_it_back(self, setting: Setting) -> None:
        assert "video" not in on(await setting.owner.patch(setting.of_client, {"video": False}))
        assert "video" not in on(await setting.owner.get(setting.of_client))
        assert "video" in on(await setting.owner.get(setting.of_practitioner))
        assert "video" in on(await setting.owner.patch(setting.of_client, {"video": None}))

    async def test_never_widens(self, setting: Setting) -> None:
        """F2.M6"""
        response = await setting.owner.patch(setting.of_client, {"appointment_requests": True})
        assert refusal(response) == (409, "practice_feature_off")
        await setting.owner.patch(setting.of_practitioner, {"video": False})
        response = await setting.owner.patch(setting.of_client, {"video": True})
        assert refusal(response) == (409, "practitioner_feature_off")

    async def test_one_of_several_practitioners_is_enough(self, world: World, setting: Setting) -> None:
        _, second = await colleague(world, setting.practice, Role.PRACTITIONER)
        both = {"practitioner_ids": [setting.practice.staff_id, second]}
        await setting.owner.patch(f"/v1/clients/{setting.client_id}", both)
        await setting.owner.patch(setting.of_practitioner, {"video": False})
        assert "video" in on(await setting.owner.get(setting.of_client))
        await setting.owner.patch(f"/v1/practitioners/{second}/features", {"video": False})
        assert "video" not in on(await setting.owner.get(setting.of_client))
        await setting.owner.patch(f"/v1/clients/{setting.client_id}", {"practitioner_ids": []})
        assert "video" in on(await setting.owner.get(setting.of_client))

    async def test_is_for_those_who_work_with_the_client(self, world: World, setting: Setting) -> None:
        stranger, stranger_id = await colleague(world, setting.practice, Role.PRACTITIONER)
        biller, _ = await colleague(world, setting.practice, Role.BILLER)
        assert refusal(await stranger.get(setting.of_client)) == (404, "not_found")
        assert refusal(await stranger.patch(setting.of_client, {"video": False})) == (404, "not_found")
        assert refusal(await biller.get(setting.of_client)) == (403, "forbidden")
        assert refusal(await biller.patch(setting.of_client, {"video": False})) == (403, "forbidden")
        await setting.owner.patch(f"/v1/clients/{setting.client_id}", {"practitioner_ids": [stranger_id]})
        assert "video" not in on(await stranger.patch(setting.of_client, {"video": False}))
        assert "video" not in on(await stranger.get(setting.of_client))

    async def test_a_biller_who_is_practitioner_too_changes_only_their_own_clients(
        self, world: World, setting: Setting
    ) -> None:
        both, _ = await colleague(world, setting.practice, Role.BILLER, Role.PRACTITIONER)
        assert refusal(await both.patch(setting.of_client, {"video": False})) == (403, "forbidden")

    async def test_a_stale_copy_is_refused(self, setting: Setting) -> None:
        etag = (await setting.owner.get(setting.of_client)).headers["etag"]
        await setting.owner.patch(setting.of_client, {"video": False}, headers={"If-Match": etag})
        stale = await setting.owner.patch(setting.of_client, {"video": True}, headers={"If-Match": etag})
        assert stale.status_code == 412

    async def test_of_another_practice_is_not_found(self, world: World, setting: Setting) -> None:
        other = await world.practice()
        for method, path in (("GET", ""), ("PATCH", ""), ("GET", "/explain")):
            body = {"video": False} if method == "PATCH" else None
            response = await other.owner.request(method, setting.of_client + path, json=body)
            assert refusal(response) == (404, "not_found")


class TestExplain:
    async def test_tells_every_gate_its_value_who_set_it_and_when(self, world: World, setting: Setting) -> None:
        """F2.B1"""
        admin, _ = await colleague(world, setting.practice, Role.ADMIN)
        await admin.patch(setting.of_practitioner, {"video": False})
        guardian = await client_login(world, setting.practice, setting.client_id, "parent", ("messages",))
        got = (await setting.owner.get(f"{setting.of_client}/explain")).json()
        assert (got["portal_enabled"], got["portal_state"]) == (True, "none")
        assert set(got["features"]) == ALL
        video = got["features"]["video"]
        assert video["allowed"] is False
        assert [(gate["gate"], gate["value"]) for gate in video["gates"]] == [
            ("practice", True),
            ("practitioner", False),
            ("client", True),
            ("grant", False),
        ]
        practice, practitioner, client, person = video["gates"]
        assert practice["set_by"] == {"id": setting.owner.account["id"], "name": "Ada Harbor"}
        assert practitioner["set_by"] == {"id": admin.account["id"], "name": "Pat Person"}
        assert practitioner["subject"] == {"id": setting.practice.staff_id, "name": "Ada Harbor"}
        assert practitioner["set_at"] is not None
        assert (client["set_by"], client["set_at"]) == (None, None)
        assert person["subject"]["id"] == guardian.account["id"]
        messaging = got["features"]["secure_messaging"]
        assert messaging["allowed"] is True
        assert messaging["gates"][-1]["value"] is True

    async def test_agrees_with_what_the_client_can_do(self, world: World, setting: Setting) -> None:
        client = await client_login(world, setting.practice, setting.client_id)
        await setting.owner.patch(setting.of_practitioner, {"video": False})
        await setting.owner.patch(setting.of_client, {"client_uploads": False})
        explained = (await setting.owner.get(f"{setting.of_client}/explain")).json()["features"]
        profile = (await client.get("/v1/me/capabilities")).json()["profiles"][0]
        assert {name: told["allowed"] for name, told in explained.items()} == profile["features"]
        assert profile["features"] == (await setting.owner.get(setting.of_client)).json()

    async def test_is_for_staff_who_see_the_client(self, world: World, setting: Setting) -> None:
        client = await client_login(world, setting.practice, setting.client_id)
        stranger, _ = await colleague(world, setting.practice, Role.PRACTITIONER)
        scheduler, _ = await colleague(world, setting.practice, Role.SCHEDULER)
        path = f"{setting.of_client}/explain"
        assert refusal(await client.get(path)) == (403, "forbidden")
        assert refusal(await stranger.get(path)) == (404, "not_found")
        assert (await scheduler.get(path)).status_code == 200


class TestCapabilities:
    async def test_an_own_login_has_all_that_is_on(self, world: World, setting: Setting) -> None:
        """F2.M2"""
        client = await client_login(world, setting.practice, setting.client_id)
        got = (await client.get("/v1/me/capabilities")).json()
        profile = got["profiles"][0]
        assert (profile["client_id"], profile["relationship"]) == (setting.client_id, "self")
        assert {n for n, v in profile["features"].items() if v} == {"video", "secure_messaging", "client_uploads"}
        assert {name for name, held in profile["permissions"].items() if not held} == {
            "appointments.book",
            "appointments.cancel",
            "billing.pay",
        }
        assert {name for name, held in got["permissions"].items() if held} == CLIENT_PERMISSIONS

    async def test_a_guardian_has_what_each_grant_allows(self, world: World, setting: Setting) -> None:
        sibling = await world.client(setting.owner)
        guardian = await client_login(world, setting.practice, setting.client_id, "parent", ("messages",))
        await grant(world, setting.practice, guardian.account["id"], sibling["id"], "parent", ("documents.upload",))
        profiles = (await guardian.get("/v1/me/capabilities")).json()["profiles"]
        found = {p["client_id"]: {name for name, held in p["features"].items() if held} for p in profiles}
        assert found == {setting.client_id: {"secure_messaging"}, sibling["id"]: {"client_uploads"}}
        assert {n for n, v in profiles[0]["permissions"].items() if v} in ({"messages"}, {"documents.upload"})

    async def test_staff_have_the_permissions_of_their_roles(self, world: World, setting: Setting) -> None:
        biller, _ = await colleague(world, setting.practice, Role.BILLER)
        got = (await biller.get("/v1/me/capabilities")).json()
        assert got["profiles"] == []
        assert set(got["permissions"]) == set(Permission)
        assert got["permissions"]["clients:read"] is True
        assert got["permissions"]["features:manage"] is False


MayMessage = Annotated[Principal, requires(Permission.ACCOUNT_SELF, feature=Feature.SECURE_MESSAGING)]
MayAsStaff = Annotated[Principal, requires(Permission.CLIENTS_READ)]
ASSIGNED = Read(select(ClientAssignment.client_id))
threads = PortalRouter(prefix="/v1/threads", tag="threads")


class ThreadCreate(BaseModel):
    client_id: UUID | None = None


@threads.get("")
async def list_threads(reader: ReaderDep, principal: MayMessage) -> Any:
    """What the caller acts for, and what the database lets them see."""
    seen = await reader.rows(ASSIGNED)
    return {"acts_for": principal.client_ids, "sees": [row["client_id"] for row in seen]}


@threads.post("", status_code=201)
async def create_thread(data: ThreadCreate, session: SessionDep, principal: MayMessage) -> Any:
    profile = principal.profile(data.client_id)
    seen = await session.rows(ASSIGNED)
    return {"client_id": profile.client_id, "sees": [row["client_id"] for row in seen]}


@threads.post("/of/{client_id}", status_code=201)
async def write_to_client(client_id: UUID, session: SessionDep, principal: MayAsStaff) -> Any:
    await features.require(session, principal, client_id, Feature.SECURE_MESSAGING)
    return {"client_id": client_id}


@pytest.fixture
async def small(app: FastAPI, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An application of the three routes above, with the real gatekeeper and the real database."""
    application = Application()
    application.router.routes.extend(threads.routes)
    application.state.gatekeeper = app.state.gatekeeper
    surround(application, settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://portal.test") as client:
        yield client


def through(http: httpx.AsyncClient, caller: Caller) -> Caller:
    return Caller(http, caller.access_token, caller.refresh_token, caller.account)


class TestEnforcement:
    async def test_off_refuses_reads_and_writes_at_once_and_on_restores(
        self, world: World, setting: Setting, small: httpx.AsyncClient
    ) -> None:
        """F2.M3, F2.M4, A12, A13"""
        client = through(small, await client_login(world, setting.practice, setting.client_id))
        gates = [PRACTICE, setting.of_practitioner, setting.of_client]
        for gate in gates:
            assert (await client.get("/v1/threads")).status_code == 200
            assert (await client.post("/v1/threads", {})).status_code == 201
            await setting.owner.patch(gate, {"secure_messaging": False})
            for response in (await client.get("/v1/threads"), await client.post("/v1/threads", {})):
                assert refusal(response) == (403, "feature_disabled")
                assert response.json()["feature"] == "secure_messaging"
                assert "gate" not in response.json()
            await setting.owner.patch(gate, {"secure_messaging": True})

    async def test_staff_are_not_bound_by_what_clients_may_do(self, setting: Setting, small: httpx.AsyncClient) -> None:
        """A12"""
        await setting.owner.patch(PRACTICE, {"secure_messaging": False})
        response = await through(small, setting.owner).get("/v1/threads")
        assert response.json()["sees"] == [setting.client_id]

    async def test_staff_are_told_which_gate_is_off(self, setting: Setting, small: httpx.AsyncClient) -> None:
        owner = through(small, setting.owner)
        path = f"/v1/threads/of/{setting.client_id}"
        assert (await owner.post(path)).status_code == 201
        await setting.owner.patch(setting.of_client, {"secure_messaging": False})
        response = await owner.post(path)
        assert refusal(response) == (403, "feature_disabled")
        assert (response.json()["feature"], response.json()["gate"]) == ("secure_messaging", "client")

    async def test_who_acts_for_several_goes_on_with_those_who_have_it(
        self, world: World, setting: Setting, small: httpx.AsyncClient
    ) -> None:
        sibling = await world.client(setting.owner, practitioner_ids=[setting.practice.staff_id])
        parent = await client_login(world, setting.practice, setting.client_id, "parent", ("messages",))
        await grant(world, setting.practice, parent.account["id"], sibling["id"], "parent", ("documents.upload",))
        parent = through(small, parent)
        expected = {"acts_for": [setting.client_id], "sees": [setting.client_id]}
        assert (await parent.get("/v1/threads")).json() == expected
        created = await parent.post("/v1/threads", {"client_id": setting.client_id})
        assert created.json() == {"client_id": setting.client_id, "sees": [setting.client_id]}
        withheld = await parent.post("/v1/threads", {"client_id": sibling["id"]})
        assert refusal(withheld) == (403, "feature_disabled")
        stranger = await world.client(setting.owner)
        assert refusal(await parent.post("/v1/threads", {"client_id": stranger["id"]})) == (404, "not_found")
        unsaid = await parent.post("/v1/threads", {})
        assert unsaid.json()["errors"][0]["pointer"] == "/client_id"

    async def test_who_acts_for_nobody_has_no_feature(
        self, world: World, setting: Setting, small: httpx.AsyncClient
    ) -> None:
        client = await client_login(world, setting.practice, setting.client_id)
        await setting.owner.post(f"/v1/clients/{setting.client_id}/archive")
        assert refusal(await through(small, client).get("/v1/threads")) == (403, "no_portal_access")
