"""How somebody wants to be told: by kind and channel, when, and whether they agree to be contacted at all."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from portal_api.core.access import ActorKind
from portal_api.services.notifications import kinds, unsubscribing
from tests.api.notifications.scene import PREFERENCES, Scene
from tests.mail.conftest import Replies

MINUTE = timedelta(minutes=1)
SECURITY = {"in_app": ["immediate"], "email": ["immediate"], "push": ["immediate", "off"]}


def of(preferences: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in preferences["kinds"] if each["kind"] == kind)["channels"]
    return found


class TestChoosing:
    async def test_everybody_sees_what_they_can_choose(self, scene: Scene) -> None:
        """F14.M1"""
        for caller, audience in ((scene.practitioner, ActorKind.STAFF), (scene.client, ActorKind.CLIENT)):
            found = (await caller.get(PREFERENCES)).json()
            assert [each["kind"] for each in found["kinds"]] == [kind.key for kind in kinds.of_audience(audience)]
            assert {name: each["allowed"] for name, each in of(found, "security").items()} == SECURITY
            assert (found["quiet_hours"], found["digest_at"], found["effective_digest_at"]) == (None, None, "06:00")
            assert (found["effective_time_zone"], found["version"]) == ("America/New_York", 0)
        assert found["consents"] == {"email": True, "sms": False}
        staffs = (await scene.practitioner.get(PREFERENCES)).json()
        assert staffs["consents"] is None
        assert of(staffs, "uploads")["email"] == {
            "mode": "digest",
            "default": "digest",
            "allowed": ["immediate", "digest", "off"],
        }

    async def test_a_choice_holds_and_null_takes_it_back(self, scene: Scene) -> None:
        chosen = await scene.choose(scene.practitioner, uploads={"email": "immediate", "in_app": "off"})
        assert of(chosen, "uploads")["email"]["mode"] == "immediate"
        await scene.happen("document.uploaded", by=scene.client)
        assert len(await scene.mails(scene.practitioner)) == 1
        assert await scene.inbox(scene.practitioner) == []
        back = await scene.choose(scene.practitioner, uploads={"email": None})
        assert of(back, "uploads")["email"]["mode"] == "digest"
        assert of(back, "uploads")["in_app"]["mode"] == "off"
        assert of(await scene.choose(scene.practitioner, uploads=None), "uploads")["in_app"]["mode"] == "immediate"

    @pytest.mark.parametrize("channel", ["in_app", "email"])
    @pytest.mark.parametrize("mode", ["off", "digest"])
    async def test_security_notices_cannot_be_switched_off(self, scene: Scene, channel: str, mode: str) -> None:
        refused = await scene.client.patch(PREFERENCES, {"kinds": {"security": {channel: mode}}})
        assert (refused.status_code, refused.json()["code"]) == (422, "notification_mandatory")
        assert [each["pointer"] for each in refused.json()["errors"]] == [f"/kinds/security/{channel}"]

    @pytest.mark.parametrize(
        ("kinds", "pointer"),
        [
            ({"nonsense": {"email": "off"}}, "/kinds/nonsense"),
            ({"uploads": {"email": "off"}}, "/kinds/uploads"),
            ({"documents": {"pigeon": "off"}}, "/kinds/documents/pigeon/[key]"),
            ({"documents": {"email": "never"}}, "/kinds/documents/email"),
            ({"documents": {"push": "digest"}}, "/kinds/documents/push"),
            ({"request_answers": {"email": "digest"}}, "/kinds/request_answers/email"),
        ],
    )
    async def test_what_there_is_not_is_refused(self, scene: Scene, kinds: Any, pointer: str) -> None:
        refused = await scene.client.patch(PREFERENCES, {"kinds": kinds})
        assert refused.status_code == 422, refused.text
        assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]

    async def test_a_refused_change_changes_nothing(self, scene: Scene) -> None:
        body = {"kinds": {"documents": {"email": "off"}, "security": {"email": "off"}}, "digest_at": "07:00"}
        assert (await scene.client.patch(PREFERENCES, body)).status_code == 422
        after = (await scene.client.get(PREFERENCES)).json()
        assert (of(after, "documents")["email"]["mode"], after["digest_at"], after["version"]) == ("immediate", None, 0)

    async def test_a_stale_copy_is_refused_with_the_current_one(self, scene: Scene) -> None:
        first = await scene.client.patch(PREFERENCES, {"digest_at": "07:00"})
        second = await scene.client.patch(PREFERENCES, {"kinds": {"documents": {"email": "off"}}})
        assert second.json()["version"] > first.json()["version"]
        stale = await scene.client.patch(PREFERENCES, {"digest_at": None}, headers={"If-Match": first.headers["etag"]})
        assert (stale.status_code, stale.json()["current"]["version"]) == (412, second.json()["version"])
        assert (
            await scene.client.get(PREFERENCES, headers={"If-None-Match": second.headers["etag"]})
        ).status_code == 304

    async def test_a_change_of_mind_counts_until_it_is_sent(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        await scene.choose(scene.client, documents={"email": "off"})
        assert await scene.mails(scene.client) == []
        assert await scene.types(scene.client) == ["document.shared"]

    async def test_what_waits_goes_into_the_digest_of_who_wants_that_now(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        await scene.choose(scene.client, documents={"email": "digest"})
        assert await scene.mails(scene.client) == []
        digest = (await scene.client.get("/v1/me/digest/preview")).json()
        assert [line["event_type"] for line in digest["data"]] == ["document.shared"]

    async def test_what_somebody_else_changed_is_another_copy(self, scene: Scene) -> None:
        """By the link in a mail, and by staff who write down a consent."""
        recipient_id = UUID(scene.client.account["id"])
        async with scene.house.session() as session:
            headers = await unsubscribing.headers(session, recipient_id, "documents")
        first = await scene.client.get(PREFERENCES)
        path = headers["List-Unsubscribe"].strip("<>").removeprefix("http://portal.test")
        assert (await scene.world.http.post(path)).status_code == 200
        second = await scene.client.get(PREFERENCES, headers={"If-None-Match": first.headers["etag"]})
        assert of(second.json(), "documents")["email"]["mode"] == "off"
        stale = await scene.client.patch(PREFERENCES, {"digest_at": None}, headers={"If-Match": first.headers["etag"]})
        assert (stale.status_code, stale.json()["current"]) == (412, second.json())
        await scene.practitioner.patch(f"/v1/clients/{scene.client_id}/contact-consents", {"email": False})
        third = await scene.client.get(PREFERENCES, headers={"If-None-Match": second.headers["etag"]})
        assert third.json()["consents"]["email"] is False

    async def test_a_link_and_its_holder_at_once(self, scene: Scene) -> None:
        """Neither is lost, and neither fails."""
        async with scene.house.session() as session:
            headers = await unsubscribing.headers(session, UUID(scene.client.account["id"]), "documents")
        path = headers["List-Unsubscribe"].strip("<>").removeprefix("http://portal.test")
        before = (await scene.client.patch(PREFERENCES, {"digest_at": "07:00"})).json()["version"]
        changes = [scene.client.patch(PREFERENCES, {"digest_at": f"0{n}:30"}) for n in range(6)]
        answers = await asyncio.gather(*changes, *(scene.world.http.post(path) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {200}
        after = (await scene.client.get(PREFERENCES)).json()
        assert (of(after, "documents")["email"]["mode"], after["version"] >= before + 12) == ("off", True)


class TestQuietHours:
    async def test_they_hold_back_what_is_no_matter_of_security(self, scene: Scene) -> None:
        """F14.B1"""
        await scene.quiet_now(scene.client)
        await scene.happen("document.shared", by=scene.owner)
        me = ("account", UUID(scene.client.account["id"]))
        await scene.happen("login.new_device", by=scene.client, resource=me, clients=[])
        mails = await scene.mails(scene.client)
        assert ["new device" in mail.text.lower() for mail in mails] == [True]
        assert len(await scene.types(scene.client)) == 2, "the inbox is quiet by itself"
        await scene.client.patch(PREFERENCES, {"quiet_hours": None})
        assert "A document was shared" in (await scene.mails(scene.client))[0].subject

    async def test_it_is_due_when_they_end(self, scene: Scene) -> None:
        now = datetime.now(UTC)
        quiet = {"start": f"{now - 30 * MINUTE:%H:%M}", "end": f"{now + 90 * MINUTE:%H:%M}"}
        await scene.client.patch(PREFERENCES, {"quiet_hours": quiet, "time_zone": "Etc/UTC"})
        await scene.happen("document.shared", by=scene.owner)
        await scene.world.run_jobs()
        ((at,),) = scene.sql(
            "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'notices.gather'"
            " AND args ->> 'practice_id' = %s",
            scene.practice.id,
        )
        assert f"{at.astimezone(UTC):%H:%M}" == quiet["end"]

    async def test_what_no_server_took_before_waits_for_their_end(self, scene: Scene) -> None:
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle_by(Replies(rcpt="450 4.2.1 later"))
        await scene.quiet_now(scene.client)
        assert await scene.mails(scene.client) == []
        await scene.client.patch(PREFERENCES, {"quiet_hours": None})
        assert len(await scene.mails(scene.client)) == 1

    @pytest.mark.parametrize(
        "quiet", [{"start": "22:00", "end": "22:00"}, {"start": "22:00"}, {"start": "25:00", "end": "07:00"}]
    )
    async def test_what_makes_no_sense_is_refused(self, scene: Scene, quiet: Any) -> None:
        assert (await scene.client.patch(PREFERENCES, {"quiet_hours": quiet})).status_code == 422
        assert (await scene.client.patch(PREFERENCES, {"time_zone": "Mars/Olympus"})).status_code == 422


class TestConsents:
    async def test_who_does_not_agree_to_mail_gets_none_but_of_security(self, scene: Scene) -> None:
        """F14.M5"""
        answer = await scene.client.patch(PREFERENCES, {"consents": {"email": False, "sms": True}})
        assert answer.json()["consents"] == {"email": False, "sms": True}
        await scene.happen("document.shared", by=scene.owner)
        me = ("account", UUID(scene.client.account["id"]))
        await scene.happen("password.changed", by=scene.client, resource=me, clients=[])
        assert ["password" in mail.subject.lower() for mail in await scene.mails(scene.client)] == [True]
        assert len(await scene.types(scene.client)) == 2

    async def test_staff_write_down_what_they_were_told(self, scene: Scene) -> None:
        path = f"/v1/clients/{scene.client_id}/contact-consents"
        assert (await scene.practitioner.get(path)).json() == {"email": True, "sms": False}
        assert (await scene.practitioner.patch(path, {"email": False})).json() == {"email": False, "sms": False}
        await scene.happen("document.shared", by=scene.owner)
        assert await scene.mails(scene.client) == []
        said = scene.sql(
            "SELECT actor_id::text, details FROM event WHERE practice_id = %s AND type = 'contact_consent.set'",
            scene.practice.id,
        )
        assert said == [(scene.practitioner.account["id"], {"email": False})]

    async def test_it_is_one_consent_wherever_it_is_said(self, scene: Scene) -> None:
        """F14.M5: in the chart, by staff, and by the client's own login."""
        chart, told = f"/v1/clients/{scene.client_id}", f"/v1/clients/{scene.client_id}/contact-consents"

        async def said() -> list[tuple[Any, Any]]:
            shown = (await scene.practitioner.get(chart)).json()["contact_preferences"] or {}
            staffs = (await scene.practitioner.get(told)).json()
            own = (await scene.client.get(PREFERENCES)).json()["consents"]
            return [(each.get("email"), each.get("sms")) for each in (shown, staffs, own)]

        assert await said() == [(None, None), (True, False), (True, False)]
        await scene.practitioner.patch(chart, {"contact_preferences": {"email": False, "preferred": "phone"}})
        assert await said() == [(False, None), (False, False), (False, False)]
        await scene.client.patch(PREFERENCES, {"consents": {"email": True, "sms": True}})
        assert await said() == [(True, True)] * 3
        assert (await scene.practitioner.patch(told, {"sms": False})).status_code == 200
        assert await said() == [(True, False)] * 3
        kept = (await scene.practitioner.get(chart)).json()["contact_preferences"]
        assert kept["preferred"] == "phone"

    async def test_what_the_chart_says_holds_for_mail(self, scene: Scene) -> None:
        """F14.M5: a client who says no in onboarding or in the chart is not mailed."""
        chart = f"/v1/clients/{scene.client_id}"
        await scene.practitioner.patch(chart, {"contact_preferences": {"email": False}})
        await scene.happen("document.shared", by=scene.owner)
        assert await scene.mails(scene.client) == []

    async def test_a_guardians_consent_is_their_own(self, scene: Scene) -> None:
        """F6.M2: neither the child's chart nor another guardian says whether they are mailed."""
        parent, other = await scene.guardian("documents.view"), await scene.guardian("documents.view")
        told = await parent.patch(PREFERENCES, {"consents": {"email": False}})
        assert told.json()["consents"] == {"email": False, "sms": False}
        assert (await other.get(PREFERENCES)).json()["consents"] == {"email": True, "sms": False}
        assert (await scene.practitioner.get(f"/v1/clients/{scene.client_id}")).json()["contact_preferences"] is None
        await scene.happen("document.shared", by=scene.owner)
        assert await scene.mails(parent) == []
        assert len(await scene.mails(other)) == 1

    async def test_a_consent_is_given_or_not_and_staff_have_none(self, scene: Scene) -> None:
        path = f"/v1/clients/{scene.client_id}/contact-consents"
        refused = await scene.practitioner.patch(path, {"email": None})
        assert [each["pointer"] for each in refused.json()["errors"]] == ["/email"]
        staffs = await scene.practitioner.patch(PREFERENCES, {"consents": {"email": False}})
        assert [each["pointer"] for each in staffs.json()["errors"]] == ["/consents"]
