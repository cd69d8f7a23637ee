"""Who has lost their second factor and every recovery code is let in again by people, not by a mail."""

from typing import Any

import httpx
import pytest

from tests.api.auth.conftest import Sql
from tests.authenticator import enrol
from tests.entry import client_login, open_practice, staff
from tests.world import PASSWORD, Caller, Practice, World


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


def of_client(client: dict[str, Any]) -> str:
    return f"/v1/clients/{client['id']}/reset-second-factor"


def of_staff(staff_id: str) -> str:
    return f"/v1/practice/staff/{staff_id}/reset-second-factor"


async def log_in(world: World, practice: Practice, email: str) -> httpx.Response:
    body = {"practice": practice.id, "email": email, "password": PASSWORD}
    return await world.http.post("/v1/auth/login", json=body)


async def events(practice: Practice) -> list[dict[str, Any]]:
    found = await practice.owner.get("/v1/audit-events", params={"type": "second_factor.reset"})
    rows: list[dict[str, Any]] = found.json()["data"]
    return rows


class TestOfAClient:
    async def test_it_is_taken_away_and_the_person_is_told(self, world: World, practice: Practice) -> None:
        """F15.M2, A36: the password alone signs in, every session is over, the trail says who did it and why."""
        client, caller = await client_login(world, practice)
        _, codes = await enrol(world, caller)
        access = await practice.owner.get(f"/v1/clients/{client['id']}/portal-access")
        assert access.json()["login"]["second_factor_enabled"] is True
        assert (await log_in(world, practice, client["email"])).json()["code"] == "otp_required"

        done = await practice.owner.post(of_client(client), {"reason": "came in with a passport"})
        assert done.status_code == 204, done.text
        assert (await caller.get("/v1/me")).status_code == 401
        renewed = await world.http.post("/v1/auth/refresh", json={"refresh_token": caller.refresh_token})
        assert renewed.status_code == 401
        assert (await log_in(world, practice, client["email"])).status_code == 200
        assert codes[0] not in (await world.mail(client["email"], "second factor")).text

        [event] = await events(practice)
        assert event["reason"] == "came in with a passport"
        assert event["actor_id"] == practice.owner.account["id"]
        assert event["client_ids"] == [client["id"]]

    async def test_where_it_is_demanded_a_new_one_comes_first(self, world: World, practice: Practice, sql: Sql) -> None:
        client, caller = await client_login(world, practice)
        await enrol(world, caller)
        sql("UPDATE portal_settings SET second_factor = 'everyone' WHERE practice_id = %s", practice.id)
        await enrol(world, practice.owner)
        assert (await practice.owner.post(of_client(client))).status_code == 204
        again = await world.sign_in(practice.id, client["email"])
        refused = await again.get("/v1/practitioners")
        assert refused.json()["code"] == "second_factor_enrolment_required"
        await enrol(world, again)
        assert (await again.get("/v1/practitioners")).status_code == 200

    async def test_it_takes_a_fresh_proof_of_who_asks(self, world: World, practice: Practice, sql: Sql) -> None:
        client, caller = await client_login(world, practice)
        await enrol(world, caller)
        sql("UPDATE auth_session SET authenticated_at = now() - interval '1 hour' WHERE practice_id = %s", practice.id)
        refused = await practice.owner.post(of_client(client))
        assert (refused.status_code, refused.json()["code"]) == (403, "reauthentication_required")
        assert (await practice.owner.post("/v1/auth/reauthenticate", {"password": PASSWORD})).status_code == 204
        assert (await practice.owner.post(of_client(client))).status_code == 204

    async def test_the_assigned_practitioner_may_and_another_does_not_see_the_client(
        self, world: World, practice: Practice
    ) -> None:
        client, caller = await client_login(world, practice)
        await enrol(world, caller)
        staff_id, mine = await staff(world, practice, "practitioner")
        _, other = await staff(world, practice, "practitioner")
        _, scheduler = await staff(world, practice, "scheduler")
        await practice.owner.patch(f"/v1/clients/{client['id']}", {"practitioner_ids": [staff_id]})
        assert (await other.post(of_client(client))).status_code == 404
        assert (await scheduler.post(of_client(client))).status_code == 403
        assert (await caller.post(of_client(client))).status_code == 403
        assert (await mine.post(of_client(client))).status_code == 204

    async def test_without_a_factor_or_a_login_there_is_nothing_to_reset(
        self, world: World, practice: Practice
    ) -> None:
        client, _ = await client_login(world, practice)
        none = await practice.owner.post(of_client(client))
        assert (none.status_code, none.json()["code"], none.json()["state"]) == (409, "invalid_state", "disabled")
        no_login = await practice.owner.post(of_client(await world.client(practice.owner)))
        assert (no_login.status_code, no_login.json()["code"]) == (409, "no_login")


class TestOfAColleague:
    async def enrolled(self, world: World, practice: Practice, *roles: str) -> tuple[str, Caller]:
        staff_id, caller = await staff(world, practice, *roles)
        await enrol(world, caller)
        return staff_id, caller

    async def test_an_admin_takes_it_away(self, world: World, practice: Practice) -> None:
        _, admin = await staff(world, practice, "admin")
        staff_id, caller = await self.enrolled(world, practice, "practitioner")
        assert (await admin.get(f"/v1/practice/staff/{staff_id}")).json()["second_factor_enabled"] is True
        assert (await admin.post(of_staff(staff_id))).status_code == 204
        assert (await caller.get("/v1/me")).status_code == 401
        assert (await log_in(world, practice, caller.account["email"])).status_code == 200
        assert (await admin.get(f"/v1/practice/staff/{staff_id}")).json()["second_factor_enabled"] is False
        assert await world.mail(caller.account["email"], "second factor")

    async def test_an_owners_only_by_an_owner(self, world: World, practice: Practice) -> None:
        _, admin = await staff(world, practice, "admin")
        staff_id, _ = await self.enrolled(world, practice, "owner")
        refused = await admin.post(of_staff(staff_id))
        assert (refused.status_code, refused.json()["code"]) == (403, "owner_required")
        assert (await practice.owner.post(of_staff(staff_id))).status_code == 204

    async def test_nobody_takes_away_their_own(self, world: World, practice: Practice) -> None:
        """Whoever sits at an unattended device would do just that: removing one's own takes a code of it."""
        await enrol(world, practice.owner)
        refused = await practice.owner.post(of_staff(practice.staff_id))
        assert (refused.status_code, refused.json()["code"]) == (409, "own_account")

    async def test_a_practitioner_may_not(self, world: World, practice: Practice) -> None:
        staff_id, _ = await self.enrolled(world, practice, "practitioner")
        _, other = await staff(world, practice, "practitioner")
        assert (await other.post(of_staff(staff_id))).status_code == 403
