"""What comes into an inbox, and what is read in it, reaches the streams of its account: that there is something."""

import httpx

from tests.api.messages.desk import open_desk
from tests.api.notifications.scene import INBOX
from tests.live import stream
from tests.world import World


async def test_something_new_is_told_to_its_account_alone_and_not_what(world: World, socket: httpx.AsyncClient) -> None:
    """F14.M1, F14.B2."""
    desk = await open_desk(world)
    async with (
        stream(socket, desk.clinician.access_token) as for_clinician,
        stream(socket, desk.owner.access_token) as for_owner,
    ):
        await desk.begin()
        await world.run_jobs()
        told = await for_clinician.until("notification.created")
        assert {name for name, value in told.items() if value is not None} == {"id", "type"}
        await desk.owner.patch("/v1/practice", {"phone": "+1 415 555 0100"})
        await for_owner.until("practice.updated")
        assert "notification.created" not in {block.event for block in for_owner.heard}
    history = (await desk.client.get("/v1/me/access-history")).json()["data"]
    assert "notification.created" not in {event["type"] for event in history}


async def test_what_is_read_on_one_device_is_told_to_the_others(world: World, socket: httpx.AsyncClient) -> None:
    desk = await open_desk(world)
    thread = await desk.begin()
    await desk.write(thread)
    await world.run_jobs()
    found = (await desk.client.get(INBOX)).json()["data"]
    async with (
        stream(socket, desk.client.access_token) as for_client,
        stream(socket, desk.clinician.access_token) as for_clinician,
    ):
        for _ in range(2):
            assert (await desk.client.post(f"{INBOX}/{found[0]['id']}/read")).status_code == 200
        assert (await desk.client.post(f"{INBOX}/read-all")).status_code == 200
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"preferred_name": "Gracie"})
        await for_client.until("client.updated")
        assert [block.event for block in for_client.heard].count("notification.read") == 1
        await for_clinician.until("client.updated")
        assert "notification.read" not in {block.event for block in for_clinician.heard}
