"""Putting somebody out of a session: its host does, and the program once they may not be there any more (F11.M2)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from portal_api.core.access import Role
from portal_api.core.config import Settings
from portal_api.core.tools import Tools
from portal_api.jobs import JobContext
from portal_api.jobs.video import strays
from portal_api.main import create_app
from tests.entry import set_portal
from tests.livekit_server import KEY, SECRET, LiveKitServer, livekit_server
from tests.meetings import Meeting, Sql, arranged, refusal
from tests.people import client_login, colleague
from tests.world import Caller, World

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def meeting(world: World, sql: Sql) -> Meeting:
    return await arranged(world, sql)


async def inside(meeting: Meeting, caller: Caller | None = None) -> dict[str, Any]:
    """Somebody who is let in, and there."""
    await meeting.join(caller)
    await meeting.admit()
    answer: dict[str, Any] = (await meeting.join(caller)).json()
    body = {"participant_id": answer["participant_id"], "state": "joined"}
    path = f"/v1/me/appointments/{meeting.appointment_id}/presence"
    assert (await (caller or meeting.client).post(path, body)).status_code == 204
    return answer


async def remove(meeting: Meeting, *participants: dict[str, Any], by: Caller | None = None) -> httpx.Response:
    body = {"participant_ids": [each["participant_id"] for each in participants]}
    return await (by or meeting.owner).post(f"/v1/appointments/{meeting.appointment_id}/remove", body)


class TestByTheHost:
    async def test_who_is_put_out_waits_until_let_in_again(self, meeting: Meeting) -> None:
        mine = await inside(meeting)
        removed = await remove(meeting, mine)
        assert [(each["state"], each["admitted_at"]) for each in removed.json()["data"]] == [("removed", None)]
        again = (await meeting.join()).json()
        assert (again["state"], again["participant_id"]) == ("waiting", mine["participant_id"])
        assert again["room"] != mine["room"]
        assert await meeting.people() == {"Grace": "waiting"}
        await meeting.admit()
        assert (await meeting.join()).json()["room"] == mine["room"]

    async def test_without_a_waiting_room_they_wait_all_the_same(self, meeting: Meeting) -> None:
        await set_portal(meeting.practice, video={"waiting_room": False})
        mine = await inside(meeting)
        assert (await remove(meeting, mine)).status_code == 200
        assert (await meeting.join()).json()["state"] == "waiting"
        assert (await meeting.join()).json()["state"] == "waiting"
        await meeting.admit()
        assert (await meeting.join()).json()["state"] == "open"

    async def test_it_is_recorded_once(self, meeting: Meeting) -> None:
        mine = await inside(meeting)
        for _ in range(2):
            assert (await remove(meeting, mine)).status_code == 200
        events = [event for event in await meeting.events() if event[0] == "video.removed"]
        assert events == [("video.removed", "staff", [meeting.client_id])]

    async def test_they_cannot_say_that_they_are_there(self, meeting: Meeting) -> None:
        mine = await inside(meeting)
        await remove(meeting, mine)
        body = {"participant_id": mine["participant_id"], "state": "joined"}
        response = await meeting.client.post(f"/v1/me/appointments/{meeting.appointment_id}/presence", body)
        assert refusal(response) == (409, "invalid_state")

    async def test_only_clients_of_this_session(self, meeting: Meeting) -> None:
        host = (await meeting.host()).json()
        stranger = {"participant_id": str(uuid4())}
        for who, code in ((host, "is_host"), (stranger, "unknown_participant")):
            response = await remove(meeting, who)
            assert (response.status_code, response.json()["errors"][0]["code"]) == (422, code)
        path = f"/v1/appointments/{meeting.appointment_id}/remove"
        for body in ({}, {"participant_ids": []}, {"participant_ids": ["x"]}, {"participant_ids": None}):
            assert (await meeting.owner.post(path, body)).status_code == 422, body

    async def test_only_its_hosts_do(self, meeting: Meeting) -> None:
        mine = await inside(meeting)
        assert refusal(await remove(meeting, mine, by=meeting.client)) == (403, "forbidden")
        other, _ = await colleague(meeting.world, meeting.practice, Role.PRACTITIONER)
        assert refusal(await remove(meeting, mine, by=other)) == (404, "not_found")
        assert await meeting.people() == {"Grace": "present"}


async def a_minute_later(meeting: Meeting) -> None:
    await strays(meeting.world.jobs)
    await meeting.world.run_jobs()


@pytest.mark.whatever_rows  # the job asks which practices there are
class TestWhoMayNoLongerBeThere:
    """Within a minute of it, whatever it was that ended."""

    async def test_who_may_be_there_stays(self, meeting: Meeting) -> None:
        await inside(meeting)
        await meeting.host()
        await a_minute_later(meeting)
        assert await meeting.people() == {"Grace": "present", "Ada Harbor": "admitted"}

    @pytest.mark.parametrize(
        "change",
        [
            "state = 'cancelled', cancelled_at = now()",
            "state = 'late_cancelled', cancelled_at = now()",
            "starts_at = starts_at + interval '10 minutes', ends_at = ends_at + interval '10 minutes'",
        ],
    )
    async def test_an_appointment_that_is_cancelled_or_moved(self, meeting: Meeting, change: str) -> None:
        await inside(meeting)
        meeting.change(change)
        await a_minute_later(meeting)
        await a_minute_later(meeting)
        events = [event for event in await meeting.events() if event[0] == "video.removed"]
        assert events == [("video.removed", "system", [meeting.client_id])]

    async def test_a_guardian_whose_permission_ends(self, meeting: Meeting, sql: Sql) -> None:
        """F6.M1"""
        guardian = await client_login(meeting.world, meeting.practice, meeting.client_id, "parent", ("video.join",))
        await inside(meeting)
        await inside(meeting, guardian)
        account_id = guardian.account["id"]
        sql("UPDATE client_grant SET permissions = '{appointments.view}' WHERE account_id = %s", account_id)
        await a_minute_later(meeting)
        assert await meeting.people() == {"Grace": "present", "Pat": "removed"}

    async def test_a_client_whose_access_is_suspended(self, meeting: Meeting) -> None:
        await inside(meeting)
        path = f"/v1/clients/{meeting.client_id}/portal-access"
        meeting.sql("UPDATE client SET portal_state = 'active' WHERE id = %s", meeting.client_id)
        assert (await meeting.owner.patch(path, {"state": "suspended"})).status_code == 200
        await a_minute_later(meeting)
        assert await meeting.people() == {"Grace": "removed"}

    @pytest.mark.parametrize(("hours", "state"), [(3, "removed"), (5, "admitted")])
    async def test_who_was_let_in_hours_ago_and_never_heard_of_has_gone_by_itself(
        self, meeting: Meeting, hours: int, state: str
    ) -> None:
        await meeting.join()
        await meeting.admit()
        meeting.sql(
            "UPDATE video_participant SET seen_at = now() - %s WHERE appointment_id = %s",
            timedelta(hours=hours),
            meeting.appointment_id,
        )
        meeting.change("client_ids = ARRAY[%s]::uuid[]", uuid4())
        await a_minute_later(meeting)
        assert await meeting.people() == {"Grace": state}

    async def test_a_client_who_takes_part_no_longer(self, meeting: Meeting) -> None:
        await inside(meeting)
        meeting.change("client_ids = ARRAY[%s]::uuid[]", uuid4())
        await a_minute_later(meeting)
        assert await meeting.people() == {"Grace": "removed"}


@dataclass
class Live:
    meeting: Meeting
    server: LiveKitServer
    tools: Tools

    async def work(self) -> None:
        """Do what is due for workers of this installation."""
        context = JobContext(self.tools, self.meeting.world.jobs.mailer)
        dsn = self.tools.settings.worker_dsn
        await self.tools.queue.run_worker(dsn, context, concurrency=1, stop=asyncio.Event(), wait=False)

    def let_time_come(self, participant: dict[str, Any]) -> None:
        self.meeting.sql(
            "UPDATE procrastinate_jobs SET scheduled_at = now()"
            " WHERE status = 'todo' AND args ->> 'participant_id' = %s",
            participant["participant_id"],
        )


@pytest.fixture
async def live(meeting: Meeting, settings: Settings) -> AsyncIterator[Live]:
    """The same people at an installation that has LiveKit."""
    with livekit_server() as server:
        named = {"video_provider": "livekit", "video_url": server.url, "video_key": KEY}
        app = create_app(settings.model_copy(update={**named, "video_secret": SecretStr(SECRET)}))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as http,
        ):
            for caller in (meeting.owner, meeting.client):
                caller.http = http
            yield Live(meeting, server, app.state.tools)


class TestLiveKit:
    async def test_the_server_ends_the_connection(self, live: Live) -> None:
        mine = await inside(live.meeting)
        place = mine["room"], mine["participant_id"]
        live.server.connected |= {place, ("another", mine["participant_id"])}
        await remove(live.meeting, mine)
        await live.work()
        assert live.server.connected == {("another", mine["participant_id"])}

    async def test_a_token_that_was_still_good_helps_for_minutes_only(self, live: Live) -> None:
        """F11.M1: the provider cannot take a token back, so it is asked once more when none is good any longer."""
        mine = await inside(live.meeting)
        place = mine["room"], mine["participant_id"]
        await remove(live.meeting, mine)
        await live.work()
        live.server.connected.add(place)
        await live.work()
        assert live.server.connected == {place}
        live.let_time_come(mine)
        await live.work()
        assert live.server.connected == set()

    async def test_who_is_let_in_again_is_left_alone(self, live: Live) -> None:
        mine = await inside(live.meeting)
        await remove(live.meeting, mine)
        await inside(live.meeting)
        live.server.connected.add((mine["room"], mine["participant_id"]))
        live.let_time_come(mine)
        await live.work()
        assert len(live.server.connected) == 1

    async def test_a_server_that_fails_is_asked_again(self, live: Live) -> None:
        mine = await inside(live.meeting)
        live.server.connected.add((mine["room"], mine["participant_id"]))
        live.server.broken = 503
        await remove(live.meeting, mine)
        await live.work()
        live.server.broken = None
        live.let_time_come(mine)
        await live.work()
        assert (live.server.connected, live.server.asked >= 2) == (set(), True)
