"""Guardians accept: with a new account, with one that is there, or signed in."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from portal_api.core.access import Role
from tests.entry import accept, client_login
from tests.families import EVERYTHING, Family, open_family
from tests.people import colleague
from tests.world import PASSWORD, Caller, World


@pytest.fixture
async def family(world: World) -> Family:
    return await open_family(world)


async def attempt(family: Family, token: str, **fields: Any) -> httpx.Response:
    return await family.world.http.post("/v1/invitations/accept", json={"token": token, "password": PASSWORD} | fields)


async def profiles(caller: Caller) -> dict[str, str]:
    """Relationship by client."""
    answer = await caller.get("/v1/me")
    assert answer.status_code == 200, answer.text
    return {profile["client_id"]: profile["relationship"] for profile in answer.json()["profiles"]}


class TestInviting:
    async def test_the_mail_is_a_link_and_names_nobody(self, family: Family) -> None:
        guardian = await family.add(family_name="Unusual")
        made = await family.owner.post(
            f"/v1/guardians/{guardian['id']}/invitations", {"message": "Welcome to the harbor."}
        )
        assert made.status_code == 201, made.text
        invitation = made.json()
        assert (invitation["state"], invitation["email"]) == ("pending", guardian["email"])
        assert (invitation["guardian_id"], invitation["client_id"]) == (guardian["id"], family.child_id)
        mail = await family.world.mail(guardian["email"])
        for private in ("Unusual", "Ruth", "Grace", "Welcome", family.child_id):
            assert private not in mail.text + mail.subject
        token = await family.world.mailed_token(guardian["email"])
        offer = (await family.world.http.post("/v1/invitations/lookup", json={"token": token})).json()
        assert (offer["kind"], offer["message"], offer["existing_account"]) == (
            "guardian",
            "Welcome to the harbor.",
            False,
        )
        listed = (await family.owner.get(f"/v1/guardians/{guardian['id']}/invitations")).json()["data"]
        assert [each["id"] for each in listed] == [invitation["id"]]
        assert (await family.read(guardian))["invitation_state"] == "pending"

    async def test_it_is_none_of_the_clients_invitations(self, family: Family) -> None:
        """And does not end them, nor they it."""
        child_path = f"/v1/clients/{family.child_id}/invitations"
        guardian = await family.add()
        token = await family.invite(guardian)
        childs = await family.owner.post(child_path, {"email": family.world.email("child")})
        again = await family.invite(await family.add())
        assert [each["id"] for each in (await family.owner.get(child_path)).json()["data"]] == [childs.json()["id"]]
        assert childs.json()["state"] == "pending"
        for open_token in (token, again):
            offer = await family.world.http.post("/v1/invitations/lookup", json={"token": open_token})
            assert offer.status_code == 200

    async def test_it_is_resent_and_revoked_like_any_other(self, family: Family) -> None:
        guardian = await family.add()
        first = await family.invite(guardian)
        (made,) = (await family.owner.get(f"/v1/guardians/{guardian['id']}/invitations")).json()["data"]
        resent = await family.owner.post(f"/v1/invitations/{made['id']}/resend")
        assert resent.status_code == 200, resent.text
        second = await family.world.mailed_token(guardian["email"])
        assert second != first
        assert (await attempt(family, first)).status_code == 410
        assert (await family.owner.post(f"/v1/invitations/{made['id']}/revoke")).json()["state"] == "revoked"
        assert (await attempt(family, second)).status_code == 410

    async def test_a_newer_one_ends_the_older(self, family: Family) -> None:
        guardian = await family.add()
        first, second = await family.invite(guardian), await family.invite(guardian)
        assert (await attempt(family, first)).status_code == 410
        await accept(family.world, second)

    async def test_who_has_accepted_is_not_invited_again(self, family: Family) -> None:
        guardian, _ = await family.parent()
        refused = await family.owner.post(f"/v1/guardians/{guardian['id']}/invitations")
        assert (refused.status_code, refused.json()["code"]) == (409, "guardian_has_joined")

    async def test_staff_are_not_invited_by_their_address(self, family: Family) -> None:
        member, _ = await colleague(family.world, family.practice, Role.PRACTITIONER)
        guardian = await family.add(email=member.account["email"])
        refused = await family.owner.post(f"/v1/guardians/{guardian['id']}/invitations")
        assert (refused.status_code, refused.json()["code"]) == (409, "email_in_use")

    async def test_the_portal_must_be_on(self, family: Family) -> None:
        guardian = await family.add()
        await family.owner.post("/v1/practice/portal/disable")
        refused = await family.owner.post(f"/v1/guardians/{guardian['id']}/invitations")
        assert (refused.status_code, refused.json()["code"]) == (409, "portal_not_enabled")

    async def test_unknown(self, family: Family) -> None:
        assert (await family.owner.post(f"/v1/guardians/{uuid4()}/invitations")).status_code == 404


class TestAccepting:
    async def test_a_new_account_acts_for_the_child_and_for_nobody_else(self, family: Family) -> None:
        """F6.M1: an own identity; the date of birth of the child is nobody's password."""
        sibling = await family.child()
        await family.owner.patch(f"/v1/clients/{family.child_id}", {"date_of_birth": "2019-04-01"})
        guardian, caller = await family.parent(permissions=["appointments.view", "messages"])
        me = (await caller.get("/v1/me")).json()
        assert (me["email"], me["given_name"], me["email_verified"]) == (guardian["email"], "Ruth", True)
        assert me["profiles"] == [
            {
                "client_id": family.child_id,
                "relationship": "mother",
                "permissions": ["appointments.view", "messages"],
            }
        ]
        assert (guardian["state"], guardian["account_id"]) == ("active", me["id"])
        assert guardian["effective_permissions"] == ["appointments.view", "messages"]
        listed = "/v1/me/appointments"
        assert (await caller.get(listed, params={"client_id": family.child_id})).status_code == 200
        assert (await caller.get(listed, params={"client_id": sibling})).status_code == 404
        access = (await family.owner.get(f"/v1/clients/{family.child_id}/portal-access")).json()
        assert (access["state"], access["login"]) == ("active", None)

    async def test_the_link_works_once(self, family: Family) -> None:
        guardian = await family.add()
        token = await family.invite(guardian)
        await accept(family.world, token)
        gone = await attempt(family, token)
        assert (gone.status_code, gone.json()["state"]) == (410, "accepted")

    async def test_one_parent_of_two_children_with_one_login(self, family: Family) -> None:
        """F6.M3: sibling switcher; each child's permissions are their own (A11)."""
        sibling = await family.child()
        first, caller = await family.parent(permissions=["appointments.view"])
        second = await family.add(sibling, email=first["email"], permissions=["billing.view"], relationship="mother")
        token = await family.invite(second)
        offer = (await family.world.http.post("/v1/invitations/lookup", json={"token": token})).json()
        assert offer["existing_account"] is True
        wrong = await attempt(family, token, password="not the present password")
        assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
        again = await accept(family.world, token)
        assert again.account["id"] == caller.account["id"]
        assert await profiles(caller) == {family.child_id: "mother", sibling: "mother"}
        listed = "/v1/me/appointments"
        assert (await caller.get(listed, params={"client_id": family.child_id})).status_code == 200
        assert (await caller.get(listed, params={"client_id": sibling})).status_code == 403

    async def test_a_client_becomes_guardian_too(self, family: Family) -> None:
        himself, caller = await client_login(family.world, family.practice)
        guardian = await family.add(email=himself["email"], relationship="father")
        await accept(family.world, await family.invite(guardian))
        assert await profiles(caller) == {himself["id"]: "self", family.child_id: "father"}

    async def test_a_guardian_becomes_client_too(self, family: Family) -> None:
        guardian, caller = await family.parent()
        himself = await family.child(email=guardian["email"])
        await family.owner.post(f"/v1/clients/{himself}/invitations")
        await accept(family.world, await family.world.mailed_token(guardian["email"]))
        assert await profiles(caller) == {himself: "self", family.child_id: "mother"}

    async def test_the_child_has_a_login_beside_them_or_none(self, family: Family) -> None:
        """F6.M3"""
        _, parent = await family.parent()
        address = family.world.email("child")
        await family.owner.post(f"/v1/clients/{family.child_id}/invitations", {"email": address})
        child = await accept(family.world, await family.world.mailed_token(address))
        assert (await profiles(child), await profiles(parent)) == (
            {family.child_id: "self"},
            {family.child_id: "mother"},
        )
        assert child.account["id"] != parent.account["id"]


class TestSignedIn:
    async def test_the_account_gets_the_new_grant_without_its_password(self, family: Family) -> None:
        first, caller = await family.parent()
        sibling = await family.child()
        second = await family.add(sibling, email=first["email"], relationship="guardian")
        token = await family.invite(second)
        taken = await caller.post("/v1/me/invitations/accept", {"token": token})
        assert (taken.status_code, taken.json()) == (200, {"client_id": sibling, "relationship": "guardian"})
        assert await profiles(caller) == {family.child_id: "mother", sibling: "guardian"}
        gone = await caller.post("/v1/me/invitations/accept", {"token": token})
        assert gone.status_code == 410
        assert (await family.read(second))["state"] == "active"

    async def test_somebody_elses_link_is_not_taken_over(self, family: Family) -> None:
        """A03"""
        _, caller = await family.parent()
        other = await family.add(await family.child())
        token = await family.invite(other)
        refused = await caller.post("/v1/me/invitations/accept", {"token": token})
        assert (refused.status_code, refused.json()["code"]) == (403, "invitation_for_another")
        await accept(family.world, token)

    async def test_a_clients_own_invitation_is_accepted_as_before(self, family: Family) -> None:
        guardian, caller = await family.parent()
        himself = await family.child(email=guardian["email"])
        await family.owner.post(f"/v1/clients/{himself}/invitations")
        token = await family.world.mailed_token(guardian["email"])
        assert (await caller.post("/v1/me/invitations/accept", {"token": token})).status_code == 404
        await accept(family.world, token)

    async def test_the_childs_own_login_is_not_its_guardians(self, family: Family) -> None:
        """A10: the address has become the child's while the invitation was open."""
        guardian = await family.add(permissions=EVERYTHING)
        token = await family.invite(guardian)
        himself = await family.child(email=guardian["email"])
        await family.owner.post(f"/v1/clients/{himself}/invitations")
        caller = await accept(family.world, await family.world.mailed_token(guardian["email"]))
        taken = await caller.post("/v1/me/invitations/accept", {"token": token})
        assert taken.status_code == 200  # of another client he is the guardian
        assert await profiles(caller) == {himself: "self", family.child_id: "mother"}
