"""Portal access: suspended, revoked, given back (F3.B4)."""

from typing import Any

import httpx
import pytest

from tests.entry import accept, client_login, invite, invited, open_practice
from tests.world import PASSWORD, Practice, World


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


async def change(practice: Practice, client: dict[str, Any], state: str, **fields: Any) -> httpx.Response:
    return await practice.owner.patch(f"/v1/clients/{client['id']}/portal-access", {"state": state, **fields})


async def test_a_suspension_ends_the_sessions_and_can_be_lifted(world: World, practice: Practice) -> None:
    client, caller = await client_login(world, practice)
    suspended = await change(practice, client, "suspended", reason="Unpaid")
    assert suspended.json()["state"] == "suspended"
    assert suspended.json()["history"][0]["reason"] == "Unpaid"
    assert suspended.json()["history"][0]["changed_by"] == practice.owner.account["id"]
    ended = await caller.post("/v1/auth/logout")
    assert (ended.status_code, ended.json()["code"]) == (401, "session_ended")
    refreshed = await world.http.post("/v1/auth/refresh", json={"refresh_token": caller.refresh_token})
    assert refreshed.status_code == 401
    assert (await change(practice, client, "active")).json()["state"] == "active"


@pytest.mark.parametrize("state", ["suspended", "revoked"])
async def test_who_is_shut_out_does_not_sign_in_again(world: World, practice: Practice, state: str) -> None:
    """F3.B4: told to who has the password alone; anybody else learns nothing (A01)."""
    client, _ = await client_login(world, practice)
    await change(practice, client, state)
    body = {"practice": practice.id, "email": client["email"], "password": PASSWORD}
    refused = await world.http.post("/v1/auth/login", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "no_portal_access")
    guessed = await world.http.post("/v1/auth/login", json=body | {"password": "a guess at lake 9"})
    assert (guessed.status_code, guessed.json()["code"]) == (401, "invalid_credentials")
    if state == "suspended":
        await change(practice, client, "active")
        assert (await world.http.post("/v1/auth/login", json=body)).status_code == 200


async def test_who_acts_for_another_client_still_signs_in(world: World, practice: Practice) -> None:
    first, _ = await client_login(world, practice)
    other = await world.client(practice.owner, email=first["email"])
    await invite(world, practice.owner, other)
    await accept(world, await world.mailed_token(first["email"]))
    await change(practice, first, "suspended")
    caller = await world.sign_in(practice.id, first["email"])
    assert [profile["client_id"] for profile in (await caller.get("/v1/me")).json()["profiles"]] == [other["id"]]


async def test_a_suspended_client_is_neither_invited_nor_given_a_password(world: World, practice: Practice) -> None:
    client, _ = await client_login(world, practice)
    await change(practice, client, "suspended")
    invitation = await practice.owner.post(f"/v1/clients/{client['id']}/invitations", {})
    body = {"email": client["email"], "generate": True}
    password = await practice.owner.put(f"/v1/clients/{client['id']}/credentials", body)
    assert [(r.status_code, r.json()["code"]) for r in (invitation, password)] == [(409, "invalid_state")] * 2


async def test_after_a_revocation_the_client_can_be_invited_anew(world: World, practice: Practice) -> None:
    client, caller = await client_login(world, practice)
    revoked = (await change(practice, client, "revoked")).json()
    assert (revoked["state"], revoked["login"]) == ("revoked", None)
    assert (await caller.post("/v1/auth/logout")).status_code == 401
    await invite(world, practice.owner, client)
    again = await accept(world, await world.mailed_token(client["email"]))
    assert again.account["id"] == caller.account["id"]
    history = (await practice.owner.get(f"/v1/clients/{client['id']}/portal-access")).json()["history"]
    assert [step["state"] for step in history] == ["active", "invited", "revoked", "active", "invited"]


async def test_an_account_with_another_client_stays_signed_in(world: World, practice: Practice) -> None:
    first, _ = await client_login(world, practice)
    other = await world.client(practice.owner, email=first["email"])
    await invite(world, practice.owner, other)
    caller = await accept(world, await world.mailed_token(first["email"]))
    await change(practice, first, "revoked")
    assert (await caller.post("/v1/auth/logout")).status_code == 204


async def test_revoking_ends_an_open_invitation(world: World, practice: Practice) -> None:
    client, token = await invited(world, practice)
    assert (await change(practice, client, "revoked")).json()["state"] == "revoked"
    assert (await world.http.post("/v1/invitations/lookup", json={"token": token})).status_code == 410


@pytest.mark.parametrize("state", ["active", "suspended", "revoked"])
async def test_who_never_had_access_has_none_to_change(world: World, practice: Practice, state: str) -> None:
    refused = await change(practice, await world.client(practice.owner), state)
    assert (refused.status_code, refused.json()["state"]) == (409, "none")


async def test_a_stale_copy_is_refused_with_the_current_one(world: World, practice: Practice) -> None:
    client, _ = await client_login(world, practice)
    path = f"/v1/clients/{client['id']}/portal-access"
    etag = (await practice.owner.get(path)).headers["etag"]
    await change(practice, client, "suspended")
    stale = await practice.owner.patch(path, {"state": "revoked"}, headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["current"]["state"]) == (412, "suspended")


@pytest.mark.parametrize("body", [{"state": "none"}, {"state": "invited"}, {}, {"state": "revoked", "version": 1}])
async def test_only_the_moves_of_staff_can_be_asked_for(world: World, practice: Practice, body: dict[str, Any]) -> None:
    client = await world.client(practice.owner)
    response = await practice.owner.patch(f"/v1/clients/{client['id']}/portal-access", body)
    assert response.status_code == 422
