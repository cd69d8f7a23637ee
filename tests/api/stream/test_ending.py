"""When a stream ends, and what keeps it alive: revocation, stops, slow readers, lost connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from portal_api.core.access import GrantPermission, Role
from portal_api.core.config import Settings
from portal_api.core.db import announcements
from portal_api.main import create_app
from portal_api.services.stream import hub
from tests.api.onboarding.people import invited
from tests.api.scheduling.desk import Desk, open_desk
from tests.entry import open_practice
from tests.families import open_family
from tests.live import listening, stream
from tests.patience import PATIENCE
from tests.people import client_login, colleague, guardian
from tests.world import PASSWORD, World, let_in


@asynccontextmanager
async def started(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody's client of an application of its own, on a socket of its own."""
    async with (
        app.router.lifespan_context(app),
        listening(app) as url,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=httpx.Limits()) as http,
    ):
        yield http


class TestRevocation:
    """Within moments: the events of what was revoked are what wakes the hub."""

    async def test_signing_out(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        async with stream(socket, desk.owner.access_token) as reading:
            assert (await desk.owner.post("/v1/auth/logout")).status_code == 204
            await reading.ends()

    async def test_being_signed_out_elsewhere(self, world: World, desk: Desk, socket: httpx.AsyncClient) -> None:
        client = await desk.portal()
        async with stream(socket, client.access_token) as reading:
            session = (await client.get("/v1/me/sessions")).json()["data"][0]
            assert (await client.delete(f"/v1/me/sessions/{session['id']}")).status_code == 204
            await reading.ends()

    async def test_a_staff_member_who_is_suspended(self, world: World, desk: Desk, socket: httpx.AsyncClient) -> None:
        member, member_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        async with stream(socket, member.access_token) as reading:
            suspended = await desk.owner.post(f"/v1/practice/staff/{member_id}/suspend")
            assert suspended.status_code == 200, suspended.text
            await reading.ends()

    async def test_a_portal_that_is_switched_off(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        client = await desk.portal()
        async with (
            stream(socket, client.access_token) as reading,
            stream(socket, desk.owner.access_token) as for_staff,
        ):
            assert (await desk.owner.post("/v1/practice/portal/disable")).status_code == 200
            await reading.ends()
            await for_staff.until("portal.disabled")

    @pytest.mark.parametrize("state", ["suspended", "revoked"])
    async def test_access_that_is_taken_away(self, world: World, socket: httpx.AsyncClient, state: str) -> None:
        practice = await open_practice(world)
        chart, client = await invited(world, practice)
        async with stream(socket, client.access_token) as reading:
            ended = await practice.owner.patch(f"/v1/clients/{chart['id']}/portal-access", {"state": state})
            assert ended.status_code == 200, ended.text
            await reading.ends()

    async def test_a_guardian_who_is_removed(self, world: World, socket: httpx.AsyncClient) -> None:
        """F6.B3"""
        family = await open_family(world)
        record, parent = await family.parent()
        async with stream(socket, parent.access_token) as reading:
            await family.remove(record)
            await reading.ends()

    async def test_a_password_that_is_changed_on_another_device(
        self, world: World, desk: Desk, socket: httpx.AsyncClient
    ) -> None:
        other = await let_in(world.app, world.http, desk.practice.id, desk.owner.account["id"])
        body = {"current_password": PASSWORD, "new_password": "seven pale lanterns drift"}
        async with stream(socket, other.access_token) as reading:
            assert (await desk.owner.put("/v1/me/password", body)).status_code == 204
            await reading.ends()

    async def test_a_client_who_is_archived(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        client = await desk.portal()
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"email": "grace@harbor.example"})
        async with stream(socket, client.access_token) as reading:
            archived = await desk.owner.post(f"/v1/clients/{desk.client_id}/archive")
            assert archived.status_code == 200, archived.text
            await reading.ends()

    async def test_a_grant_whose_time_is_over(
        self, desk: Desk, socket: httpx.AsyncClient, sql: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of which there is no event: it is found out at the next look."""
        monkeypatch.setattr(hub, "CHECK", 0.2)
        parent = await guardian(desk.world, desk.practice, desk.client_id)
        async with stream(socket, parent.access_token) as reading:
            await desk.book()
            await reading.until("appointment.booked")
            sql("UPDATE client_grant SET valid_to = now() WHERE account_id = %s", parent.account["id"])
            await reading.ends()
            assert [block.event for block in reading.heard] == ["appointment.booked"]


class TestScope:
    async def test_a_role_that_is_taken_away(self, world: World, desk: Desk, socket: httpx.AsyncClient) -> None:
        member, member_id = await colleague(world, desk.practice, Role.SCHEDULER)
        async with stream(socket, member.access_token) as reading:
            changed = await desk.owner.patch(f"/v1/practice/staff/{member_id}", {"roles": ["forms_admin"]})
            assert changed.status_code == 200, changed.text
            assert (await reading.until("reset"))["reason"] == "access_changed"
            await desk.book()
            await desk.add_service()
            await reading.until("service.created")
            assert [block.event for block in reading.heard] == ["reset", "service.created"]

    async def test_a_client_whom_one_works_with_no_more(
        self, world: World, desk: Desk, socket: httpx.AsyncClient
    ) -> None:
        member, member_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"practitioner_ids": [member_id]})
        async with stream(socket, member.access_token) as reading:
            await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"practitioner_ids": []})
            assert (await reading.until("reset"))["reason"] == "access_changed"
            await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"preferred_name": "Gracie"})
            await desk.add_service()
            await reading.until("service.created")
            assert [block.event for block in reading.heard] == ["reset", "service.created"]

    async def test_a_feature_that_is_switched_off(self, desk: Desk, socket: httpx.AsyncClient) -> None:
        await desk.switch(appointment_requests=True)
        client = await desk.portal()
        async with stream(socket, client.access_token) as reading:
            await desk.switch(appointment_requests=False)
            assert (await reading.until("reset"))["reason"] == "access_changed"

    async def test_one_child_of_two(
        self, desk: Desk, socket: httpx.AsyncClient, sql: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "CHECK", 0.2)
        parent = await guardian(desk.world, desk.practice, desk.client_id, GrantPermission.APPOINTMENTS_VIEW)
        async with stream(socket, parent.access_token) as reading:
            sql("UPDATE client_grant SET permissions = '{}' WHERE account_id = %s", parent.account["id"])
            assert (await reading.until("reset"))["reason"] == "access_changed"


class TestLife:
    async def test_a_heartbeat_moves_the_place_along(
        self, desk: Desk, socket: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "CHECK", 0.2)
        client = await desk.portal()
        async with stream(socket, client.access_token) as reading:
            begun = reading.last_event_id
            await desk.add_service()  # of which a client is not told
            block = await reading.block()
            while block is not None and reading.last_event_id == begun:
                assert (block.comment, block.data) == ("heartbeat", None)
                block = await reading.block()
            place = reading.last_event_id
        async with stream(socket, client.access_token, place, follow=False) as reading:
            await reading.ends()
            assert reading.heard == []

    async def test_the_listening_connection_is_made_anew(
        self, desk: Desk, socket: httpx.AsyncClient, sql: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(announcements, "PAUSE", 0.05)
        async with stream(socket, desk.owner.access_token) as reading:
            await desk.add_service()
            await reading.until("service.created")
            assert sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %%portal%%'")
            for _ in range(2):
                await desk.add_service()
                await reading.until("service.created")

    async def test_many_streams_hold_no_connection_of_the_database(self, settings: Settings, world: World) -> None:
        app = create_app(settings.model_copy(update={"database_pool_size": 1}))
        async with started(app) as http:
            desk = await open_desk(World(app, http, world.mailbox))
            token = desk.owner.access_token
            async with stream(http, token) as first, stream(http, token), stream(http, token):
                await asyncio.gather(desk.add_service(), desk.book())
                await first.until("appointment.booked")

    async def test_a_server_that_stops_waits_for_nobody(self, settings: Settings, world: World) -> None:
        app: FastAPI = create_app(settings)
        async with started(app) as http:
            desk = await open_desk(World(app, http, world.mailbox))
            async with stream(http, desk.owner.access_token) as reading:
                app.state.stopping.set()
                await reading.ends()
            refused = await desk.owner.get("/v1/stream")
            assert refused.status_code == 503

    async def test_of_too_many_of_one_account_the_oldest_gives_way(
        self, desk: Desk, socket: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "MOST_OF_ACCOUNT", 1)
        token = desk.owner.access_token
        async with stream(socket, token) as first, stream(socket, token) as second:
            await first.ends()
            await desk.add_service()
            await second.until("service.created")


async def test_nobody_listens_without_a_session(socket: httpx.AsyncClient) -> None:
    response = await socket.get("/v1/stream")
    assert response.status_code == 401
    assert response.json()["code"] == "unauthenticated"


async def test_a_client_who_lost_everything_is_not_let_in(
    world: World, desk: Desk, socket: httpx.AsyncClient, sql: Callable[..., Any]
) -> None:
    client = await client_login(world, desk.practice, desk.client_id)
    sql("UPDATE client_grant SET revoked_at = now() WHERE account_id = %s", client.account["id"])
    response = await socket.get("/v1/stream", headers={"Authorization": f"Bearer {client.access_token}"})
    assert (response.status_code, response.json()["code"]) == (403, "no_portal_access")
