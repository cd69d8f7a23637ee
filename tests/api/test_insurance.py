"""Insurance policies: entered by clients, reviewed by staff (F7.M4)."""

from typing import Any

import pytest

from portal_api.core.access import GrantPermission, Role
from tests.entry import open_practice
from tests.people import client_login, colleague
from tests.world import Caller, Practice, World

ADD = (GrantPermission.INSURANCE_ADD.value,)
CARD = {"payer": "Blue Harbor Health", "member_id": "W123456789"}


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


@pytest.fixture
async def chart(world: World, practice: Practice) -> dict[str, Any]:
    return await world.client(practice.owner, practitioner_ids=[practice.staff_id])


@pytest.fixture
async def client(world: World, practice: Practice, chart: dict[str, Any]) -> Caller:
    return await client_login(world, practice, chart["id"])


async def entered(caller: Caller, **fields: Any) -> dict[str, Any]:
    response = await caller.post("/v1/me/insurance-policies", CARD | fields)
    assert response.status_code == 201, response.text
    policy: dict[str, Any] = response.json()
    return policy


async def ids(caller: Caller, path: str) -> list[str]:
    response = await caller.get(path)
    assert response.status_code == 200, response.text
    return [row["id"] for row in response.json()["data"]]


class TestClients:
    async def test_what_is_on_the_card_waits_for_staff(
        self, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        policy = await entered(client, effective_date="2026-01-01", group_number="G 7")
        assert (policy["state"], policy["type"], policy["relationship"]) == ("unreviewed", "primary", "self")
        assert await ids(practice.owner, f"/v1/clients/{chart['id']}/insurance-policies") == [policy["id"]]

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"payer": ""}, "/payer"),
            ({"member_id": None}, "/member_id"),
            ({"relationship": "child"}, "/subscriber"),
            ({"subscriber": {"given_name": "Pat", "family_name": "Client"}}, "/subscriber"),
            ({"effective_date": "2026-01-02", "end_date": "2026-01-01"}, "/end_date"),
            ({"effective_date": "01/02/2026"}, "/effective_date"),
            ({"type": "fourth"}, "/type"),
            ({"state": "accepted"}, "/state"),
        ],
    )
    async def test_bad_input_is_named(self, client: Caller, fields: dict[str, Any], pointer: str) -> None:
        refused = await client.post("/v1/me/insurance-policies", CARD | fields)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), refused.text

    async def test_it_can_be_corrected_until_it_is_accepted(self, practice: Practice, client: Caller) -> None:
        policy = await entered(client)
        mine, theirs = f"/v1/me/insurance-policies/{policy['id']}", f"/v1/insurance-policies/{policy['id']}"
        rejected = await practice.owner.post(f"{theirs}/reject", {"reason": "The number is cut off."})
        assert rejected.json()["state"] == "rejected"
        assert (await client.get(mine)).json()["rejection_reason"] == "The number is cut off."
        corrected = await client.patch(mine, {"member_id": "W1"})
        assert (corrected.json()["state"], corrected.json()["rejection_reason"]) == ("unreviewed", None)
        assert (await practice.owner.post(f"{theirs}/accept")).json()["state"] == "accepted"
        for refused in (await client.patch(mine, {"member_id": "W2"}), await client.delete(mine)):
            assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (
                *(409, "invalid_state"),
                "accepted",
            )
        assert (await client.get(mine)).json()["member_id"] == "W1"

    async def test_it_can_be_taken_back(self, practice: Practice, chart: dict[str, Any], client: Caller) -> None:
        policy = await entered(client)
        assert (await client.delete(f"/v1/me/insurance-policies/{policy['id']}")).status_code == 204
        assert await ids(client, "/v1/me/insurance-policies") == []
        kept = await practice.owner.get(f"/v1/insurance-policies/{policy['id']}")
        assert kept.json()["state"] == "withdrawn"
        assert (await practice.owner.post(f"/v1/insurance-policies/{policy['id']}/accept")).status_code == 409

    async def test_there_are_not_endlessly_many(self, client: Caller) -> None:
        for _ in range(20):
            await entered(client)
        refused = await client.post("/v1/me/insurance-policies", CARD)
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_policies")

    async def test_a_retry_enters_it_once(self, client: Caller) -> None:
        key = {"Idempotency-Key": "the-card"}
        one, two = [await client.post("/v1/me/insurance-policies", CARD, headers=key) for _ in range(2)]
        assert one.json()["id"] == two.json()["id"]
        assert len(await ids(client, "/v1/me/insurance-policies")) == 1


class TestGuardians:
    async def test_it_takes_the_permission(self, world: World, practice: Practice, chart: dict[str, Any]) -> None:
        """F6.M1."""
        guardian = await client_login(world, practice, chart["id"], "parent", ("appointments.view",))
        assert (await guardian.post("/v1/me/insurance-policies", CARD)).status_code == 403
        assert (await guardian.get("/v1/me/insurance-policies")).status_code == 403

    async def test_one_guardian_does_not_see_the_policy_of_the_other(
        self, world: World, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        """F6.M3: it names its subscriber. The client sees all of them."""
        one, other = [await client_login(world, practice, chart["id"], "parent", ADD) for _ in range(2)]
        subscriber = {"given_name": "Pat", "family_name": "Person"}
        policy = await entered(one, relationship="child", subscriber=subscriber)
        assert await ids(one, "/v1/me/insurance-policies") == [policy["id"]]
        assert await ids(other, "/v1/me/insurance-policies") == []
        path = f"/v1/me/insurance-policies/{policy['id']}"
        for refused in (await other.get(path), await other.patch(path, {}), await other.delete(path)):
            assert refused.status_code == 404
        assert await ids(client, "/v1/me/insurance-policies") == [policy["id"]]


class TestStaff:
    async def test_what_staff_enter_is_accepted(
        self, practice: Practice, chart: dict[str, Any], client: Caller
    ) -> None:
        made = await practice.owner.post(f"/v1/clients/{chart['id']}/insurance-policies", CARD)
        assert (made.status_code, made.json()["state"]) == (201, "accepted")
        refused = await client.patch(f"/v1/me/insurance-policies/{made.json()['id']}", {"member_id": "W2"})
        assert refused.status_code == 409
        changed = await practice.owner.patch(f"/v1/insurance-policies/{made.json()['id']}", {"member_id": "W2"})
        assert (changed.json()["member_id"], changed.json()["state"]) == ("W2", "accepted")

    async def test_billers_review_and_schedulers_read(self, world: World, practice: Practice, client: Caller) -> None:
        """F20.M1."""
        policy = await entered(client)
        path = f"/v1/insurance-policies/{policy['id']}"
        scheduler, _ = await colleague(world, practice, Role.SCHEDULER)
        assert (await scheduler.get(path)).status_code == 200
        assert (await scheduler.post(f"{path}/accept")).status_code == 403
        biller, _ = await colleague(world, practice, Role.BILLER)
        assert (await biller.post(f"{path}/accept")).json()["state"] == "accepted"
        stranger, _ = await colleague(world, practice, Role.PRACTITIONER)
        assert (await stranger.get(path)).status_code == 404

    async def test_a_stale_copy_is_refused(self, practice: Practice, client: Caller) -> None:
        policy = await entered(client)
        await client.patch(f"/v1/me/insurance-policies/{policy['id']}", {"member_id": "W2"})
        stale = await practice.owner.post(
            f"/v1/insurance-policies/{policy['id']}/accept", headers={"If-Match": f'"v{policy["version"]}"'}
        )
        assert (stale.status_code, stale.json()["current"]["member_id"]) == (412, "W2")
