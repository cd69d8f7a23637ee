"""What was sent and how it fared: a real SMTP 550 suppresses, tells staff, and is undone by a mail that arrives."""

from typing import Any
from uuid import UUID

import pytest
from dirty_equals import IsPartialDict

from portal_api.core.access import Role
from tests.api.notifications.scene import LOG, Scene
from tests.mail.conftest import Replies

NO_SUCH_USER = Replies(rcpt="550 5.1.1 no such user")


async def of_client(scene: Scene) -> list[dict[str, Any]]:
    return await scene.log(recipient_id=scene.client.account["id"])


async def share(scene: Scene) -> None:
    await scene.happen("document.shared", by=scene.owner)


async def bounce(scene: Scene) -> None:
    """A mail to the client is refused for good."""
    await scene.settle()
    await share(scene)
    await scene.settle_by(Replies(rcpt="550 5.1.1 no such user"))


async def ask_for_a_letter(scene: Scene) -> None:
    """The holder asks for a mail: a link to choose another password."""
    body = {"practice": scene.practice.id, "email": scene.client.account["email"]}
    assert (await scene.world.http.post("/v1/auth/password-reset", json=body)).status_code == 202


class TestLog:
    async def test_it_says_how_a_mail_fared_and_nothing_of_what_it_said(self, scene: Scene) -> None:
        """F14.M4"""
        await share(scene)
        await scene.settle()
        (entry,) = await of_client(scene)
        email = scene.client.account["email"]
        assert entry == IsPartialDict(
            channel="email", template="notice", kind="documents", state="sent", smtp_code=250, attempts=1
        )
        assert entry["address"] == f"{email[0]}***@h***.example"
        shown = (await scene.owner.get(LOG)).text
        for told in (email, "shared", "Grace", "Client"):
            assert told not in shown

    async def test_it_is_for_owners_and_admins_and_reading_it_is_recorded(self, scene: Scene) -> None:
        admin, _ = await scene.colleague(Role.ADMIN)
        assert (await admin.get(LOG)).status_code == 200
        for caller in (scene.practitioner, scene.client, (await scene.colleague(Role.BILLER))[0]):
            assert (await caller.get(LOG)).status_code == 403
        read = "SELECT actor_id::text FROM event WHERE practice_id = %s AND type = 'notification_log.listed'"
        assert scene.sql(read, scene.practice.id) == [(admin.account["id"],)]

    async def test_it_is_paged_and_filtered_by_state(self, scene: Scene) -> None:
        await bounce(scene)
        await scene.settle()
        assert {entry["state"] for entry in await scene.log(state="bounced")} == {"bounced"}
        everything = await scene.log()
        pages, cursor = [], ""
        while cursor is not None:
            answer = (await scene.owner.get(LOG, params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
            pages += answer["data"]
            cursor = answer["next_cursor"]
        assert [entry["id"] for entry in pages] == [entry["id"] for entry in everything]
        assert len(pages) >= 2


class TestBounces:
    async def test_an_address_that_takes_no_mail_is_left_alone(self, scene: Scene) -> None:
        await bounce(scene)
        (entry,) = await of_client(scene)
        assert (entry["state"], entry["smtp_code"]) == ("bounced", 550)
        await share(scene)
        assert await scene.mails(scene.client) == []
        assert [entry["state"] for entry in await of_client(scene)] == ["suppressed", "bounced"]
        assert len(await scene.inbox(scene.client)) == 2, "the inbox does not need the address"

    async def test_staff_are_told(self, scene: Scene) -> None:
        await bounce(scene)
        assert "mail.bounced" in await scene.types(scene.practitioner)
        assert "mail.bounced" in await scene.types(scene.owner)
        (row,) = [row for row in await scene.inbox(scene.practitioner) if row["event_type"] == "mail.bounced"]
        assert row["client_id"] == scene.client_id
        event = scene.sql(
            "SELECT details, client_ids::text[] FROM event WHERE practice_id = %s AND type = 'mail.bounced'",
            scene.practice.id,
        )
        assert event == [({"template": "notice", "smtp_code": 550, "suppressed": True}, [scene.client_id])]

    async def test_what_somebody_asks_for_is_tried_all_the_same_and_heals(self, scene: Scene) -> None:
        await bounce(scene)
        await ask_for_a_letter(scene)
        (letter,) = await scene.mails(scene.client)
        assert "password" in letter.subject.lower()
        await share(scene)
        assert len(await scene.mails(scene.client)) == 2

    async def test_another_address_is_another_matter(self, scene: Scene) -> None:
        await bounce(scene)
        address = scene.world.email("new")
        scene.sql(
            "UPDATE account SET email = %s, email_norm = %s WHERE id = %s", address, address, scene.client.account["id"]
        )
        await share(scene)
        assert len(await scene.mails(address)) == 1

    async def test_after_a_month_it_is_tried_again(self, scene: Scene) -> None:
        await bounce(scene)
        scene.sql("UPDATE suppressed_address SET until = now() WHERE practice_id = %s", scene.practice.id)
        await share(scene)
        assert len(await scene.mails(scene.client)) == 1

    async def test_one_practices_bounce_is_not_anothers(self, scene: Scene, world: Any) -> None:
        await bounce(scene)
        other = await world.practice()
        made = await world.client(other.owner, email=scene.client.account["email"])
        invited = await other.owner.post("/v1/practice/portal/enable", {"slug": f"o-{other.id[-12:]}"})
        assert invited.status_code == 200
        await other.owner.post(f"/v1/clients/{made['id']}/invitations", {})
        assert len(await scene.mails(scene.client)) == 1

    @pytest.mark.parametrize(
        "replies",
        [
            Replies(rcpt="550 5.7.1 we do not trust you"),
            Replies(data="554 5.6.0 we do not like this message"),
            Replies(rcpt="450 4.2.2 mailbox full"),
        ],
    )
    async def test_what_is_not_about_the_address_suppresses_nothing(self, scene: Scene, replies: Replies) -> None:
        await scene.settle()
        await share(scene)
        await scene.settle_by(replies)
        assert scene.sql("SELECT count(*) FROM suppressed_address WHERE practice_id = %s", scene.practice.id) == [(0,)]

    async def test_a_notice_of_it_that_bounces_too_starts_no_circle(self, scene: Scene) -> None:
        await scene.choose(scene.owner, undelivered_mail={"email": "immediate"})
        await scene.choose(scene.practitioner, undelivered_mail={"email": "immediate"})
        await share(scene)
        for _ in range(4):
            await scene.settle_by(Replies(rcpt="550 5.1.1 no such user"))
            scene.time_passes()
        bounced = "SELECT count(*) FROM event WHERE practice_id = %s AND type = 'mail.bounced'"
        assert scene.sql(bounced, scene.practice.id)[0][0] <= 4
        ids = UUID(scene.practice.id)
        assert scene.sql("SELECT count(*) FROM suppressed_address WHERE practice_id = %s", ids)[0][0] == 3
