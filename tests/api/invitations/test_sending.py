"""Staff invite a client, send again, revoke."""

from uuid import uuid4

import httpx
import pytest

from tests.entry import accept, client_login, expire, invite, invited, open_practice, set_portal, staff
from tests.world import Practice, World


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


async def lookup(world: World, token: str) -> httpx.Response:
    return await world.http.post("/v1/invitations/lookup", json={"token": token})


class TestCreate:
    async def test_the_address_is_the_clients_own_unless_another_is_given(
        self, world: World, practice: Practice
    ) -> None:
        client = await world.client(practice.owner, email=world.email("client"))
        assert (await invite(world, practice.owner, client))["email"] == client["email"]
        other = world.email("other")
        assert (await invite(world, practice.owner, client, email=other))["email"] == other

    async def test_without_any_address_it_is_refused_at_the_email(self, world: World, practice: Practice) -> None:
        client = await world.client(practice.owner)
        response = await practice.owner.post(f"/v1/clients/{client['id']}/invitations", {})
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/email"

    async def test_who_does_not_agree_to_be_mailed_is_not(self, world: World, practice: Practice) -> None:
        """F14.M5: neither a first link nor another one."""
        client, _ = await invited(world, practice)
        path = f"/v1/clients/{client['id']}"
        (first,) = (await practice.owner.get(f"{path}/invitations")).json()["data"]
        for agrees, status in ((False, 409), (True, None)):
            assert (await practice.owner.patch(f"{path}/contact-consents", {"email": agrees})).is_success
            for answer in (
                await practice.owner.post(f"/v1/invitations/{first['id']}/resend"),
                await practice.owner.post(f"{path}/invitations", {}),
            ):
                if status is None:
                    assert answer.is_success, answer.text
                else:
                    assert (answer.status_code, answer.json()["code"]) == (status, "mail_not_wanted")

    async def test_it_lives_as_many_days_as_the_practice_says(self, world: World, practice: Practice) -> None:
        """F3.M1."""
        await set_portal(practice, invitation_ttl_days=3)
        client = await world.client(practice.owner, email=world.email("client"))
        await invite(world, practice.owner, client)
        assert "3 days" in ((await world.mail(client["email"])).text or "")

    async def test_a_new_one_ends_the_older_one(self, world: World, practice: Practice) -> None:
        """F3.M1, A03."""
        client, older = await invited(world, practice)
        await invite(world, practice.owner, client)
        gone = await lookup(world, older)
        assert (gone.status_code, gone.json()["state"]) == (410, "revoked")
        assert (await lookup(world, await world.mailed_token(client["email"]))).status_code == 200

    async def test_a_portal_that_is_off_invites_nobody(self, world: World) -> None:
        closed = await world.practice()
        client = await world.client(closed.owner, email=world.email("client"))
        response = await closed.owner.post(f"/v1/clients/{client['id']}/invitations", {})
        assert (response.status_code, response.json()["code"]) == (409, "portal_not_enabled")

    async def test_an_address_that_signs_in_as_staff_is_refused(self, world: World, practice: Practice) -> None:
        """Its holder could not accept: an account is staff or a client."""
        client = await world.client(practice.owner, email=practice.owner_email)
        response = await practice.owner.post(f"/v1/clients/{client['id']}/invitations", {})
        assert (response.status_code, response.json()["code"]) == (409, "email_in_use")
        assert (await practice.owner.get(f"/v1/clients/{client['id']}")).json()["portal_state"] == "none"

    async def test_a_client_with_a_login_is_already_linked(self, world: World, practice: Practice) -> None:
        client, _ = await client_login(world, practice)
        response = await practice.owner.post(f"/v1/clients/{client['id']}/invitations", {})
        assert (response.status_code, response.json()["code"]) == (409, "already_linked")

    async def test_an_archived_client_is_not_invited(self, world: World, practice: Practice) -> None:
        client = await world.client(practice.owner, email=world.email("client"))
        await practice.owner.post(f"/v1/clients/{client['id']}/archive")
        response = await practice.owner.post(f"/v1/clients/{client['id']}/invitations", {})
        assert (response.status_code, response.json()["code"]) == (409, "invalid_state")

    async def test_only_who_sees_the_client_may_invite_or_list(self, world: World, practice: Practice) -> None:
        client = await world.client(practice.owner, email=world.email("client"))
        _, practitioner = await staff(world, practice, "practitioner")
        _, biller = await staff(world, practice, "biller")
        path = f"/v1/clients/{client['id']}/invitations"
        unknown = await practitioner.post(f"/v1/clients/{uuid4()}/invitations", {})
        foreign = await practitioner.post(path, {})
        assert (foreign.status_code, foreign.json()["detail"]) == (404, unknown.json()["detail"])
        assert (await practitioner.get(path)).status_code == 404
        assert (await biller.post(path, {})).status_code == 403

    async def test_server_owned_and_unknown_fields_are_refused(self, world: World, practice: Practice) -> None:
        """A17."""
        client = await world.client(practice.owner, email=world.email("client"))
        for name in ("state", "expires_at", "accepted_by", "client_id", "practice_id", "secret_hash"):
            response = await practice.owner.post(f"/v1/clients/{client['id']}/invitations", {name: "x"})
            assert response.status_code == 422, name
        odd = await practice.owner.post(f"/v1/clients/{client['id']}/invitations", {"features": {"owner": True}})
        assert odd.status_code == 422

    async def test_the_client_becomes_invited(self, world: World, practice: Practice) -> None:
        """F3.B4."""
        client, _ = await invited(world, practice)
        got = await practice.owner.get(f"/v1/clients/{client['id']}/portal-access")
        assert got.json()["state"] == "invited"
        assert [step["state"] for step in got.json()["history"]] == ["invited"]


class TestList:
    async def test_pages_hold_every_invitation_once_newest_first(self, world: World, practice: Practice) -> None:
        client = await world.client(practice.owner, email=world.email("client"))
        made = [(await invite(world, practice.owner, client))["id"] for _ in range(3)]
        path = f"/v1/clients/{client['id']}/invitations"
        first = (await practice.owner.get(path, params={"limit": 2})).json()
        second = (await practice.owner.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert [row["id"] for row in first["data"] + second["data"]] == made[::-1]
        assert [row["state"] for row in first["data"] + second["data"]] == ["pending", "revoked", "revoked"]
        assert second["next_cursor"] is None

    async def test_a_cursor_of_another_clients_list_is_refused(self, world: World, practice: Practice) -> None:
        """A19."""
        one, other = [await world.client(practice.owner, email=world.email()) for _ in range(2)]
        for _ in range(2):
            await invite(world, practice.owner, one)
        page = (await practice.owner.get(f"/v1/clients/{one['id']}/invitations", params={"limit": 1})).json()
        bent = await practice.owner.get(
            f"/v1/clients/{other['id']}/invitations", params={"cursor": page["next_cursor"]}
        )
        assert bent.status_code == 400


class TestResend:
    async def test_the_older_link_is_gone_and_the_new_one_opens(self, world: World, practice: Practice) -> None:
        """A03, F3.M1."""
        client, older = await invited(world, practice)
        listed = (await practice.owner.get(f"/v1/clients/{client['id']}/invitations")).json()["data"]
        again = await practice.owner.post(f"/v1/invitations/{listed[0]['id']}/resend")
        assert (again.status_code, again.json()["id"]) == (200, listed[0]["id"])
        newer = await world.mailed_token(client["email"])
        assert newer != older
        for path, body in (("lookup", {}), ("accept", {"password": "whatever it takes 9"})):
            gone = await world.http.post(f"/v1/invitations/{path}", json={"token": older, **body})
            assert (gone.status_code, gone.json()["code"]) == (410, "invitation_gone")
        assert (await accept(world, newer)).account["email"] == client["email"]

    async def test_an_expired_one_lives_again(self, world: World, practice: Practice) -> None:
        client = await world.client(practice.owner, email=world.email("client"))
        made = await invite(world, practice.owner, client)
        await expire(world, practice, made["id"])
        assert await world.mails(client["email"]) == [], "nothing is mailed for an invitation that is over"
        assert (await state_of(practice, client)) == "expired"
        assert (await practice.owner.post(f"/v1/invitations/{made['id']}/resend")).json()["state"] == "pending"

    async def test_an_accepted_or_revoked_one_is_not_sent_again(self, world: World, practice: Practice) -> None:
        client = await world.client(practice.owner, email=world.email("client"))
        made = await invite(world, practice.owner, client)
        await practice.owner.post(f"/v1/invitations/{made['id']}/revoke")
        response = await practice.owner.post(f"/v1/invitations/{made['id']}/resend")
        assert (response.status_code, response.json()["state"]) == (409, "revoked")

    async def test_another_practices_invitation_is_not_there(self, world: World, practice: Practice) -> None:
        client = await world.client(practice.owner, email=world.email("client"))
        made = await invite(world, practice.owner, client)
        stranger = await open_practice(world)
        for verb in ("resend", "revoke"):
            assert (await stranger.owner.post(f"/v1/invitations/{made['id']}/{verb}")).status_code == 404


class TestRevoke:
    async def test_the_link_is_gone_and_the_client_as_before(self, world: World, practice: Practice) -> None:
        client, token = await invited(world, practice)
        listed = (await practice.owner.get(f"/v1/clients/{client['id']}/invitations")).json()["data"]
        revoked = await practice.owner.post(f"/v1/invitations/{listed[0]['id']}/revoke")
        assert revoked.json()["state"] == "revoked"
        assert (await lookup(world, token)).status_code == 410
        access = (await practice.owner.get(f"/v1/clients/{client['id']}/portal-access")).json()
        assert [step["state"] for step in access["history"]] == ["none", "invited"]

    async def test_a_second_time_is_no_move_of_the_state_machine(self, world: World, practice: Practice) -> None:
        client = await world.client(practice.owner, email=world.email("client"))
        made = await invite(world, practice.owner, client)
        path = f"/v1/invitations/{made['id']}/revoke"
        assert (await practice.owner.post(path)).status_code == 200
        again = await practice.owner.post(path)
        assert (again.status_code, again.json()["code"]) == (409, "invalid_state")

    async def test_archiving_the_client_ends_the_link(self, world: World, practice: Practice) -> None:
        """A03."""
        client, token = await invited(world, practice)
        await practice.owner.post(f"/v1/clients/{client['id']}/archive")
        assert (await lookup(world, token)).status_code == 410


async def state_of(practice: Practice, client: dict[str, str]) -> str:
    listed = (await practice.owner.get(f"/v1/clients/{client['id']}/invitations")).json()["data"]
    return str(listed[0]["state"])
