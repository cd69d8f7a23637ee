"""Live updates over a real socket: what is told, and to whom (design section 5)."""

import asyncio
from datetime import timedelta

import httpx

from portal_api.core.access import GrantPermission, Role
from tests.api.scheduling.desk import DAY, HOUR, MINE, NOON, Desk
from tests.entry import open_practice, supervise
from tests.live import Reading, stream
from tests.people import colleague, guardian
from tests.world import World


async def told(reading: Reading, until: str) -> list[str]:
    """The types of what is told, up to the last of these."""
    await reading.until(until)
    return [str(block.event) for block in reading.heard]


class TestWhat:
    async def test_an_event_is_ids_and_kinds(self, world: World, desk: Desk, socket: httpx.AsyncClient) -> None:
        async with stream(socket, desk.owner.access_token) as reading:
            assert reading.response.headers["content-type"] == "text/event-stream"
            assert reading.response.headers["cache-control"] == "no-store"
            client = await world.client(desk.owner)
            said = await reading.until("client.created")
            assert said.keys() == {"id", "type", "resource_type", "resource_id", "client_id"}
            assert (said["resource_type"], said["resource_id"]) == ("client", client["id"])
            assert said["client_id"] == client["id"]
            assert "Grace" not in str(said)

    async def test_each_has_a_place_to_go_on_from(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        async with stream(socket, desk.owner.access_token) as reading:
            assert reading.last_event_id
            await desk.book()
            block = await reading.event()
            assert block is not None
            assert block.id

    async def test_what_somebody_looks_at_is_told_to_nobody(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        async with stream(socket, desk.owner.access_token) as reading:
            await desk.owner.get("/v1/clients")
            await desk.owner.get(f"/v1/clients/{desk.client_id}")
            await desk.book()
            assert await told(reading, "appointment.booked") == ["appointment.booked"]

    async def test_who_wants_no_more_than_what_was_gets_an_end(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        async with stream(socket, desk.owner.access_token, follow=False) as reading:
            await reading.ends()
            assert reading.heard == []
            begun = reading.last_event_id
        made = await desk.book()
        async with stream(socket, desk.owner.access_token, begun, follow=False) as reading:
            assert (await reading.until("appointment.booked"))["resource_id"] == made["id"]
            await reading.ends()

    async def test_head_has_no_body_and_an_end(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        headers = {"Authorization": f"Bearer {desk.owner.access_token}"}
        response = await socket.head("/v1/stream", headers=headers)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"


class TestWhom:
    async def test_staff_are_told_of_their_own_calendar_and_of_those_they_supervise(
        self, world: World, desk: Desk, socket: httpx.AsyncClient
    ) -> None:
        """F20.M3: as their lists show it."""
        supervisor, supervisor_id = await colleague(world, desk.practice, Role.SUPERVISOR)
        other, _ = await colleague(world, desk.practice, Role.PRACTITIONER)
        _, supervised_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        await supervise(desk.practice, supervisor_id, supervised_id)
        async with (
            stream(socket, supervisor.access_token) as for_supervisor,
            stream(socket, other.access_token) as for_other,
            stream(socket, desk.owner.access_token) as for_owner,
        ):
            owners = await desk.book()
            theirs = await desk.book(NOON + DAY, practitioner_id=supervised_id)
            service = await desk.add_service()
            await for_owner.until("appointment.booked", owners["id"])
            await for_owner.until("appointment.booked", theirs["id"])
            assert (await for_supervisor.until("appointment.booked"))["resource_id"] == theirs["id"]
            assert (await for_other.until("service.created"))["resource_id"] == service
            assert [block.event for block in for_other.heard] == ["service.created"]

    async def test_staff_are_told_of_their_own_caseload(
        self, world: World, desk: Desk, socket: httpx.AsyncClient
    ) -> None:
        mine, my_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        client = await world.client(desk.owner, practitioner_ids=[my_id])
        async with stream(socket, mine.access_token) as reading:
            await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"preferred_name": "Not mine"})
            await desk.owner.patch(f"/v1/clients/{client['id']}", {"preferred_name": "Mine"})
            said = await reading.until("client.updated")
            assert said["resource_id"] == client["id"]

    async def test_a_role_without_the_permission_is_not_told(
        self, world: World, desk: Desk, socket: httpx.AsyncClient
    ) -> None:
        forms, _ = await colleague(world, desk.practice, Role.FORMS_ADMIN)
        async with stream(socket, forms.access_token) as reading:
            await desk.book()
            await desk.add_client()
            await desk.add_service()
            assert await told(reading, "service.created") == ["service.created"]

    async def test_a_client_is_told_of_their_own(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        client = await desk.portal()
        other_id = await desk.add_client()
        async with stream(socket, client.access_token) as reading:
            await desk.book(client_id=other_id)
            await desk.add_service()
            mine = await desk.book(NOON + HOUR)
            said = await reading.until("appointment.booked")
            assert (said["resource_id"], said["client_id"]) == (mine["id"], desk.client_id)
            assert len(reading.heard) == 1

    async def test_of_two_clients_at_an_appointment_each_hears_of_themselves(
        self, desk: Desk, socket: httpx.AsyncClient
    ) -> None:
        other_id = await desk.add_client()
        client, other = await desk.portal(), await desk.portal(other_id)
        async with stream(socket, client.access_token) as first, stream(socket, other.access_token) as second:
            await desk.book(additional_client_ids=[other_id])
            assert (await first.until("appointment.booked"))["client_id"] == desk.client_id
            assert (await second.until("appointment.booked"))["client_id"] == other_id

    async def test_a_guardian_is_told_of_what_the_grant_allows(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        """F6.M1."""
        seeing = await guardian(desk.world, desk.practice, desk.client_id, GrantPermission.APPOINTMENTS_VIEW)
        paying = await guardian(desk.world, desk.practice, desk.client_id, GrantPermission.BILLING_PAY)
        async with stream(socket, seeing.access_token) as first, stream(socket, paying.access_token) as second:
            await desk.book()
            await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"preferred_name": "Gracie"})
            assert await told(first, "client.updated") == ["appointment.booked", "client.updated"]
            assert await told(second, "client.updated") == ["client.updated"]

    async def test_guardians_do_not_hear_of_what_is_confidential(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        """F6.B3. When it becomes so they are told once, and find it gone."""
        parent, teen = await guardian(desk.world, desk.practice, desk.client_id), await desk.portal()
        async with stream(socket, parent.access_token) as hearing, stream(socket, teen.access_token) as own:
            kept = await desk.book(confidential=True)
            await desk.done("reschedule", kept, starts_at="2031-03-04T12:00:00Z")
            was_open = await desk.book(NOON + HOUR)
            await hearing.until("appointment.booked", was_open["id"])
            for _ in range(2):
                changed = await desk.owner.patch(f"/v1/appointments/{was_open['id']}", {"confidential": True})
                assert changed.status_code == 200
            await desk.done("cancel", was_open)
            await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"preferred_name": "Gracie"})
            assert await told(hearing, "client.updated") == [
                "appointment.booked",
                "appointment.updated",
                "client.updated",
            ]
            assert {block.data["resource_id"] for block in hearing.heard[:2] if block.data} == {was_open["id"]}
            assert (await parent.get(f"{MINE}/{was_open['id']}")).status_code == 404
            await own.until("appointment.rescheduled", kept["id"])

    async def test_who_no_longer_comes_is_told_once_more(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        other_id = await desk.add_client()
        made = await desk.book(additional_client_ids=[other_id])
        other = await desk.portal(other_id)
        async with stream(socket, other.access_token) as reading:
            await desk.owner.patch(f"/v1/appointments/{made['id']}", {"additional_client_ids": []})
            assert (await reading.until("appointment.updated"))["resource_id"] == made["id"]
            assert (await other.get(f"{MINE}/{made['id']}")).status_code == 404

    async def test_another_practice_hears_nothing(self, world: World, desk: Desk, socket: httpx.AsyncClient) -> None:
        """A14."""
        other = await open_practice(world)
        async with stream(socket, other.owner.access_token) as reading:
            await desk.book()
            await world.client(other.owner)
            assert await told(reading, "client.created") == ["client.created"]

    async def test_many_hear_the_same(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        async with asyncio.timeout(timedelta(minutes=1).total_seconds()):
            async with (
                stream(socket, desk.owner.access_token) as first,
                stream(socket, desk.owner.access_token) as second,
            ):
                made = await desk.book()
                for reading in (first, second):
                    await reading.until("appointment.booked", made["id"])
