"""The mails: one for what comes together, ended in one click, and through a mail server that is a real one."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from portal_api.jobs.notifications import sweep
from portal_api.models.auth import Account
from portal_api.models.scheduling import ReminderPreference
from portal_api.services.notifications import unsubscribing
from portal_api.services.notifications.kinds import REMINDERS
from tests.api.notifications.scene import PREFERENCES, Scene
from tests.mail.conftest import Replies
from tests.world import Caller

ONE_CLICK = {"content": "List-Unsubscribe=One-Click", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}


def raw(scene: Scene, to: Caller) -> list[Message]:
    """The messages to somebody as they came over the wire, newest first."""
    paths = sorted(scene.world.mailbox.directory.glob("*.eml"), reverse=True)
    messages = [message_from_bytes(path.read_bytes()) for path in paths]
    return [message for message in messages if to.account["email"] in message["To"]]


def link(message: Message) -> str:
    found = re.fullmatch(r"<(http://portal\.test/v1/unsubscribe/\S+)>", message["List-Unsubscribe"])
    assert found is not None, message["List-Unsubscribe"]
    return found[1].removeprefix("http://portal.test")


async def click(scene: Scene, path: str) -> httpx.Response:
    return await scene.world.http.post(path, **ONE_CLICK)


class TestTogether:
    async def test_several_within_minutes_are_one_mail(self, scene: Scene) -> None:
        """F14.B1"""
        for _ in range(5):
            await scene.happen("document.shared", by=scene.owner)
        (mail,) = await scene.mails(scene.client)
        assert mail.subject == "5 news from Harbor Therapy"
        assert mail.text.count("A document was shared with you") == 5
        assert len(await scene.inbox(scene.client)) == 5

    async def test_the_first_waits_a_moment_and_the_next_for_its_turn(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        first = waiting(scene)
        assert timedelta(0) < first - datetime.now(UTC) < timedelta(minutes=1)
        await scene.settle()
        await scene.happen("document.shared", by=scene.owner)
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        assert timedelta(minutes=4) < waiting(scene) - datetime.now(UTC) < timedelta(minutes=5)
        assert [mail.subject.startswith("2 news") for mail in await scene.mails(scene.client)] == [True, False]

    async def test_kinds_are_kept_apart(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        await scene.happen("form.assigned", by=scene.owner)
        assert len(await scene.mails(scene.client)) == 2

    async def test_a_job_that_runs_again_sends_nothing_again(self, scene: Scene) -> None:
        event_id = await scene.happen("document.shared", by=scene.owner)
        await scene.mails(scene.client)
        async with scene.house.session() as session:
            await session.tools.queue.defer(session, "event", UUID(scene.practice.id), event_id=event_id)
        assert len(await scene.mails(scene.client)) == 1
        assert len(await scene.inbox(scene.client)) == 1


class TestWhoIsNotMailed:
    async def test_an_address_that_nobody_has_shown_to_be_theirs(self, scene: Scene) -> None:
        """A06: told in the portal alone."""
        mine = update(Account).where(Account.id == UUID(scene.client.account["id"]))
        await scene.run(mine.values(email_verified_at=None))
        await scene.happen("document.shared", by=scene.owner)
        assert await scene.mails(scene.client) == []
        assert await scene.types(scene.client) == ["document.shared"]

    async def test_clients_while_the_portal_is_off(self, scene: Scene) -> None:
        """F1.M2"""
        await scene.happen("document.shared", by=scene.owner)
        await scene.owner.post("/v1/practice/portal/disable")
        assert await scene.mails(scene.client) == []

    async def test_who_cannot_see_messages_any_more(self, scene: Scene) -> None:
        """F12.M10: hidden at once, also for what waits to be told."""
        await scene.message()
        await scene.world.run_jobs()
        assert (await scene.owner.patch("/v1/practice/features", {"secure_messaging": False})).is_success
        assert await scene.mails(scene.client) == []

    @pytest.mark.parametrize("what", ["read", "taken back"])
    async def test_for_whom_nothing_is_unread_by_then(self, scene: Scene, what: str) -> None:
        """F12.M6"""
        thread = await scene.message()
        await scene.world.run_jobs()
        if what == "read":
            await scene.client.post(f"/v1/me/threads/{thread['id']}/read")
        else:
            await scene.practitioner.post(f"/v1/messages/{thread['last_message']['id']}/retract")
        assert await scene.mails(scene.client) == []

    async def test_who_has_answered_and_read_nothing_is_told_all_the_same(self, scene: Scene) -> None:
        thread = await scene.message()
        await scene.world.run_jobs()
        written = await scene.client.post(f"/v1/me/threads/{thread['id']}/messages", {"body": "Hello?"})
        assert written.status_code == 201
        assert len(await scene.mails(scene.client)) == 1

    async def test_whose_access_ended_before_it_was_sent(self, scene: Scene) -> None:
        parent = await scene.guardian("documents.view")
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        scene.sql("UPDATE client_grant SET revoked_at = now() WHERE account_id = %s", parent.account["id"])
        assert await scene.mails(parent) == []

    async def test_a_colleague_who_left_before_it_was_sent(self, scene: Scene) -> None:
        await scene.choose(scene.practitioner, uploads={"email": "immediate"})
        await scene.happen("document.uploaded", by=scene.client)
        await scene.world.run_jobs()
        scene.sql("UPDATE staff_member SET state = 'removed' WHERE id = %s", scene.practitioner_id)
        assert await scene.mails(scene.practitioner) == []


class TestUnsubscribing:
    async def test_one_click_ends_the_kind_of_mail_and_nothing_else(self, scene: Scene) -> None:
        """F14.B3, RFC 8058: without signing in, by a form that a mail program sends."""
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle()
        (message,) = raw(scene, scene.client)
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        answer = await click(scene, link(message))
        assert answer.status_code == 200
        assert (await click(scene, link(message))).status_code == 200, "a second time changes nothing"
        await scene.happen("document.shared", by=scene.owner)
        await scene.happen("form.assigned", by=scene.owner)
        mails = await scene.mails(scene.client)
        assert len(mails) == 2
        assert "form" in mails[0].subject
        kinds = (await scene.client.get(PREFERENCES)).json()["kinds"]
        modes = {each["kind"]: each["channels"].get("email", {}).get("mode") for each in kinds}
        assert (modes["documents"], modes["forms"]) == ("off", "immediate")

    async def test_looking_at_it_changes_nothing_and_shows_nothing(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle()
        path = link(raw(scene, scene.client)[0])
        pages = [await scene.world.http.get(each) for each in (path, "/v1/unsubscribe/nonsense")]
        assert [page.status_code for page in pages] == [200, 200]
        assert pages[0].text == pages[1].text
        await scene.happen("document.shared", by=scene.owner)
        assert len(await scene.mails(scene.client)) == 2

    @pytest.mark.parametrize("forged", ["nonsense", f"{UUID(int=7).hex}.{'A' * 43}"])
    async def test_a_forged_link_ends_nothing(self, scene: Scene, forged: str) -> None:
        assert (await click(scene, f"/v1/unsubscribe/{forged}")).status_code == 404

    async def test_what_must_be_told_cannot_be_ended(self, scene: Scene) -> None:
        resource = ("account", UUID(scene.client.account["id"]))
        await scene.happen("password.changed", by=scene.client, resource=resource, clients=[])
        await scene.settle()
        (message,) = raw(scene, scene.client)
        assert message["List-Unsubscribe"] is None
        assert message["List-Unsubscribe-Post"] is None

    async def test_reminders_can_be_ended_too(self, scene: Scene) -> None:
        recipient_id = UUID(scene.client.account["id"])
        async with scene.house.session() as session:
            headers = await unsubscribing.headers(session, recipient_id, REMINDERS)
            session.add(ReminderPreference(recipient_id=recipient_id, channels=["email"]))
        path = headers["List-Unsubscribe"].strip("<>").removeprefix("http://portal.test")
        assert (await click(scene, path)).status_code == 200
        assert (await scene.client.get("/v1/me/reminders")).json() == {"channels": []}


class TestFailing:
    async def test_a_server_that_is_busy_is_tried_again_under_the_same_id(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        busy = Replies(rcpt="450 4.2.1 later")
        await scene.settle_by(busy)
        ((_, first),) = states(scene)
        assert first == "failed"
        assert len(await scene.mails(scene.client)) == 1
        assert [state for _, state in states(scene)] == ["sent"]

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows  # the sweep asks which practices there are
    async def test_a_mail_whose_job_was_lost_is_made_good(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle_by(Replies(rcpt="450 4.2.1 later"))
        scene.sql("DELETE FROM procrastinate_jobs WHERE args ->> 'practice_id' = %s", scene.practice.id)
        scene.sql(
            "UPDATE mail_delivery SET attempted_at = now() - interval '11 minutes' WHERE practice_id = %s",
            scene.practice.id,
        )
        await sweep(scene.world.jobs)
        assert len(await scene.mails(scene.client)) == 1

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows
    async def test_what_waits_and_has_no_job_is_made_good(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        scene.sql("DELETE FROM procrastinate_jobs WHERE args ->> 'practice_id' = %s", scene.practice.id)
        scene.sql(
            "UPDATE notification SET created_at = now() - interval '11 minutes' WHERE practice_id = %s",
            scene.practice.id,
        )
        await sweep(scene.world.jobs)
        assert len(await scene.mails(scene.client)) == 1

    async def test_one_that_no_server_takes_for_a_day_is_given_up(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle_by(Replies(rcpt="450 4.2.1 later"))
        scene.sql(
            "UPDATE mail_delivery SET created_at = now() - interval '21 hours' WHERE practice_id = %s",
            scene.practice.id,
        )
        assert await scene.mails(scene.client) == []
        assert [state for _, state in states(scene)] == ["abandoned"]


def waiting(scene: Scene) -> datetime:
    """When what waits is gathered."""
    ((at,),) = scene.sql(
        "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'notices.gather' AND status = 'todo'"
        " AND args ->> 'practice_id' = %s",
        scene.practice.id,
    )
    found: datetime = at
    return found


def states(scene: Scene) -> list[tuple[str, str]]:
    return scene.sql(
        "SELECT kind, state FROM mail_delivery WHERE practice_id = %s AND kind = 'documents' ORDER BY id",
        scene.practice.id,
    )
