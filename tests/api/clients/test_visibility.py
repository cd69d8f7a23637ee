"""Who sees which client."""

from typing import Any
from uuid import uuid4

from tests.entry import client_login, open_practice, staff, supervise
from tests.world import Caller, Practice, World

CALLS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "", None),
    ("PATCH", "", {"given_name": "Eve"}),
    ("POST", "/archive", None),
    ("POST", "/restore", None),
    ("GET", "/invitations", None),
    ("POST", "/invitations", {}),
    ("PUT", "/credentials", {"email": "a@b.example", "generate": True}),
    ("GET", "/portal-access", None),
    ("PATCH", "/portal-access", {"state": "revoked"}),
]


async def seen(caller: Caller) -> set[str]:
    return {row["id"] for row in (await caller.get("/v1/clients")).json()["data"]}


async def must_look_absent(caller: Caller, client_id: str) -> None:
    """Every call on it is answered as one on an id that does not exist."""
    for method, tail, body in CALLS:
        answers = [
            await caller.request(method, f"/v1/clients/{identity}{tail}", json=body)
            for identity in (client_id, str(uuid4()))
        ]
        bodies = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in answers]
        assert [answer.status_code for answer in answers] == [404, 404], (method, tail)
        assert bodies[0] == bodies[1]


async def test_a_practitioner_sees_the_own_caseload_and_nothing_else(world: World) -> None:
    practice = await world.practice()
    mine_id, practitioner = await staff(world, practice, "practitioner")
    mine = await world.client(practice.owner, practitioner_ids=[mine_id])
    own = await world.client(practitioner)
    other = await world.client(practice.owner)
    assert await seen(practitioner) == {mine["id"], own["id"]}
    assert await seen(practice.owner) == {mine["id"], own["id"], other["id"]}
    await must_look_absent(practitioner, other["id"])


async def test_another_practices_client_is_not_there(world: World) -> None:
    one, other = await world.practice(), await world.practice()
    await must_look_absent(one.owner, (await world.client(other.owner))["id"])


async def test_a_supervisor_reads_what_the_supervised_has(world: World) -> None:
    """F20.M3: reads, and invites nobody."""
    practice = await open_practice(world)
    intern_id, _ = await staff(world, practice, "practitioner", "intern")
    supervisor_id, supervisor = await staff(world, practice, "supervisor")
    client = await world.client(practice.owner, practitioner_ids=[intern_id])
    assert (await supervisor.get(f"/v1/clients/{client['id']}")).status_code == 404
    await supervise(practice, supervisor_id, intern_id)
    assert (await supervisor.get(f"/v1/clients/{client['id']}")).status_code == 200
    assert await seen(supervisor) == {client["id"]}
    assert (await supervisor.post(f"/v1/clients/{client['id']}/invitations", {})).status_code == 403
    assert (await supervisor.patch(f"/v1/clients/{client['id']}", {"given_name": "Eve"})).status_code == 403


async def test_a_client_reads_no_records_of_the_practice(world: World) -> None:
    practice = await open_practice(world)
    client, caller = await client_login(world, practice)
    for method, tail, body in CALLS:
        answer = await caller.request(method, f"/v1/clients/{client['id']}{tail}", json=body)
        assert answer.status_code == 403, (method, tail)


async def test_nobody_reads_without_signing_in(world: World) -> None:
    practice: Practice = await world.practice()
    client = await world.client(practice.owner)
    for method, tail, body in CALLS:
        answer = await world.http.request(method, f"/v1/clients/{client['id']}{tail}", json=body)
        assert answer.status_code == 401, (method, tail)
