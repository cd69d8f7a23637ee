"""The digest as its reader sees it: what it says, what it would say, and when it comes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from dirty_equals import IsPartialDict

from portal_api.jobs.notifications import sweep
from tests.api.notifications.scene import PREFERENCES, Scene
from tests.mail.conftest import Replies
from tests.world import Caller

PREVIEW, PORTAL = "/v1/me/digest/preview", "/v1/practice/portal"


async def preview(caller: Caller) -> dict[str, Any]:
    answer = await caller.get(PREVIEW)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def the_hour_comes(scene: Scene) -> None:
    """What happened, happened two days ago; the sweep looks for what is due."""
    scene.sql(
        "UPDATE notification SET occurred_at = occurred_at - interval '2 days' WHERE practice_id = %s",
        scene.practice.id,
    )
    await sweep(scene.world.jobs)
    await scene.settle()


async def the_hour_comes_to(scene: Scene, replies: Replies) -> None:
    """The same, with a mail server that answers as told."""
    scene.sql(
        "UPDATE notification SET occurred_at = occurred_at - interval '2 days' WHERE practice_id = %s",
        scene.practice.id,
    )
    await sweep(scene.world.jobs)
    await scene.settle_by(replies)


@pytest.mark.every_practice
@pytest.mark.whatever_rows  # the sweep asks which practices there are
async def test_it_says_one_line_each_with_a_place_to_look_and_initials_at_most(scene: Scene) -> None:
    """F14.M2: signed plans and uploads are in the digest; onboarding was told at once."""
    document_id, plan_id = uuid4(), uuid4()
    await scene.happen("document.uploaded", by=scene.client, resource=("document", document_id))
    await scene.happen("treatment_plan.signed", by=scene.client, resource=("treatment_plan", plan_id))
    await scene.happen("onboarding.completed", by=scene.client)
    mails = await scene.mails(scene.practitioner)
    assert ["onboarding" in mail.subject for mail in mails] == [True]
    await the_hour_comes(scene)
    digest = (await scene.mails(scene.practitioner))[0]
    assert digest.subject == "Your daily digest from Harbor Therapy"
    lines = [line for line in digest.text.splitlines() if line.startswith("- ")]
    assert lines == ["- GC: A document was uploaded", "- GC: A treatment plan was signed"]
    assert f"/documents/{document_id}\n" in digest.text
    assert f"/treatment-plans/{plan_id}\n" in digest.text
    for told in ("Grace", "Client", "onboarding"):
        assert told not in digest.text.replace("client portal", "")


@pytest.mark.whatever_rows
async def test_it_comes_once_and_then_there_is_nothing_to_say(scene: Scene) -> None:
    await scene.happen("document.uploaded", by=scene.client)
    await scene.settle()
    for _ in range(3):
        await the_hour_comes(scene)
    assert len(await scene.mails(scene.practitioner)) == 1


@pytest.mark.whatever_rows
async def test_what_was_switched_off_meanwhile_is_left_out(scene: Scene) -> None:
    await scene.happen("document.uploaded", by=scene.client)
    await scene.happen("form.submitted", by=scene.client)
    await scene.settle()
    await scene.choose(scene.practitioner, uploads={"email": "off"})
    await the_hour_comes(scene)
    (digest,) = await scene.mails(scene.practitioner)
    assert "form was completed" in digest.text
    assert "uploaded" not in digest.text


async def test_the_preview_says_what_it_would(scene: Scene) -> None:
    """F14.B2"""
    assert (await preview(scene.practitioner))["data"] == []
    await scene.happen("document.uploaded", by=scene.client)
    await scene.happen("onboarding.completed", by=scene.client)
    await scene.settle()
    found = await preview(scene.practitioner)
    assert found == IsPartialDict(covered_until=None, left_out=0)
    assert [(line["title"], line["client_initials"]) for line in found["data"]] == [("A document was uploaded", "GC")]
    assert (await preview(scene.client))["data"] == []


async def test_the_preview_leaves_out_what_the_digest_would(scene: Scene) -> None:
    """F14.B2: what was switched off, or read, since."""
    await scene.choose(scene.client, messages={"email": "digest"})
    thread = await scene.message()
    await scene.happen("document.uploaded", by=scene.client)
    await scene.settle()
    for caller in (scene.client, scene.practitioner):
        assert len((await preview(caller))["data"]) == 1
    await scene.client.post(f"/v1/me/threads/{thread['id']}/read")
    await scene.choose(scene.practitioner, uploads={"email": "off"})
    for caller in (scene.client, scene.practitioner):
        assert (await preview(caller))["data"] == []


@pytest.mark.whatever_rows
async def test_what_came_while_the_portal_was_off_is_told_by_the_next(scene: Scene) -> None:
    """F14.M2: since the last one that was sent; off is no digest."""
    await scene.choose(scene.client, documents={"email": "digest"})
    await scene.happen("document.shared", by=scene.owner)
    await scene.settle()
    assert (await scene.owner.post("/v1/practice/portal/disable")).status_code == 200
    await the_hour_comes(scene)
    assert (await scene.owner.post("/v1/practice/portal/enable", {})).status_code == 200
    assert await scene.mails(scene.client) == []
    await the_hour_comes(scene)
    assert len(await scene.mails(scene.client)) == 1


@pytest.mark.whatever_rows
async def test_one_that_was_made_before_the_portal_went_off_is_told_by_the_next(scene: Scene) -> None:
    await scene.choose(scene.client, documents={"email": "digest"})
    await scene.happen("document.shared", by=scene.owner)
    await scene.settle()
    await the_hour_comes_to(scene, Replies(rcpt="450 4.2.1 later"))
    await scene.owner.post("/v1/practice/portal/disable")
    assert await scene.mails(scene.client) == []
    await scene.owner.post("/v1/practice/portal/enable", {})
    scene.sql(
        "UPDATE digest_cursor SET covered_until = covered_until - interval '2 days' WHERE practice_id = %s",
        scene.practice.id,
    )
    await the_hour_comes(scene)
    assert len(await scene.mails(scene.client)) == 1
    states = "SELECT state FROM mail_delivery WHERE practice_id = %s AND kind = 'digest' ORDER BY id"
    assert [state for (state,) in scene.sql(states, scene.practice.id)] == ["abandoned", "sent"]


@pytest.mark.whatever_rows
async def test_in_quiet_hours_it_waits_for_their_end(scene: Scene) -> None:
    """F14.B1: whoever said nothing of the hour is not woken at six."""
    await scene.happen("document.uploaded", by=scene.client)
    await scene.settle()
    until = await scene.quiet_now(scene.practitioner)
    await scene.practitioner.patch(PREFERENCES, {"digest_at": a_minute_before(until)})
    due = datetime.fromisoformat((await preview(scene.practitioner))["due_at"])
    assert f"{due.astimezone(ZoneInfo('Asia/Kathmandu')):%H:%M}" == until
    await scene.practitioner.patch(PREFERENCES, {"digest_at": None})
    await the_hour_comes(scene)
    assert await scene.mails(scene.practitioner) == []
    await scene.practitioner.patch(PREFERENCES, {"quiet_hours": None})
    await the_hour_comes(scene)
    assert len(await scene.mails(scene.practitioner)) == 1


def a_minute_before(reading: str) -> str:
    at = datetime.strptime(reading, "%H:%M").replace(tzinfo=UTC) - timedelta(minutes=1)
    return f"{at:%H:%M}"


async def test_it_is_due_when_the_practice_says_by_the_readers_own_clock(scene: Scene) -> None:
    def local(found: dict[str, Any], zone: str) -> str:
        at = datetime.fromisoformat(found["due_at"])
        assert timedelta(0) < at - datetime.now(UTC) <= timedelta(hours=25)
        return f"{at.astimezone(ZoneInfo(zone)):%H:%M}"

    assert local(await preview(scene.practitioner), "America/New_York") == "06:00"
    changed = await scene.owner.patch(PORTAL, {"digest_at": "05:15"})
    assert (changed.status_code, changed.json()["digest_at"]) == (200, "05:15")
    assert local(await preview(scene.practitioner), "America/New_York") == "05:15"
    await scene.practitioner.patch(PREFERENCES, {"digest_at": "07:30", "time_zone": "Asia/Kathmandu"})
    assert local(await preview(scene.practitioner), "Asia/Kathmandu") == "07:30"
    refused = await scene.owner.patch(PORTAL, {"digest_at": "24:00"})
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/digest_at"]


@pytest.mark.whatever_rows
async def test_its_link_ends_what_comes_in_it(scene: Scene) -> None:
    """F14.B3"""
    await scene.happen("document.uploaded", by=scene.client)
    await scene.settle()
    await the_hour_comes(scene)
    mails = [path.read_text() for path in scene.world.mailbox.directory.glob("*.eml")]
    digest = next(mail for mail in mails if "Subject: Your daily digest" in mail)
    header = next(line for line in digest.splitlines() if line.startswith("List-Unsubscribe:"))
    link = header.partition("<")[2].rstrip(">").removeprefix("http://portal.test")
    assert (await scene.world.http.post(link)).status_code == 200
    kinds = (await scene.practitioner.get(PREFERENCES)).json()["kinds"]
    modes = {each["channels"]["email"]["mode"] for each in kinds}
    assert modes == {"immediate", "off"}
