"""Joining by video: when, who, with what token, past which waiting room, and what is recorded of it (F11)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from portal_api.core.access import Role
from portal_api.core.config import Settings
from portal_api.main import create_app
from tests.entry import set_portal, staff, supervise
from tests.meetings import Meeting, Sql, arranged, instant, refusal
from tests.people import client_login, colleague, grant
from tests.world import World

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def meeting(world: World, sql: Sql) -> Meeting:
    return await arranged(world, sql)


@pytest.fixture
async def open_door(meeting: Meeting) -> Meeting:
    """The same without a waiting room."""
    await set_portal(meeting.practice, video={"waiting_room": False})
    return meeting


class TestWindow:
    """F11.M2, F11.M3: half an hour before to half an hour after, by the database's clock."""

    async def test_too_early_says_when_it_opens(self, meeting: Meeting) -> None:
        meeting.starts_in(31 * MINUTE)
        for response in (await meeting.join(), await meeting.host()):
            assert refusal(response) == (409, "too_early")
            opens_at = instant(response.json()["opens_at"])
            assert timedelta(0) < opens_at - datetime.now(UTC) <= MINUTE
        assert await meeting.events() == []

    async def test_it_opens_half_an_hour_before(self, meeting: Meeting) -> None:
        meeting.starts_in(30 * MINUTE)
        assert (await meeting.join()).status_code == 200
        assert (await meeting.host()).status_code == 200

    async def test_it_is_open_until_half_an_hour_after(self, meeting: Meeting) -> None:
        meeting.ended_before(29 * MINUTE)
        answer = (await meeting.join()).json()
        assert instant(answer["expires_at"]) <= instant(answer["closes_at"])
        assert instant(answer["closes_at"]) - datetime.now(UTC) <= MINUTE
        meeting.ended_before(30 * MINUTE)
        for response in (await meeting.join(), await meeting.host(), await meeting.admit()):
            assert refusal(response) == (409, "ended")

    async def test_the_practice_chooses_it(self, meeting: Meeting) -> None:
        await set_portal(meeting.practice, video={"opens_minutes_before": 5, "closes_minutes_after": 0})
        meeting.starts_in(6 * MINUTE)
        assert refusal(await meeting.join()) == (409, "too_early")
        meeting.starts_in(5 * MINUTE)
        assert (await meeting.join()).status_code == 200
        meeting.ended_before(timedelta(0))
        assert refusal(await meeting.join()) == (409, "ended")

    async def test_a_token_never_lasts_longer_than_two_minutes_or_the_window(self, open_door: Meeting) -> None:
        """F11.M1"""
        answer = (await open_door.join()).json()
        lasts = instant(answer["expires_at"]) - datetime.now(UTC)
        assert MINUTE < lasts <= 2 * MINUTE
        open_door.ended_before(29 * MINUTE)
        answer = (await open_door.join()).json()
        assert instant(answer["expires_at"]) <= instant(answer["closes_at"])

    @pytest.mark.parametrize("state", ["cancelled", "late_cancelled"])
    async def test_a_cancelled_appointment_is_joined_by_nobody(self, meeting: Meeting, state: str) -> None:
        meeting.change("state = %s, cancelled_at = now()", state)
        for response in (await meeting.join(), await meeting.host(), await meeting.admit()):
            assert refusal(response) == (409, "invalid_state")
            assert response.json()["state"] == state

    @pytest.mark.parametrize("state", ["checked_in", "attended", "no_show"])
    async def test_who_comes_late_or_again_is_let_in(self, open_door: Meeting, state: str) -> None:
        open_door.change("state = %s", state)
        assert (await open_door.join()).status_code == 200

    async def test_an_appointment_in_the_office_has_no_video(self, meeting: Meeting) -> None:
        meeting.change("mode = 'in_person'")
        for response in (await meeting.join(), await meeting.host(), await meeting.admit()):
            assert refusal(response) == (409, "not_video")


class TestSettings:
    async def test_half_an_hour_and_a_waiting_room_unless_the_practice_says_otherwise(self, world: World) -> None:
        practice = await world.practice()
        response = await practice.owner.get("/v1/practice/portal")
        assert response.json()["video"] == {
            "opens_minutes_before": 30,
            "closes_minutes_after": 30,
            "waiting_room": True,
            "consent_gate": "off",
            "consent_form_template_id": None,
        }
        changed = await practice.owner.patch("/v1/practice/portal", {"video": {"opens_minutes_before": 10}})
        assert changed.json()["video"]["opens_minutes_before"] == 10
        assert changed.json()["video"]["closes_minutes_after"] == 30

    @pytest.mark.parametrize(
        ("video", "pointer"),
        [
            (None, "/video"),
            ({"waiting_room": None}, "/video/waiting_room"),
            ({"opens_minutes_before": -1}, "/video/opens_minutes_before"),
            ({"closes_minutes_after": 241}, "/video/closes_minutes_after"),
            ({"open": 3}, "/video/open"),
        ],
    )
    async def test_what_cannot_be_set_is_refused_with_its_pointer(self, world: World, video: Any, pointer: str) -> None:
        practice = await world.practice()
        response = await practice.owner.patch("/v1/practice/portal", {"video": video})
        assert response.status_code == 422
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


class TestWho:
    """F11.M2: whoever is not in it, learns nothing of it."""

    async def test_another_client_does_not_find_it(self, meeting: Meeting) -> None:
        other = await meeting.world.client(meeting.owner)
        stranger = await client_login(meeting.world, meeting.practice, other["id"])
        assert refusal(await meeting.join(stranger)) == (404, "not_found")
        assert refusal(await meeting.join(stranger, client_id=meeting.client_id)) == (404, "not_found")

    async def test_another_practice_does_not_find_it(self, meeting: Meeting, sql: Sql) -> None:
        elsewhere = await arranged(meeting.world, sql)
        assert refusal(await meeting.join(elsewhere.client)) == (404, "not_found")
        assert refusal(await meeting.host(elsewhere.owner)) == (404, "not_found")
        assert refusal(await meeting.admit(by=elsewhere.owner)) == (404, "not_found")

    async def test_a_guardian_needs_the_permission_to_join(self, open_door: Meeting) -> None:
        world, practice = open_door.world, open_door.practice
        allowed = await client_login(world, practice, open_door.client_id, "parent", ("video.join",))
        other = await client_login(world, practice, open_door.client_id, "parent", ("appointments.view", "messages"))
        assert (await open_door.join(allowed)).status_code == 200
        assert refusal(await open_door.join(other)) == (403, "feature_disabled")

    async def test_who_acts_for_several_comes_for_the_one_who_takes_part(self, open_door: Meeting) -> None:
        world, practice = open_door.world, open_door.practice
        parent = await client_login(world, practice, open_door.client_id, "parent", ("video.join",))
        sibling = (await world.client(open_door.owner))["id"]
        await grant(world, practice, parent.account["id"], sibling, "parent", ("video.join",))
        assert (await open_door.join(parent)).status_code == 200
        assert refusal(await open_door.join(parent, client_id=sibling)) == (404, "not_found")
        open_door.takes_part(sibling)
        unsaid = await open_door.join(parent)
        assert [error["pointer"] for error in unsaid.json()["errors"]] == ["/client_id"]
        said = [await open_door.join(parent, client_id=id) for id in (sibling, open_door.client_id)]
        assert len({response.json()["participant_id"] for response in said}) == 2

    async def test_who_may_join_for_one_child_does_not_for_the_other(self, open_door: Meeting) -> None:
        """F6.M1"""
        world, practice = open_door.world, open_door.practice
        sibling = (await world.client(open_door.owner))["id"]
        parent = await client_login(world, practice, open_door.client_id, "parent", ("appointments.view",))
        await grant(world, practice, parent.account["id"], sibling, "parent", ("video.join",))
        named = await open_door.join(parent, client_id=open_door.client_id)
        assert refusal(named) == (403, "feature_disabled")
        assert refusal(await open_door.join(parent)) == (404, "not_found")

    async def test_suspended_access_ends_it_at_once(self, open_door: Meeting) -> None:
        parent = await client_login(open_door.world, open_door.practice, open_door.client_id, "parent", ("video.join",))
        assert (await open_door.join(parent)).status_code == 200
        path = f"/v1/clients/{open_door.client_id}/portal-access"
        open_door.sql("UPDATE client SET portal_state = 'active' WHERE id = %s", open_door.client_id)
        response = await open_door.owner.patch(path, {"state": "suspended"})
        assert response.status_code == 200, response.text
        for caller in (parent, open_door.client):
            assert (await open_door.join(caller)).status_code in (401, 403)

    @pytest.mark.parametrize("gate", ["practice", "practitioner", "client"])
    async def test_the_feature_off_is_said(self, meeting: Meeting, gate: str) -> None:
        """F2.M3, F2.M5: and it comes back as it was."""
        path = {
            "practice": "/v1/practice/features",
            "practitioner": f"/v1/practitioners/{meeting.practice.staff_id}/features",
            "client": f"/v1/clients/{meeting.client_id}/features",
        }[gate]
        await meeting.owner.patch(path, {"video": False})
        response = await meeting.join()
        assert refusal(response) == (403, "feature_disabled")
        assert response.json()["feature"] == "video"
        await meeting.owner.patch(path, {"video": True if gate == "practice" else None})
        assert (await meeting.join()).status_code == 200

    async def test_staff_are_told_that_the_practice_has_it_off(self, meeting: Meeting) -> None:
        await meeting.owner.patch("/v1/practice/features", {"video": False})
        response = await meeting.host()
        assert refusal(response) == (403, "feature_disabled")
        assert response.json()["gate"] == "practice"

    async def test_a_portal_that_is_off_is_joined_by_no_client(self, meeting: Meeting) -> None:
        """F1.M2"""
        await meeting.owner.post("/v1/practice/portal/disable")
        assert refusal(await meeting.join()) == (403, "portal_disabled")


class TestHosts:
    async def test_another_practitioner_does_not_find_it(self, meeting: Meeting) -> None:
        other, _ = await colleague(meeting.world, meeting.practice, Role.PRACTITIONER)
        path = f"/v1/appointments/{meeting.appointment_id}/video-participants"
        for response in (await meeting.host(other), await meeting.admit(by=other), await other.get(path)):
            assert refusal(response) == (404, "not_found")

    async def test_a_supervisor_may_come_to_those_whom_they_supervise(self, meeting: Meeting) -> None:
        supervisor_id, supervisor = await staff(meeting.world, meeting.practice, "supervisor")
        assert refusal(await meeting.host(supervisor)) == (404, "not_found")
        await supervise(meeting.practice, supervisor_id, meeting.practice.staff_id)
        assert (await meeting.host(supervisor)).json()["state"] == "open"

    async def test_administration_does_not_open_a_session(self, meeting: Meeting) -> None:
        """Who sees every calendar is still not in the room."""
        practitioner_id, _ = await staff(meeting.world, meeting.practice, "practitioner")
        meeting.appointment_id = await meeting.book(practitioner_id)
        assert refusal(await meeting.host()) == (403, "forbidden")
        for role in (Role.ADMIN, Role.SCHEDULER, Role.BILLER):
            person, _ = await colleague(meeting.world, meeting.practice, role)
            assert refusal(await meeting.host(person)) == (403, "forbidden")

    async def test_a_client_is_no_host(self, meeting: Meeting) -> None:
        assert refusal(await meeting.host(meeting.client)) == (403, "forbidden")


class TestTokens:
    async def test_everybody_meets_in_one_room_each_with_a_token_of_their_own(self, open_door: Meeting) -> None:
        answers = [(await open_door.join()).json(), (await open_door.host()).json()]
        assert len({answer["room"] for answer in answers}) == 1
        assert len({answer["token"] for answer in answers}) == 2
        assert len({answer["participant_id"] for answer in answers}) == 2
        assert answers[0]["room"] == answers[0]["room"].lower()

    async def test_another_appointment_has_another_room(self, open_door: Meeting) -> None:
        first = (await open_door.join()).json()["room"]
        open_door.appointment_id = await open_door.book()
        assert (await open_door.join()).json()["room"] != first

    async def test_a_moved_appointment_has_another_room_and_an_empty_one(self, meeting: Meeting) -> None:
        """F11.B1: who was let in before the move waits again."""
        await meeting.join()
        await meeting.admit()
        first = (await meeting.join()).json()
        meeting.starts_in(10 * MINUTE)
        again = (await meeting.join()).json()
        assert (first["state"], again["state"]) == ("open", "waiting")
        assert again["participant_id"] != first["participant_id"]
        assert (await meeting.host()).json()["room"] != first["room"]

    async def test_asking_again_is_the_same_person(self, open_door: Meeting) -> None:
        answers = [(await open_door.join()).json() for _ in range(2)]
        assert answers[0]["participant_id"] == answers[1]["participant_id"]

    async def test_a_key_answers_with_the_same_token(self, open_door: Meeting) -> None:
        path, headers = f"/v1/me/appointments/{open_door.appointment_id}/join", {"Idempotency-Key": "join-1"}
        first, again = [await open_door.client.post(path, {}, headers=headers) for _ in range(2)]
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json()

    async def test_the_names_that_others_see(self, open_door: Meeting) -> None:
        """A client's first name, a guardian's own, the whole name of who treats; or what they say."""
        world, practice = open_door.world, open_door.practice
        await open_door.owner.patch(f"/v1/clients/{open_door.client_id}", {"preferred_name": "Gracie"})
        parent = await client_login(world, practice, open_door.client_id, "parent", ("video.join",))
        names = [
            (await open_door.join()).json()["display_name"],
            (await open_door.join(parent)).json()["display_name"],
            (await open_door.host()).json()["display_name"],
            (await open_door.join(display_name="G.")).json()["display_name"],
        ]
        assert names == ["Gracie", "Pat", "Ada Harbor", "G."]

    @pytest.mark.parametrize("body", [{"display_name": ""}, {"display_name": "a\nb"}, {"room": "x"}, {"client_id": 1}])
    async def test_bad_input_names_its_field(self, meeting: Meeting, body: dict[str, Any]) -> None:
        response = await meeting.join(**body)
        assert [error["pointer"] for error in response.json()["errors"]] == [f"/{next(iter(body))}"]


class TestWaitingRoom:
    """F11.M3, F11.M4"""

    async def test_a_client_waits_alone_until_let_in(self, meeting: Meeting) -> None:
        waiting = (await meeting.join()).json()
        host = (await meeting.host()).json()
        assert (waiting["state"], host["state"]) == ("waiting", "open")
        assert waiting["room"] != host["room"]
        assert await meeting.people() == {"Grace": "waiting", "Ada Harbor": "admitted"}
        admitted = await meeting.admit()
        assert [person["state"] for person in admitted.json()["data"]] == ["admitted", "admitted"]
        assert (await meeting.join()).json()["room"] == host["room"]

    async def test_two_who_wait_have_two_rooms(self, meeting: Meeting) -> None:
        other = (await meeting.world.client(meeting.owner, given_name="Rosa"))["id"]
        meeting.takes_part(other)
        partner = await client_login(meeting.world, meeting.practice, other)
        first, second = (await meeting.join()).json(), (await meeting.join(partner)).json()
        assert first["room"] != second["room"]
        await meeting.admit(second)
        assert await meeting.people() == {"Grace": "waiting", "Rosa": "admitted"}
        assert (await meeting.join()).json()["state"] == "waiting"
        assert (await meeting.join(partner)).json()["state"] == "open"

    async def test_who_is_let_in_stays_so_and_is_recorded_once(self, meeting: Meeting) -> None:
        waiting = (await meeting.join()).json()
        for _ in range(2):
            assert (await meeting.admit(waiting)).status_code == 200
            await meeting.admit()
        types = [type for type, _, _ in await meeting.events()]
        assert types == ["video.waiting", "video.admitted"]

    async def test_only_people_of_this_session_are_let_in(self, meeting: Meeting) -> None:
        waiting = (await meeting.join()).json()
        stranger = {"participant_id": str(uuid4())}
        response = await meeting.admit(waiting, stranger)
        assert [error["pointer"] for error in response.json()["errors"]] == ["/participant_ids"]
        assert await meeting.people() == {"Grace": "waiting"}

    async def test_who_has_not_asked_for_two_minutes_has_gone(self, meeting: Meeting) -> None:
        await meeting.join()
        meeting.sql(
            "UPDATE video_participant SET seen_at = now() - interval '2 minutes', asked_at = now() - interval '1 hour'"
            " WHERE appointment_id = %s",
            meeting.appointment_id,
        )
        assert await meeting.people() == {"Grace": "gone"}
        await meeting.admit()
        assert (await meeting.join()).json()["state"] == "waiting"
        assert await meeting.people() == {"Grace": "waiting"}
        assert [type for type, _, _ in await meeting.events()] == ["video.waiting"] * 2

    async def test_without_one_clients_go_straight_in(self, open_door: Meeting) -> None:
        assert (await open_door.join()).json()["state"] == "open"
        assert await open_door.people() == {"Grace": "admitted"}

    async def test_the_list_has_pages(self, meeting: Meeting) -> None:
        await meeting.join()
        await meeting.host()
        path = f"/v1/appointments/{meeting.appointment_id}/video-participants"
        first = (await meeting.owner.get(path, params={"limit": 1})).json()
        rest = (await meeting.owner.get(path, params={"limit": 1, "cursor": first["next_cursor"]})).json()
        assert [p["is_host"] for p in first["data"] + rest["data"]] == [False, True]
        assert rest["next_cursor"] is None
        assert first["data"][0]["client_id"] == meeting.client_id


class TestPresence:
    """F11.M4: who was asked for, let in, there and gone."""

    async def test_the_whole_way_is_recorded(self, meeting: Meeting) -> None:
        waiting = (await meeting.join()).json()
        host = (await meeting.host()).json()
        await meeting.admit()
        await meeting.join()
        client, appointment = [meeting.client_id], meeting.appointment_id
        for caller, path, who in (
            (meeting.client, f"/v1/me/appointments/{appointment}/presence", waiting),
            (meeting.owner, f"/v1/appointments/{appointment}/presence", host),
        ):
            for state in ("joined", "joined", "left", "left"):
                report = {"participant_id": who["participant_id"], "state": state}
                assert (await caller.post(path, report)).status_code == 204
        assert await meeting.events() == [
            ("video.waiting", "client", client),
            ("video.entry_granted", "staff", client),
            ("video.admitted", "staff", client),
            ("video.entry_granted", "client", client),
            ("video.joined", "client", client),
            ("video.left", "client", client),
            ("video.joined", "staff", []),
            ("video.left", "staff", []),
        ]
        assert await meeting.people() == {"Grace": "left", "Ada Harbor": "left"}

    async def test_nobody_reports_on_somebody_else(self, open_door: Meeting) -> None:
        path = f"/v1/me/appointments/{open_door.appointment_id}/presence"
        host = (await open_door.host()).json()
        mine = (await open_door.join()).json()
        parent = await client_login(open_door.world, open_door.practice, open_door.client_id, "parent", ("video.join",))
        for caller, who in ((open_door.client, host), (parent, mine)):
            report = {"participant_id": who["participant_id"], "state": "joined"}
            assert refusal(await caller.post(path, report)) == (404, "not_found")
        elsewhere = f"/v1/me/appointments/{await open_door.book()}/presence"
        report = {"participant_id": mine["participant_id"], "state": "joined"}
        assert refusal(await open_door.client.post(elsewhere, report)) == (404, "not_found")

    async def test_who_waits_is_not_there_but_may_go(self, meeting: Meeting) -> None:
        path = f"/v1/me/appointments/{meeting.appointment_id}/presence"
        waiting = {"participant_id": (await meeting.join()).json()["participant_id"]}
        early = await meeting.client.post(path, waiting | {"state": "joined"})
        assert refusal(early) == (409, "invalid_state")
        assert early.json()["state"] == "waiting"
        assert (await meeting.client.post(path, waiting | {"state": "left"})).status_code == 204
        assert await meeting.people() == {"Grace": "left"}
        await meeting.join()
        assert await meeting.people() == {"Grace": "waiting"}

    async def test_a_client_reads_who_hosted_in_their_access_history(self, meeting: Meeting) -> None:
        await meeting.host()
        await meeting.world.seal_audit(meeting.practice)
        history = (await meeting.client.get("/v1/me/access-history")).json()["data"]
        assert "video.entry_granted" in [entry["type"] for entry in history]


async def test_production_without_a_provider_says_so(meeting: Meeting, settings: Settings) -> None:
    update = {"environment": "production", "secret_key": SecretStr(settings.master_key.decode())}
    app: FastAPI = create_app(settings.model_copy(update=update))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as http,
    ):
        for caller in (meeting.owner, meeting.client):
            caller.http = http
        assert refusal(await meeting.join()) == (409, "video_not_configured")
        assert refusal(await meeting.owner.patch("/v1/practice/features", {"video": True})) == (
            409,
            "video_not_configured",
        )
        assert (await http.get("/dev/video")).status_code == 404
