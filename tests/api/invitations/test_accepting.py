"""Accepting: once, by whom it is meant, and what follows from it."""

import asyncio
from typing import Any

import httpx
import pyotp
import pytest
from dirty_equals import IsStr
from sqlalchemy import select

from portal_api.core.access import GrantPermission
from portal_api.models.auth import Account
from portal_api.models.clients import ClientGrant
from portal_api.models.features import FeatureSetting
from portal_api.models.invitations import Invitation
from tests.entry import accept, add_staff, bound, client_login, invite, invited, open_practice, staff
from tests.world import PASSWORD, Practice, World

OTHER_PASSWORD = "seven green kites over town"


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


async def attempt(world: World, token: str, **fields: Any) -> httpx.Response:
    body = {"token": token, "password": PASSWORD, **fields}
    return await world.http.post("/v1/invitations/accept", json=body)


class TestOnce:
    async def test_the_answer_is_that_of_a_login_and_the_password_works_from_then_on(
        self, world: World, practice: Practice
    ) -> None:
        client, token = await invited(world, practice)
        caller = await accept(world, token)
        assert caller.account == {
            "id": IsStr(),
            "kind": "client",
            "email": client["email"],
            "email_verified": True,
            "must_change_password": False,
            "second_factor_enabled": False,
        }
        assert (await world.sign_in(practice.id, client["email"])).account["id"] == caller.account["id"]

    async def test_a_second_time_it_is_gone(self, world: World, practice: Practice) -> None:
        """A03."""
        _, token = await invited(world, practice)
        await accept(world, token)
        gone = await attempt(world, token)
        assert (gone.status_code, gone.json()["state"]) == (410, "accepted")

    async def test_of_fifty_at_once_one_wins(self, world: World, practice: Practice) -> None:
        """A03."""
        client, token = await invited(world, practice)
        answers = await asyncio.gather(*(attempt(world, token) for _ in range(50)))
        assert sorted(answer.status_code for answer in answers) == [200] + [410] * 49
        async with bound(world, practice) as session:
            grants = (await session.scalars(select(ClientGrant))).all()
        assert [str(grant.client_id) for grant in grants] == [client["id"]]

    async def test_a_retry_with_the_same_key_gets_the_same_answer(self, world: World, practice: Practice) -> None:
        """F3.M3: a lost answer is no lost account."""
        _, token = await invited(world, practice)
        body = {"token": token, "password": PASSWORD}
        headers = {"Idempotency-Key": world.email("key")}
        first = await world.http.post("/v1/invitations/accept", json=body, headers=headers)
        again = await world.http.post("/v1/invitations/accept", json=body, headers=headers)
        assert first.status_code == 200
        assert again.json() == first.json()
        assert again.headers["idempotency-replayed"] == "true"

    async def test_a_weak_password_uses_nothing_up(self, world: World, practice: Practice) -> None:
        _, token = await invited(world, practice)
        weak = await attempt(world, token, password="password1234")
        assert (weak.status_code, weak.json()["errors"][0]["pointer"]) == (422, "/password")
        await accept(world, token)

    async def test_a_cookie_is_delivered_when_asked_for(self, world: World, practice: Practice) -> None:
        _, token = await invited(world, practice)
        response = await attempt(world, token, delivery="cookie")
        assert response.json()["refresh_token"] is None
        assert "HttpOnly" in response.headers["set-cookie"]

    async def test_somebody_else_who_is_signed_in_cannot_take_it_over(self, world: World, practice: Practice) -> None:
        """A03: the account is that of the invited address, whoever sends the request."""
        _, other = await client_login(world, practice)
        client, token = await invited(world, practice)
        taken = await other.post("/v1/invitations/accept", {"token": token, "password": OTHER_PASSWORD})
        assert taken.json()["account"]["email"] == client["email"]
        assert taken.json()["account"]["id"] != other.account["id"]
        async with bound(world, practice) as session:
            held = select(ClientGrant.account_id).where(ClientGrant.client_id == client["id"])
            assert [str(account) for account in (await session.scalars(held)).all()] == [taken.json()["account"]["id"]]


class TestIdentity:
    async def test_the_date_of_birth_of_the_chart_is_asked(self, world: World, practice: Practice) -> None:
        """F3.M3."""
        _, token = await invited(world, practice, date_of_birth="1990-04-01")
        missing = await attempt(world, token)
        assert (missing.status_code, missing.json()["code"]) == (422, "identity_check_failed")
        wrong = await attempt(world, token, date_of_birth="1990-04-02")
        assert (wrong.status_code, wrong.json()["code"]) == (422, "identity_check_failed")
        await accept(world, token, date_of_birth="1990-04-01")

    async def test_after_five_wrong_answers_the_right_one_comes_too_late(
        self, world: World, practice: Practice
    ) -> None:
        """F3.M3: refusals are counted although they roll back nothing else."""
        client, token = await invited(world, practice, date_of_birth="1990-04-01")
        for day in range(2, 7):
            assert (await attempt(world, token, date_of_birth=f"1990-04-0{day}")).status_code == 422
        late = await attempt(world, token, date_of_birth="1990-04-01")
        assert (late.status_code, late.json()["code"]) == (410, "invitation_gone")
        access = (await practice.owner.get(f"/v1/clients/{client['id']}/portal-access")).json()
        assert access["state"] == "none"

    async def test_guesses_in_parallel_are_counted_too(self, world: World, practice: Practice) -> None:
        _, token = await invited(world, practice, date_of_birth="1990-04-01")
        days = [f"1990-05-{day:02}" for day in range(1, 13)]
        answers = await asyncio.gather(*(attempt(world, token, date_of_birth=day) for day in days))
        assert sorted(answer.status_code for answer in answers) == [410] * 7 + [422] * 5

    async def test_a_retried_refusal_with_a_key_is_tried_again(self, world: World, practice: Practice) -> None:
        _, token = await invited(world, practice, date_of_birth="1990-04-01")
        body = {"token": token, "password": PASSWORD, "date_of_birth": "1990-04-02"}
        headers = {"Idempotency-Key": world.email("key")}
        for _ in range(2):
            response = await world.http.post("/v1/invitations/accept", json=body, headers=headers)
            assert (response.status_code, response.json()["code"]) == (422, "identity_check_failed")


class TestWhatFollows:
    async def test_the_account_may_act_for_the_client_with_every_permission(
        self, world: World, practice: Practice
    ) -> None:
        client, caller = await client_login(world, practice)
        async with bound(world, practice) as session:
            grant = (await session.scalars(select(ClientGrant))).one()
        assert (str(grant.account_id), str(grant.client_id)) == (caller.account["id"], client["id"])
        assert (grant.relationship, grant.source, grant.valid_to) == ("self", "invitation", None)
        assert sorted(grant.permissions) == sorted(GrantPermission)

    async def test_the_invitation_and_the_portal_access_say_so(self, world: World, practice: Practice) -> None:
        """F3.B4."""
        client, caller = await client_login(world, practice)
        listed = (await practice.owner.get(f"/v1/clients/{client['id']}/invitations")).json()["data"]
        assert listed[0]["state"] == "accepted"
        access = (await practice.owner.get(f"/v1/clients/{client['id']}/portal-access")).json()
        assert [step["state"] for step in access["history"]] == ["active", "invited"]
        assert access["login"] == {
            "id": caller.account["id"],
            "email": client["email"],
            "email_verified": True,
            "must_change_password": False,
            "second_factor_enabled": False,
        }

    async def test_the_features_of_the_invitation_become_the_clients(self, world: World, practice: Practice) -> None:
        """F3.M2."""
        client = await world.client(practice.owner, email=world.email("client"))
        await invite(world, practice.owner, client, features={"video": False, "client_uploads": True})
        await accept(world, await world.mailed_token(client["email"]))
        async with bound(world, practice) as session:
            rows = (await session.scalars(select(FeatureSetting).where(FeatureSetting.scope == "client"))).all()
        assert {(str(r.subject_id), r.feature, r.enabled) for r in rows} == {
            (client["id"], "video", False),
            (client["id"], "client_uploads", True),
        }

    async def test_the_address_counts_as_proved_by_its_holder(self, world: World, practice: Practice) -> None:
        _, caller = await client_login(world, practice)
        async with bound(world, practice) as session:
            account = (await session.scalars(select(Account).where(Account.id == caller.account["id"]))).one()
        assert account.self_verified


class TestExistingAccount:
    async def invite_again(self, world: World, practice: Practice, email: str) -> tuple[dict[str, Any], str]:
        another = await world.client(practice.owner, given_name="Junior", email=email)
        await invite(world, practice.owner, another)
        return another, await world.mailed_token(email)

    async def test_its_own_password_adds_the_client_to_it(self, world: World, practice: Practice) -> None:
        """F3.M4."""
        first, caller = await client_login(world, practice)
        another, token = await self.invite_again(world, practice, first["email"])
        assert (await accept(world, token)).account["id"] == caller.account["id"]
        async with bound(world, practice) as session:
            held = await session.scalars(select(ClientGrant.client_id))
            assert {str(client_id) for client_id in held} == {first["id"], another["id"]}

    async def test_another_password_is_refused_and_changes_nothing(self, world: World, practice: Practice) -> None:
        first, _ = await client_login(world, practice)
        _, token = await self.invite_again(world, practice, first["email"])
        wrong = await attempt(world, token, password=OTHER_PASSWORD)
        assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
        await world.sign_in(practice.id, first["email"])
        await accept(world, token)

    async def test_a_staff_members_address_is_in_use(self, world: World, practice: Practice) -> None:
        """Where the person came to work in the practice after the invitation was sent."""
        client, token = await invited(world, practice)
        await practice.owner.post(
            "/v1/practice/staff",
            {"email": client["email"], "given_name": "Noor", "family_name": "Lind", "roles": ["biller"]},
        )
        refused = await attempt(world, token)
        assert (refused.status_code, refused.json()["code"]) == (409, "email_in_use")

    async def test_the_same_address_in_another_practice_is_another_account(
        self, world: World, practice: Practice
    ) -> None:
        first, caller = await client_login(world, practice)
        elsewhere = await open_practice(world)
        _, token = await self.invite_again(world, elsewhere, first["email"])
        assert (await accept(world, token, password=OTHER_PASSWORD)).account["id"] != caller.account["id"]

    async def test_a_second_factor_is_asked_as_at_every_login(self, world: World, practice: Practice) -> None:
        first, caller = await client_login(world, practice)
        begun = await caller.post("/v1/me/second-factor", {"password": PASSWORD})
        totp = pyotp.TOTP(begun.json()["secret"])
        confirmed = await caller.post("/v1/me/second-factor/confirm", {"otp": totp.now()})
        recovery = confirmed.json()["recovery_codes"][0]
        _, token = await self.invite_again(world, practice, first["email"])
        without = await attempt(world, token)
        assert (without.status_code, without.json()["code"]) == (401, "otp_required")
        wrong = await attempt(world, token, otp="AAAA-AAAA-AAAA")
        assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
        assert (await accept(world, token, otp=recovery)).account["id"] == caller.account["id"]


class TestStaff:
    async def test_a_staff_member_chooses_a_password_and_may_work(self, world: World, practice: Practice) -> None:
        _, caller = await staff(world, practice, "scheduler")
        assert caller.account["kind"] == "staff"
        assert (await caller.get("/v1/practice")).status_code == 200
        assert (await world.sign_in(practice.id, caller.account["email"])).account == caller.account

    async def test_it_works_once_and_with_the_portal_off(self, world: World) -> None:
        closed = await world.practice()
        _, email = await add_staff(world, closed, "biller")
        token = await world.mailed_token(email)
        await accept(world, token)
        assert (await attempt(world, token)).status_code == 410

    async def test_who_was_removed_meanwhile_finds_it_gone(self, world: World, practice: Practice) -> None:
        staff_id, email = await add_staff(world, practice, "biller")
        token = await world.mailed_token(email)
        assert (await practice.owner.request("DELETE", f"/v1/practice/staff/{staff_id}", json={})).status_code < 300
        assert (await attempt(world, token)).status_code == 410

    async def test_who_may_not_manage_staff_cannot_touch_it(self, world: World, practice: Practice) -> None:
        await add_staff(world, practice, "biller")
        _, practitioner = await staff(world, practice, "practitioner")
        async with bound(world, practice) as session:
            open_one = select(Invitation.id).where(Invitation.accepted_at.is_(None))
            invitation_id = (await session.scalars(open_one)).one()
        path = f"/v1/invitations/{invitation_id}"
        assert (await practitioner.post(f"{path}/resend")).status_code == 404
        assert (await practitioner.post(f"{path}/revoke")).status_code == 404
        assert (await practice.owner.post(f"{path}/resend")).status_code == 200
