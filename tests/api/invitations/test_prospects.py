"""Staff invite somebody who has signed up already: accepting makes them a client, not both (F5.M1)."""

import asyncio

import pytest

from tests.entry import accept, invite
from tests.newcomers import Portal, open_portal, profiles, prospect
from tests.world import PASSWORD, Caller, World


async def accepted(world: World, portal: Portal, email: str) -> tuple[str, Caller]:
    client = await world.client(portal.owner, email=email)
    await invite(world, portal.owner, client)
    return client["id"], await accept(world, await world.mailed_token(email, "accept-invitation"))


@pytest.mark.parametrize("verified", [True, False])
async def test_accepting_associates_them(world: World, verified: bool) -> None:
    portal = await open_portal(world)
    waiting = await prospect(world, portal, verified=verified)
    client_id, caller = await accepted(world, portal, waiting["email"])
    assert await profiles(caller) == [client_id]
    now = (await portal.owner.get(f"/v1/prospects/{waiting['id']}")).json()
    assert (now["state"], now["client_id"]) == ("associated", client_id)
    assert now["decided_by"] == portal.owner.account["id"]
    recorded = await portal.owner.get("/v1/audit-events", params={"type": "prospect.associated"})
    assert [(row["resource_id"], row["client_ids"]) for row in recorded.json()["data"]] == [
        (waiting["id"], [client_id])
    ]
    assert len([mail for mail in await world.mails(waiting["email"]) if "sign-in" in mail.text]) == 0


async def test_so_does_who_was_rejected_before(world: World) -> None:
    portal = await open_portal(world)
    waiting = await prospect(world, portal)
    await portal.owner.post(f"/v1/prospects/{waiting['id']}/reject", {})
    await accepted(world, portal, waiting["email"])
    assert (await portal.owner.get(f"/v1/prospects/{waiting['id']}")).json()["state"] == "associated"


async def test_it_can_be_undone_like_an_association(world: World) -> None:
    portal = await open_portal(world)
    waiting = await prospect(world, portal)
    _, caller = await accepted(world, portal, waiting["email"])
    undone = await portal.owner.post(f"/v1/prospects/{waiting['id']}/dissociate", {})
    assert (undone.status_code, undone.json()["state"]) == (200, "verified")
    assert (await caller.get("/v1/me")).status_code == 401


async def test_a_second_profile_leaves_the_first_decision_alone(world: World) -> None:
    portal = await open_portal(world)
    waiting = await prospect(world, portal)
    first = (await portal.owner.post(f"/v1/prospects/{waiting['id']}/create-client", {})).json()
    client_id, caller = await accepted(world, portal, waiting["email"])
    assert sorted(await profiles(caller)) == sorted([first["id"], client_id])
    now = (await portal.owner.get(f"/v1/prospects/{waiting['id']}")).json()
    assert (now["state"], now["client_id"]) == ("converted", first["id"])


async def test_accepting_and_associating_at_once_leave_one_outcome(world: World) -> None:
    """F5.M5"""
    portal = await open_portal(world)
    waiting = await prospect(world, portal)
    invited, other = await world.client(portal.owner, email=waiting["email"]), await world.client(portal.owner)
    await invite(world, portal.owner, invited)
    token = await world.mailed_token(waiting["email"], "accept-invitation")
    accepted, associated = await asyncio.gather(
        world.http.post("/v1/invitations/accept", json={"token": token, "password": PASSWORD}),
        portal.owner.post(f"/v1/prospects/{waiting['id']}/associate", {"client_id": other["id"]}),
    )
    assert accepted.status_code == 200
    assert associated.status_code in (200, 409)
    now = (await portal.owner.get(f"/v1/prospects/{waiting['id']}")).json()
    assert now["client_id"] == (other["id"] if associated.status_code == 200 else invited["id"])
