"""An answer that somebody must look at: told at once, without content, and open until acknowledged (F8.B1)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from portal_api.core.access import Role
from tests.api.assessments.clinic import ALERTS, Clinic, numbered, open_clinic
from tests.api.forms.desk import MINE, Json
from tests.entry import bound, set_portal, supervise
from tests.people import colleague
from tests.world import World

Sql = Callable[..., list[Any]]


@pytest.fixture
async def clinic(world: World) -> Clinic:
    clinic = await open_clinic(world)
    response = await clinic.owner.patch("/v1/practice", {"phone": "+1 415 555 0100"})
    assert response.status_code == 200, response.text
    return clinic


async def alarming(clinic: Clinic, score: int = 1) -> Json:
    return await clinic.hand_in("phq-9", numbered([0] * 8 + [score]))


async def telling(clinic: Clinic, to: str) -> list[Any]:
    return [mail for mail in await clinic.world.mails(to) if "now" in mail.subject]


class TestRaising:
    @pytest.mark.parametrize("score", [1, 2, 3])
    async def test_any_answer_but_not_at_all_raises_one(self, clinic: Clinic, score: int) -> None:
        handed_in = await alarming(clinic, score)

        [alert] = await clinic.alerts()

        assert (alert["state"], alert["rule"], alert["item_key"], alert["score"]) == (
            "open", "phq-9-item-9", "q9", score,
        )  # fmt: skip
        assert (alert["client_id"], alert["form_assignment_id"]) == (clinic.client_id, handed_in["id"])
        assert (alert["form_key"], alert["acknowledged_at"], alert["escalated_at"]) == ("phq-9", None, None)
        assert (await clinic.owner.get(f"{ALERTS}/{alert['id']}")).json() == alert

    async def test_no_other_answer_does(self, clinic: Clinic) -> None:
        handed_in = await clinic.hand_in("phq-9", numbered([3] * 8 + [0]))
        assert (handed_in["score"]["severity"], handed_in["crisis"]) == ("severe", None)
        assert await clinic.alerts() == []

    async def test_a_refused_submission_raises_none(self, clinic: Clinic) -> None:
        assignment = await clinic.assign(await clinic.system("phq-9"))
        await clinic.client.patch(f"{MINE}/{assignment['id']}", {"answers": {"q9": "3"}})
        assert (await clinic.client.post(f"{MINE}/{assignment['id']}/submit")).status_code == 422
        assert await clinic.alerts() == []

    async def test_the_client_reads_where_help_is_now(self, clinic: Clinic) -> None:
        handed_in = await alarming(clinic)
        assert "988" in handed_in["crisis"]["text"] and "emergency number" in handed_in["crisis"]["text"]
        assert handed_in["crisis"]["practice_phone"] == "+14155550100"
        assert (await clinic.client.get(f"{MINE}/{handed_in['id']}")).json()["crisis"] == handed_in["crisis"]

    async def test_help_does_not_wait_until_it_is_handed_in_nor_for_the_score(self, clinic: Clinic) -> None:
        await set_portal(clinic.practice, assessments={"scores_visible": False})
        assignment = await clinic.assign(await clinic.system("phq-9"))
        saved = await clinic.client.patch(f"{MINE}/{assignment['id']}", {"answers": {"q9": 2}})
        assert saved.json()["crisis"] is not None

    async def test_in_another_country_no_line_is_named_that_is_not_there(self, world: World) -> None:
        practice = await world.practice(country="FR", time_zone="Europe/Paris")
        await practice.owner.post("/v1/practice/portal/enable", {"slug": f"h-{practice.id[-12:]}"})
        client = await world.client(practice.owner, practitioner_ids=[practice.staff_id])
        desk = Clinic(world, practice, client["id"], None)  # type: ignore[arg-type]
        desk.client = await desk.portal()
        crisis = (await alarming(desk))["crisis"]
        assert "988" not in crisis["text"] and "emergency number" in crisis["text"]
        assert crisis["practice_phone"] is None


class TestHandingInAgain:
    async def test_the_same_answer_is_the_same_alert(self, clinic: Clinic) -> None:
        handed_in = await alarming(clinic, 2)
        [before] = await clinic.alerts()
        await clinic.reopen(handed_in)
        assert await clinic.alerts() == [before]
        await clinic.answer(handed_in, {"q9": 2})
        assert await clinic.alerts() == [before]

    async def test_an_open_alert_keeps_the_highest_answer_and_is_never_taken_back(self, clinic: Clinic) -> None:
        handed_in = await alarming(clinic, 1)
        for score, highest in ((3, 3), (0, 3), (1, 3)):
            await clinic.reopen(handed_in)
            await clinic.answer(handed_in, {"q9": score})
            assert [(a["state"], a["score"]) for a in await clinic.alerts()] == [("open", highest)]

    async def test_after_an_acknowledged_one_only_a_higher_answer_raises_another(self, clinic: Clinic) -> None:
        handed_in = await alarming(clinic, 2)
        await clinic.acknowledge((await clinic.alerts())[0])
        for score, states in ((1, ["acknowledged"]), (2, ["acknowledged"]), (3, ["open", "acknowledged"])):
            await clinic.reopen(handed_in)
            await clinic.answer(handed_in, {"q9": score})
            assert [alert["state"] for alert in await clinic.alerts()] == states

    async def test_another_assessment_is_another_alert(self, clinic: Clinic) -> None:
        await alarming(clinic)
        await alarming(clinic)
        assert len(await clinic.alerts()) == 2

    async def test_a_retried_submission_is_one_alert(self, clinic: Clinic) -> None:
        assignment = await clinic.assign(await clinic.system("phq-9"))
        path, key = f"{MINE}/{assignment['id']}", {"Idempotency-Key": "once"}
        await clinic.client.patch(path, {"answers": numbered([0] * 8 + [1])})
        first, second = [await clinic.client.post(f"{path}/submit", headers=key) for _ in range(2)]
        assert first.json() == second.json()
        assert len(await clinic.alerts()) == 1


class TestTelling:
    async def test_whoever_treats_the_client_gets_a_mail_at_once_without_content(self, clinic: Clinic) -> None:
        handed_in = await alarming(clinic)

        [mail] = await telling(clinic, clinic.practice.owner_email)

        [alert] = await clinic.alerts()
        assert f"/safety-alerts/{alert['id']}" in (mail.text or "")
        said = f"{mail.subject} {mail.text} {mail.html}".lower()
        for word in ("grace", "client,", "phq", "hurt", "suicid", "depress", "alert raised", handed_in["id"]):
            assert word not in said, word

    async def test_everybody_who_treats_the_client_is_told_once(self, clinic: Clinic) -> None:
        _, second = await colleague(clinic.world, clinic.practice, Role.PRACTITIONER)
        members = [clinic.practice.staff_id, second]
        await clinic.owner.patch(f"/v1/clients/{clinic.client_id}", {"practitioner_ids": members})
        stranger, _ = await colleague(clinic.world, clinic.practice, Role.PRACTITIONER)

        await alarming(clinic)

        staff = (await clinic.owner.get("/v1/practice/staff")).json()["data"]
        told = {member["id"]: len(await telling(clinic, member["email"])) for member in staff}
        assert told == {member["id"]: int(member["id"] in members) for member in staff}
        assert await clinic.alerts(stranger) == []

    async def test_where_nobody_treats_the_client_the_owners_are_told(self, clinic: Clinic) -> None:
        response = await clinic.owner.patch(f"/v1/clients/{clinic.client_id}", {"practitioner_ids": []})
        assert response.status_code == 200, response.text
        await alarming(clinic)
        assert len(await telling(clinic, clinic.practice.owner_email)) == 1

    async def test_what_was_acknowledged_before_the_mail_left_is_not_mailed(self, clinic: Clinic) -> None:
        await alarming(clinic)
        await clinic.acknowledge((await clinic.alerts())[0])
        assert await telling(clinic, clinic.practice.owner_email) == []

    async def test_a_job_that_runs_again_tells_nobody_twice(self, clinic: Clinic, sql: Sql) -> None:
        await alarming(clinic)
        assert len(await telling(clinic, clinic.practice.owner_email)) == 1
        [(event_id,)] = sql(
            "SELECT id FROM event WHERE type = 'safety_alert.raised' AND practice_id = %s", clinic.practice.id
        )
        queue = clinic.world.tools.queue
        async with bound(clinic.world, clinic.practice) as session:
            await queue.defer(session, "event", session.binding.practice_id, event_id=event_id)
        assert len(await telling(clinic, clinic.practice.owner_email)) == 1

    async def test_no_event_says_what_was_answered(self, clinic: Clinic, sql: Sql) -> None:
        await alarming(clinic, 3)
        events = sql("SELECT details, changed, reason FROM event WHERE type LIKE 'safety_alert.%%'")
        assert json.dumps(events).count("q9") == 0


class TestEscalating:
    async def overdue(self, clinic: Clinic, sql: Sql) -> None:
        """Hours pass."""
        await clinic.world.run_jobs()
        sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE task_name = 'safety_alerts.escalate'")

    async def test_after_some_hours_supervisors_and_owners_are_told(self, clinic: Clinic, sql: Sql) -> None:
        _, therapist = await colleague(clinic.world, clinic.practice, Role.PRACTITIONER)
        supervisor, supervisor_id = await colleague(clinic.world, clinic.practice, Role.SUPERVISOR)
        await supervise(clinic.practice, supervisor_id, therapist)
        await clinic.owner.patch(f"/v1/clients/{clinic.client_id}", {"practitioner_ids": [therapist]})
        staff = {m["id"]: m["email"] for m in (await clinic.owner.get("/v1/practice/staff")).json()["data"]}
        await alarming(clinic)
        assert {id: len(await telling(clinic, email)) for id, email in staff.items()} == {
            clinic.practice.staff_id: 0, therapist: 1, supervisor_id: 0,
        }  # fmt: skip

        await self.overdue(clinic, sql)

        assert {id: len(await telling(clinic, email)) for id, email in staff.items()} == {
            clinic.practice.staff_id: 1, therapist: 2, supervisor_id: 1,
        }  # fmt: skip
        [alert] = await clinic.alerts(supervisor)
        assert alert["escalated_at"] is not None
        await self.overdue(clinic, sql)
        assert len(await telling(clinic, staff[supervisor_id])) == 1
        assert (await clinic.acknowledge(alert, supervisor))["state"] == "acknowledged"

    async def test_what_is_acknowledged_in_time_is_not_escalated(self, clinic: Clinic, sql: Sql) -> None:
        await alarming(clinic)
        await clinic.acknowledge((await clinic.alerts())[0])
        await self.overdue(clinic, sql)
        assert await telling(clinic, clinic.practice.owner_email) == []
        assert (await clinic.alerts())[0]["escalated_at"] is None

    async def test_the_practice_says_after_how_many_hours(self, clinic: Clinic, sql: Sql) -> None:
        await set_portal(clinic.practice, assessments={"escalation_hours": 12})
        await alarming(clinic)
        [(hours,)] = sql(
            "SELECT round(extract(epoch FROM scheduled_at - now()) / 3600) FROM procrastinate_jobs"
            " WHERE task_name = 'safety_alerts.escalate'"
        )
        assert hours == 12


class TestAcknowledging:
    async def test_it_says_who_when_and_what_was_done(self, clinic: Clinic) -> None:
        await alarming(clinic)
        [alert] = await clinic.alerts(state="open")

        done = await clinic.acknowledge(alert, note="Called; safety plan made.")

        assert (done["state"], done["note"]) == ("acknowledged", "Called; safety plan made.")
        assert done["acknowledged_by"] == clinic.owner.account["id"] and done["acknowledged_at"]
        assert await clinic.alerts(state="open") == []
        assert await clinic.alerts(state="acknowledged") == [done]
        again = await clinic.owner.post(f"{ALERTS}/{alert['id']}/acknowledge")
        assert (again.status_code, again.json()["code"], again.json()["state"]) == (
            409, "invalid_state", "acknowledged",
        )  # fmt: skip

    @pytest.mark.parametrize("role", [Role.BILLER, Role.SCHEDULER, Role.FORMS_ADMIN])
    async def test_whoever_treats_nobody_sees_none(self, clinic: Clinic, role: Role) -> None:
        await alarming(clinic)
        [alert] = await clinic.alerts()
        caller, _ = await colleague(clinic.world, clinic.practice, role)
        assert (await caller.get(ALERTS)).status_code == 403
        assert (await caller.get(f"{ALERTS}/{alert['id']}")).status_code == 403
        assert (await caller.post(f"{ALERTS}/{alert['id']}/acknowledge")).status_code == 403

    async def test_another_practitioners_alert_is_not_there(self, clinic: Clinic) -> None:
        await alarming(clinic)
        [alert] = await clinic.alerts()
        stranger, _ = await colleague(clinic.world, clinic.practice, Role.PRACTITIONER)
        assert await clinic.alerts(stranger) == []
        assert (await stranger.get(f"{ALERTS}/{alert['id']}")).status_code == 404
        assert (await stranger.post(f"{ALERTS}/{alert['id']}/acknowledge")).status_code == 404

    async def test_clients_have_no_such_list(self, clinic: Clinic) -> None:
        await alarming(clinic)
        assert (await clinic.client.get(ALERTS)).status_code == 403

    async def test_the_list_is_of_one_client_and_page_by_page(self, clinic: Clinic) -> None:
        for _ in range(3):
            await alarming(clinic)
        other = await clinic.world.client(clinic.owner, practitioner_ids=[clinic.practice.staff_id])
        assert await clinic.alerts(client_id=other["id"]) == []
        first = (await clinic.owner.get(ALERTS, params={"limit": 2})).json()
        second = (await clinic.owner.get(ALERTS, params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert [len(first["data"]), len(second["data"]), second["next_cursor"]] == [2, 1, None]
        assert len({alert["id"] for alert in first["data"] + second["data"]}) == 3
