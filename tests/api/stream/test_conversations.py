"""Messages and forms as they come: to who is in the conversation, and to nobody else."""

import httpx

from portal_api.core.access import GrantPermission, Role
from tests.api.messages.desk import open_desk
from tests.live import Reading, stream
from tests.people import colleague, guardian
from tests.world import World


async def heard_until(reading: Reading, type: str) -> list[str]:
    await reading.until(type)
    return [str(block.event) for block in reading.heard]


async def test_a_message_is_told_as_its_thread_to_who_reads_it(world: World, socket: httpx.AsyncClient) -> None:
    """F12.B2: the thread is what is to be fetched anew."""
    desk = await open_desk(world)
    async with (
        stream(socket, desk.client.access_token) as for_client,
        stream(socket, desk.clinician.access_token) as for_clinician,
    ):
        thread = await desk.begin()
        said = await for_clinician.until("message.sent")
        assert (said["resource_type"], said["resource_id"]) == ("thread", thread["id"])
        assert said["client_id"] == desk.client_id
        await desk.write(thread)
        for reading in (for_client, for_clinician):
            assert (await reading.until("message.sent", thread["id"]))["type"] == "message.sent"
        assert "May I come later?" not in str(for_clinician.heard)


async def test_a_clinical_conversation_is_not_for_administration(world: World, socket: httpx.AsyncClient) -> None:
    """F12.M2."""
    desk = await open_desk(world)
    admin, _ = await colleague(world, desk.practice, Role.ADMIN)
    biller, _ = await colleague(world, desk.practice, Role.BILLER)
    async with stream(socket, admin.access_token) as first, stream(socket, biller.access_token) as second:
        thread = await desk.begin()
        await desk.write(thread)
        await desk.owner.patch("/v1/practice", {"phone": "+1 415 555 0100"})
        for reading in (first, second):
            assert await heard_until(reading, "practice.updated") == ["practice.updated"]


async def test_guardians_and_the_client_hear_of_their_own_conversations(
    world: World, socket: httpx.AsyncClient
) -> None:
    """F12.M9."""
    desk = await open_desk(world)
    parent = await guardian(world, desk.practice, desk.client_id)
    other = await guardian(world, desk.practice, desk.client_id)
    async with (
        stream(socket, desk.client.access_token) as for_client,
        stream(socket, parent.access_token) as for_parent,
        stream(socket, other.access_token) as for_other,
    ):
        own = await desk.begin()
        parents = await desk.begin(parent)
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"preferred_name": "Gracie"})
        for reading, threads in ((for_client, {own["id"]}), (for_parent, {parents["id"]}), (for_other, set[str]())):
            await reading.until("client.updated")
            told = [block.data for block in reading.heard if block.data]
            assert {data["resource_id"] for data in told if data["resource_type"] == "thread"} == threads


async def test_a_feature_that_is_off_is_silent(world: World, socket: httpx.AsyncClient) -> None:
    desk = await open_desk(world)
    thread = await desk.begin()
    await desk.switch(False)
    async with stream(socket, desk.client.access_token) as reading:
        read = await desk.clinician.post(f"/v1/threads/{thread['id']}/read")
        assert read.status_code == 200, read.text
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"preferred_name": "Gracie"})
        assert await heard_until(reading, "client.updated") == ["client.updated"]


async def test_forms_are_told_to_who_fills_them_in(world: World, socket: httpx.AsyncClient) -> None:
    desk = await open_desk(world)
    filling = await guardian(world, desk.practice, desk.client_id, GrantPermission.FORMS_COMPLETE)
    paying = await guardian(world, desk.practice, desk.client_id, GrantPermission.BILLING_PAY)
    templates = (await desk.clinician.get("/v1/form-templates?kind=intake")).json()["data"]
    async with stream(socket, filling.access_token) as first, stream(socket, paying.access_token) as second:
        path, body = f"/v1/clients/{desk.client_id}/form-assignments", {"form_template_id": templates[0]["id"]}
        kept = await desk.clinician.post(path, body | {"confidential": True})
        given = await desk.clinician.post(path, body)
        assert (kept.status_code, given.status_code) == (201, 201), given.text
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"preferred_name": "Gracie"})
        assert (await first.until("form.assigned"))["resource_id"] == given.json()["id"]
        assert await heard_until(first, "client.updated") == ["form.assigned", "client.updated"]
        assert await heard_until(second, "client.updated") == ["client.updated"]
