"""Conversations whose staff are gone: colleagues see them, are told, and take them over (F12.B2)."""

from typing import Any

import pytest

from portal_api.core.access import Role
from tests.api.messages.desk import THEIRS, Desk
from tests.copies import Copy, listed
from tests.people import colleague
from tests.world import Caller, World


async def leaves(desk: Desk, how: str) -> None:
    """The only clinician of the client leaves, and what follows has followed."""
    staff = f"/v1/practice/staff/{desk.clinician_id}"
    answer = {
        "suspended": lambda: desk.owner.post(f"{staff}/suspend"),
        "removed": lambda: desk.owner.request("DELETE", staff),
        "another role": lambda: desk.owner.patch(staff, {"roles": ["biller"]}),
    }[how]
    assert (await answer()).is_success
    await desk.world.run_jobs()


async def waiting(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await caller.get(THEIRS, params={"unattended": True})).json()["data"]
    return found


@pytest.fixture
async def other(desk: Desk) -> Caller:
    """A clinician of the practice who does not work with the client."""
    return (await colleague(desk.world, desk.practice, Role.PRACTITIONER))[0]


@pytest.mark.parametrize("how", ["suspended", "removed", "another role"])
async def test_who_has_the_role_sees_it_and_takes_it_over(how: str, desk: Desk, other: Caller) -> None:
    """F12.M2: clinical conversations are for clinicians, also when they wait for one."""
    admin, _ = await colleague(desk.world, desk.practice, Role.ADMIN)
    thread = await desk.begin()
    assert await desk.listed(other) == []
    await leaves(desk, how)
    assert [each["id"] for each in await waiting(other)] == [thread["id"]]
    assert (await waiting(other))[0]["unattended_since"] is not None
    assert await waiting(admin) == []
    assert (await desk.messages(thread, other))[0]["body"] == "May I come later?"
    await desk.write(thread, "I take care of it.", by=other)
    assert await waiting(other) == []
    assert (await desk.seen(thread, other))["unattended_since"] is None
    assert await desk.listed(desk.owner) == []


async def test_a_colleague_who_works_with_the_client_is_in_it_at_once(desk: Desk, other: Caller) -> None:
    assigned, assigned_id = await colleague(desk.world, desk.practice, Role.PRACTITIONER)
    await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"practitioner_ids": [desk.clinician_id, assigned_id]})
    thread = await desk.begin(practitioner_id=desk.clinician_id)
    await leaves(desk, "removed")
    assert await waiting(other) == []
    assert [each["staff_id"] for each in (await desk.seen(thread, assigned))["participants"]] == [assigned_id]
    assert (await assigned.get(THEIRS, params={"mine": True})).json()["data"][0]["id"] == thread["id"]


async def test_who_comes_back_has_it_again(desk: Desk, other: Caller) -> None:
    await desk.begin()
    await leaves(desk, "suspended")
    assert len(await waiting(other)) == 1
    assert (await desk.owner.post(f"/v1/practice/staff/{desk.clinician_id}/restore")).is_success
    await desk.world.run_jobs()
    assert await desk.listed(other) == []


async def test_a_client_who_writes_then_is_heard(desk: Desk, other: Caller) -> None:
    """F14.M3: nothing goes to nobody."""
    thread = await desk.begin()
    await leaves(desk, "suspended")
    await desk.write(thread, "Hello?", by=desk.client)
    await desk.world.run_jobs()
    told = (await other.get("/v1/me/notifications")).json()["data"]
    assert {each["event_type"] for each in told} == {"thread.unattended", "message.sent"}
    assert {each["resource_id"] for each in told} == {thread["id"]}


async def test_one_takes_it_over_by_coming_in(desk: Desk, other: Caller) -> None:
    thread = await desk.begin()
    await leaves(desk, "removed")
    my_id = (await other.get("/v1/me")).json()["staff_id"]
    answer = await other.post(f"{THEIRS}/{thread['id']}/participants", {"staff_id": my_id})
    assert (answer.status_code, answer.json()["unattended_since"]) == (201, None)
    assert [each["staff_id"] for each in answer.json()["participants"]] == [my_id]


async def test_copies_have_it_while_it_waits(desk: Desk, other: Caller, world: World) -> None:
    """F19.M1."""
    thread = await desk.begin()
    copy = Copy(other)
    await copy.sync()
    await leaves(desk, "suspended")
    await copy.sync()
    assert set(copy.objects["thread"]) == {thread["id"]}
    await desk.write(thread, by=desk.owner)
    await copy.sync()
    assert ("thread", thread["id"]) in copy.tombstones
    assert copy.objects == await listed(other)
