"""Devices that are woken: bound to the session that is on them, told nothing but that there is something (F19.M3)."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from dirty_equals import IsPartialDict, IsStr

from portal_api.core.db import Binding
from portal_api.services import retention
from tests.api.notifications.scene import INBOX, Scene
from tests.people import grant
from tests.push_service import Device, PushService, push_service
from tests.world import Caller, let_in

DEVICES = "/v1/me/push-subscriptions"


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as found:
        yield found


async def register(caller: Caller, service: PushService, device: Device, path: str = "phone") -> dict[str, Any]:
    answer = await caller.post(DEVICES, {"endpoint": f"{service.origin}/{path}", "keys": device.keys})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def devices(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await caller.get(DEVICES)).json()["data"]
    return found


async def again(scene: Scene, caller: Caller) -> Caller:
    """The same account, signed in on another device."""
    return await let_in(scene.world.app, scene.world.http, scene.practice.id, caller.account["id"])


class TestRegistering:
    async def test_a_device_registers_is_listed_and_removed(self, scene: Scene, service: PushService) -> None:
        made = await register(scene.client, service, Device())
        assert made == IsPartialDict(id=IsStr, current=True, last_sent_at=None)
        answer = (await scene.client.get(DEVICES)).json()
        assert [each["id"] for each in answer["data"]] == [made["id"]]
        assert len(answer["application_server_key"]) == 87
        assert "endpoint" not in str(answer["data"]), "it is not shown again"
        assert (await scene.client.delete(f"{DEVICES}/{made['id']}")).status_code == 204
        assert await devices(scene.client) == []

    async def test_a_new_address_replaces_the_old(self, scene: Scene, service: PushService) -> None:
        """Rotation: a browser renews its subscription now and then."""
        first = await register(scene.client, service, Device(), "old")
        device = Device()
        second = await register(scene.client, service, device, "new")
        assert first["id"] == second["id"]
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle()
        assert [push.path for push in service.got] == ["/new"]
        assert service.read(device) == [IsPartialDict(type="notification")]

    async def test_who_signs_in_on_the_same_device_takes_it_over(self, scene: Scene, service: PushService) -> None:
        device, parent = Device(), await scene.guardian("documents.view")
        await register(scene.client, service, device)
        await register(parent, service, device)
        assert await devices(scene.client) == []
        assert len(await devices(parent)) == 1

    async def test_the_address_and_the_keys_are_kept_sealed(self, scene: Scene, service: PushService) -> None:
        device = Device()
        await register(scene.client, service, device)
        ((row,),) = scene.sql(
            "SELECT push_subscription::text FROM push_subscription WHERE practice_id = %s", scene.practice.id
        )
        assert service.origin not in row
        assert device.keys["p256dh"] not in row

    @pytest.mark.parametrize(
        ("endpoint", "keys", "pointer"),
        [
            ("http://push.example/x", {}, "/endpoint"),
            ("https://10.0.0.1/x", {}, "/endpoint"),
            ("https://push.example:8443/x", {}, "/endpoint"),
            ("ftp://push.example/x", {}, "/endpoint"),
            ("https://push.example/x", {"auth": "AAAA"}, "/keys/auth"),
            ("https://push.example/x", {"p256dh": "AAAA"}, "/keys/p256dh"),
        ],
    )
    async def test_what_no_push_service_gives_out_is_refused(
        self, scene: Scene, endpoint: str, keys: dict[str, str], pointer: str
    ) -> None:
        """A32"""
        refused = await scene.client.post(DEVICES, {"endpoint": endpoint, "keys": Device().keys | keys})
        assert refused.status_code == 422, refused.text
        assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]


class TestWaking:
    async def test_every_device_is_woken_and_told_nothing(self, scene: Scene, service: PushService) -> None:
        phone, tablet = Device(), Device()
        await register(scene.client, service, phone, "phone")
        await register(await again(scene, scene.client), service, tablet, "tablet")
        await scene.happen("document.shared", by=scene.owner)
        (row,) = await scene.inbox(scene.client)
        told = {push.path: push for push in service.got}
        assert told.keys() == {"/phone", "/tablet"}
        read = [json.loads(phone.read(told["/phone"].body)), json.loads(tablet.read(told["/tablet"].body))]
        assert read == [{"type": "notification", "id": row["id"], "unread": 1}] * 2
        key = (await scene.client.get(DEVICES)).json()["application_server_key"]
        assert {push.signed_by(service.origin)[0] for push in service.got} == {key}
        assert all(each["last_sent_at"] for each in await devices(scene.client))

    async def test_several_within_minutes_are_one_push(self, scene: Scene, service: PushService) -> None:
        device = Device()
        await register(scene.client, service, device)
        for _ in range(4):
            await scene.happen("document.shared", by=scene.owner)
        await scene.settle()
        assert service.read(device) == [IsPartialDict(unread=4)]

    async def test_who_wants_none_gets_none(self, scene: Scene, service: PushService) -> None:
        await register(scene.client, service, Device())
        await scene.choose(scene.client, documents={"push": "off"})
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle()
        assert service.got == []

    async def test_what_was_read_meanwhile_wakes_nobody(self, scene: Scene, service: PushService) -> None:
        await register(scene.client, service, Device())
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        assert (await scene.client.post(f"{INBOX}/read-all")).json() == {"unread": 0}
        await scene.settle()
        assert service.got == []

    async def test_a_conversation_that_was_read_meanwhile_wakes_nobody(
        self, scene: Scene, service: PushService
    ) -> None:
        await register(scene.client, service, Device())
        thread = await scene.message()
        await scene.world.run_jobs()
        assert (await scene.client.post(f"/v1/me/threads/{thread['id']}/read")).status_code == 200
        await scene.settle()
        assert service.got == []

    async def test_a_device_that_is_gone_is_forgotten(self, scene: Scene, service: PushService) -> None:
        await register(scene.client, service, Device())
        service.status = "410 Gone"
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle()
        assert len(service.got) == 1
        assert await devices(scene.client) == []

    async def test_a_service_that_is_busy_is_asked_again(self, scene: Scene, service: PushService) -> None:
        device = Device()
        await register(scene.client, service, device)
        service.status = "503 Busy"
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle()
        service.status = "201 Created"
        await scene.settle()
        assert len(service.got) == 2
        assert len(await devices(scene.client)) == 1


class TestEnding:
    async def test_it_ends_with_its_session(self, scene: Scene, service: PushService) -> None:
        tablet = await again(scene, scene.client)
        await register(tablet, service, Device())
        assert (await tablet.post("/v1/auth/logout")).status_code == 204
        assert await devices(scene.client) == []
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle()
        assert service.got == []

    async def test_what_is_left_of_it_is_deleted(self, scene: Scene, service: PushService) -> None:
        tablet = await again(scene, scene.client)
        await register(tablet, service, Device())
        kept = await register(scene.client, service, Device(), "kept")
        await tablet.post("/v1/auth/logout")
        async with scene.world.tools.database.session(Binding.system(UUID(scene.practice.id))) as session:
            for rule in retention.RULES:
                await retention.prune(session, rule)
        left = scene.sql("SELECT id::text FROM push_subscription WHERE practice_id = %s", scene.practice.id)
        assert left == [(kept["id"],)]

    @pytest.mark.parametrize(
        "shut",
        [
            "UPDATE account SET suspended_at = now() WHERE id = %(account)s",
            "UPDATE portal_settings SET enabled = false WHERE practice_id = %(practice)s",
            "UPDATE auth_session SET idle_expires_at = now() WHERE account_id = %(account)s",
        ],
    )
    async def test_whose_access_has_ended_is_not_woken(self, scene: Scene, service: PushService, shut: str) -> None:
        await register(scene.client, service, Device())
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        values = {"account": scene.client.account["id"], "practice": scene.practice.id}
        for name, value in values.items():
            shut = shut.replace(f"%({name})s", f"'{value}'")
        scene.sql(shut)
        await scene.settle()
        assert service.got == []

    async def test_of_a_child_for_whom_one_acts_no_more_nothing_is_said(
        self, scene: Scene, service: PushService
    ) -> None:
        """F6.M3: neither is the device woken for it, nor is it among what is unread."""
        parent, device = await scene.guardian(), Device()
        sibling = await scene.world.client(scene.owner)
        await grant(scene.world, scene.practice, parent.account["id"], sibling["id"], "parent", ("documents.view",))
        await register(parent, service, device)
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        scene.sql(
            "UPDATE client_grant SET revoked_at = now() WHERE account_id = %s AND client_id = %s",
            parent.account["id"],
            scene.client_id,
        )
        await scene.settle()
        assert service.got == []
        await scene.happen("document.shared", by=scene.owner, clients=[sibling["id"]])
        await scene.settle()
        assert service.read(device) == [IsPartialDict(unread=1)]

    async def test_it_is_nobody_elses(self, scene: Scene, service: PushService) -> None:
        made = await register(scene.client, service, Device())
        parent = await scene.guardian("documents.view")
        assert (await parent.delete(f"{DEVICES}/{made['id']}")).status_code == 404
        assert len(await devices(scene.client)) == 1
