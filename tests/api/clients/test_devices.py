"""Where a client is signed in: seen and ended by staff who manage portal access (F3.B3)."""

from typing import Any

import pytest

from tests.entry import client_login, open_practice, staff
from tests.world import Caller, Practice, World


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


def devices(client: dict[str, Any]) -> str:
    return f"/v1/clients/{client['id']}/sessions"


async def listed(by: Caller, client: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    response = await by.get(devices(client), params=query)
    assert response.status_code == 200, response.text
    rows: list[dict[str, Any]] = response.json()["data"]
    return rows


async def test_one_device_is_signed_out_and_the_others_stay(world: World, practice: Practice) -> None:
    client, at_home = await client_login(world, practice)
    lost = await world.sign_in(practice.id, client["email"], device_label="Old telephone")
    rows = await listed(practice.owner, client)
    assert [row["device_label"] for row in rows] == ["Old telephone", ""]
    assert {row["current"] for row in rows} == {False}
    ended = await practice.owner.delete(f"{devices(client)}/{rows[0]['id']}")
    assert ended.status_code == 204
    assert (await lost.get("/v1/me")).status_code == 401
    renewed = await world.http.post("/v1/auth/refresh", json={"refresh_token": lost.refresh_token})
    assert renewed.status_code == 401
    assert (await at_home.get("/v1/me")).status_code == 200
    assert [row["id"] for row in await listed(practice.owner, client)] == [rows[1]["id"]]
    assert (await practice.owner.delete(f"{devices(client)}/{rows[0]['id']}")).status_code == 404


async def test_all_of_them_at_once(world: World, practice: Practice) -> None:
    client, one = await client_login(world, practice)
    other = await world.sign_in(practice.id, client["email"])
    assert (await practice.owner.delete(devices(client))).status_code == 204
    assert [(await caller.get("/v1/me")).status_code for caller in (one, other)] == [401, 401]
    assert await listed(practice.owner, client) == []
    assert (await practice.owner.get("/v1/me")).status_code == 200


async def test_it_is_in_the_clients_own_access_history(world: World, practice: Practice) -> None:
    client, _ = await client_login(world, practice)
    [row] = await listed(practice.owner, client)
    await practice.owner.delete(f"{devices(client)}/{row['id']}")
    await world.seal_audit(practice)
    caller = await world.sign_in(practice.id, client["email"])
    history = (await caller.get("/v1/me/access-history")).json()["data"]
    assert {"client.sessions_viewed", "session.ended"} <= {event["type"] for event in history}


async def test_only_those_of_the_clients_own_login(world: World, practice: Practice) -> None:
    """A14: a session of somebody else is not there, neither a colleague's nor another client's."""
    client, _ = await client_login(world, practice)
    other, _ = await client_login(world, practice)
    foreign = [(await listed(practice.owner, other))[0]["id"]]
    foreign.append((await practice.owner.get("/v1/me/sessions")).json()["data"][0]["id"])
    for session_id in foreign:
        assert (await practice.owner.delete(f"{devices(client)}/{session_id}")).status_code == 404


async def test_who_does_not_manage_portal_access_does_not_look(world: World, practice: Practice) -> None:
    client, caller = await client_login(world, practice)
    _, scheduler = await staff(world, practice, "scheduler")
    _, unassigned = await staff(world, practice, "practitioner")
    answers = [await somebody.get(devices(client)) for somebody in (caller, scheduler, unassigned)]
    assert [answer.status_code for answer in answers] == [403, 403, 404]


async def test_without_a_login_there_are_none(world: World, practice: Practice) -> None:
    client = await world.client(practice.owner)
    assert await listed(practice.owner, client) == []
    ended = await practice.owner.delete(devices(client))
    assert (ended.status_code, ended.json()["code"]) == (409, "no_login")


async def test_they_come_page_by_page(world: World, practice: Practice) -> None:
    client, _ = await client_login(world, practice)
    await world.sign_in(practice.id, client["email"])
    first = (await practice.owner.get(devices(client), params={"limit": 1})).json()
    second = (await practice.owner.get(devices(client), params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert second["next_cursor"] is None
    assert first["data"][0]["id"] > second["data"][0]["id"]
    other, _ = await client_login(world, practice)
    strayed = await practice.owner.get(devices(other), params={"limit": 1, "cursor": first["next_cursor"]})
    assert (strayed.status_code, strayed.json()["code"]) == (400, "invalid_cursor")
