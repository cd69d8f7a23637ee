"""Assessments scored when they are handed in, and over time (F8.M7, F8.M8, F8.B5)."""

from typing import Any

import pytest

from tests.api.assessments.clinic import Clinic, numbered, open_clinic
from tests.api.forms.desk import ASSIGNMENTS, MINE, TEMPLATES, faults
from tests.entry import set_portal
from tests.people import colleague, guardian
from tests.world import World


@pytest.fixture
async def clinic(world: World) -> Clinic:
    return await open_clinic(world)


class TestHandingIn:
    async def test_the_answer_says_what_it_came_to_item_by_item(self, clinic: Clinic) -> None:
        handed_in = await clinic.hand_in("phq-9", numbered(["1", 2, "1", 2, "1", 2, "1", 2, "0"]))

        assert handed_in["state"] == "submitted"
        score = handed_in["score"]
        assert (score["total"], score["severity"], score["severity_label"]) == (12, "moderate", "Moderate depression")
        assert [item["score"] for item in score["items"]] == [1, 2, 1, 2, 1, 2, 1, 2, 0]
        assert (score["missing"], score["method_version"]) == ([], "phq-9/1")
        assert (await clinic.read(handed_in))["score"] == score

    @pytest.mark.parametrize(("key", "severity"), [("gad-7", "severe"), ("pcl-5", "above_cutoff")])
    async def test_the_worst_answers_to_everything(self, clinic: Clinic, key: str, severity: str) -> None:
        items, most = {"gad-7": (7, 3), "pcl-5": (20, 4)}[key]
        score = (await clinic.hand_in(key, numbered([str(most)] * items)))["score"]
        assert (score["total"], score["severity"]) == (items * most, severity)

    async def test_without_a_traumatic_event_the_screen_ends_at_once(self, clinic: Clinic) -> None:
        score = (await clinic.hand_in("pc-ptsd-5", {"event": "0"}))["score"]
        assert (score["total"], score["severity"]) == (0, "negative")

    @pytest.mark.parametrize("answers", [{}, numbered([1] * 8)])
    async def test_an_instrument_that_is_not_complete_is_not_handed_in(
        self, clinic: Clinic, answers: dict[str, Any]
    ) -> None:
        assignment = await clinic.assign(await clinic.system("phq-9"))
        await clinic.client.patch(f"{MINE}/{assignment['id']}", {"answers": answers})

        refused = await clinic.client.post(f"{MINE}/{assignment['id']}/submit")

        missing = [n for n in range(1, 10) if f"q{n}" not in answers]
        assert faults(refused) == {f"/answers/q{n}": "missing" for n in missing}
        assert (await clinic.read(assignment))["score"] is None

    async def test_an_answer_that_is_no_option_is_refused(self, clinic: Clinic) -> None:
        assignment = await clinic.assign(await clinic.system("gad-7"))
        refused = await clinic.client.patch(f"{MINE}/{assignment['id']}", {"answers": {"q1": 4}})
        assert faults(refused) == {"/answers/q1": "not_an_option"}

    async def test_an_option_without_a_score_counts_as_no_answer(self, clinic: Clinic) -> None:
        """F8.M7: and never as nought."""
        options = [
            {"value": value, "label": value, "score": score} for value, score in (("a", 1), ("b", 3), ("c", None))
        ]
        items = [{"key": key, "type": "choice", "text": key, "options": options} for key in ("one", "two")]
        template = await clinic.published(*items, kind="assessment", title="Two questions for {client_name}")
        handed_in = await clinic.answer(await clinic.assign(template), {"one": "b", "two": "c"})
        score = handed_in["score"]
        assert (score["total"], score["missing"], score["lowest"], score["highest"]) == (None, ["two"], 2, 6)
        whole = await clinic.answer(await clinic.assign(template), {"one": "b", "two": "a"})
        assert whole["score"]["total"] == 4
        series = (await clinic.client.get("/v1/me/assessments")).json()["data"]
        assert {each["title"] for each in series} == {"Two questions for Grace Client"}

    async def test_a_practice_may_keep_scores_to_itself(self, clinic: Clinic) -> None:
        await set_portal(clinic.practice, assessments={"scores_visible": False})

        handed_in = await clinic.hand_in("gad-7", numbered([1] * 7))

        assert (handed_in["state"], handed_in["score"]) == ("submitted", None)
        assert (await clinic.read(handed_in))["score"]["total"] == 7
        [mine] = (await clinic.client.get("/v1/me/assessments")).json()["data"]
        assert (mine["key"], mine["score"], mine["since_previous"]) == ("gad-7", None, None)
        await set_portal(clinic.practice, assessments={"scores_visible": True})
        assert (await clinic.client.get(f"{MINE}/{handed_in['id']}")).json()["score"]["total"] == 7

    async def test_instruments_are_read_only_and_say_their_licence(self, clinic: Clinic) -> None:
        for key in ("phq-9", "gad-7", "pcl-5"):
            template = await clinic.system(key)
            path = f"{TEMPLATES}/{template['id']}"
            whole = (await clinic.owner.get(path)).json()
            assert whole["kind"] == "assessment" and whole["about"]["licence"]["statement"]
            assert (await clinic.owner.patch(path, {"title": "Mine"})).json()["code"] == "invalid_state"
            assert (await clinic.owner.post(f"{path}/copy")).json()["code"] == "instrument_read_only"

    async def test_staff_who_enter_answers_score_and_raise_alerts_all_the_same(self, clinic: Clinic) -> None:
        assignment = await clinic.assign(await clinic.system("phq-9"))
        path = f"{ASSIGNMENTS}/{assignment['id']}"
        await clinic.owner.patch(f"{path}/answers", {"answers": numbered([0] * 8 + [1])})

        handed_in = (await clinic.owner.post(f"{path}/submit")).json()

        assert (handed_in["score"]["total"], handed_in["submitted_by_kind"]) == (1, "staff")
        assert len(await clinic.alerts()) == 1


class TestOverTime:
    async def series(self, clinic: Clinic, key: str = "phq-9") -> list[dict[str, Any]]:
        response = await clinic.owner.get(f"/v1/clients/{clinic.client_id}/assessments", params={"key": key})
        assert response.status_code == 200, response.text
        return list(response.json()["data"])

    async def test_each_is_compared_with_the_one_before_and_with_the_first(self, clinic: Clinic) -> None:
        """Six points of the PHQ-9 are a reliable change, five are not."""
        for total in ([2] * 8 + [0], [2] * 5 + [1] + [0] * 3, [2] * 2 + [1] + [0] * 6):
            await clinic.hand_in("phq-9", numbered(total))
        last, middle, first = await self.series(clinic)

        assert [each["score"]["total"] for each in (first, middle, last)] == [16, 11, 5]
        assert (first["since_previous"], first["since_first"], first["reliable_change_points"]) == (None, None, 6)
        assert (middle["since_previous"]["difference"], middle["since_previous"]["reliable"]) == (-5, "none")
        assert (last["since_previous"]["difference"], last["since_previous"]["reliable"]) == (-6, "improved")
        assert last["since_first"] == {
            "form_assignment_id": first["form_assignment_id"],
            "submitted_at": first["submitted_at"],
            "total": 16,
            "difference": -11,
            "reliable": "improved",
        }

    async def test_it_can_get_worse_and_without_an_index_nothing_is_said(self, clinic: Clinic) -> None:
        for score in (0, 1):
            await clinic.hand_in("gad-7", numbered([score] * 4 + [0] * 3))
            await clinic.hand_in("gad-2", numbered([score] * 2))
        assert (await self.series(clinic, "gad-7"))[0]["since_previous"]["reliable"] == "worsened"
        [after, _] = await self.series(clinic, "gad-2")
        assert (after["since_previous"]["difference"], after["since_previous"]["reliable"]) == (2, None)

    async def test_all_instruments_stand_in_one_list_page_by_page(self, clinic: Clinic) -> None:
        for key, items in (("gad-2", 2), ("phq-2", 2), ("gad-2", 2)):
            await clinic.hand_in(key, numbered([1] * items))
        path = f"/v1/clients/{clinic.client_id}/assessments"
        first = (await clinic.owner.get(path, params={"limit": 2})).json()
        second = (await clinic.owner.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert [each["key"] for each in first["data"] + second["data"]] == ["gad-2", "phq-2", "gad-2"]
        assert second["next_cursor"] is None
        assert first["data"][0]["since_previous"]["form_assignment_id"] == second["data"][0]["form_assignment_id"]

    async def test_what_is_reopened_is_not_counted_until_it_is_handed_in_again(self, clinic: Clinic) -> None:
        handed_in = await clinic.hand_in("gad-7", numbered([1] * 7))
        await clinic.reopen(handed_in)
        assert await self.series(clinic, "gad-7") == []
        await clinic.answer(handed_in, numbered([0] * 7))
        assert [each["score"]["total"] for each in await self.series(clinic, "gad-7")] == [0]

    async def test_a_guardian_sees_what_is_theirs_to_fill_in(self, clinic: Clinic) -> None:
        """F6.B3: nothing that is confidential, nothing without the permission."""
        mother = await guardian(clinic.world, clinic.practice, clinic.client_id, "forms.complete")
        father = await guardian(clinic.world, clinic.practice, clinic.client_id, "messages")
        await clinic.hand_in("gad-7", numbered([1] * 7))
        await clinic.hand_in("phq-9", numbered([1] * 8 + [0]), confidential=True)

        hers = (await mother.get("/v1/me/assessments")).json()["data"]

        assert [each["key"] for each in hers] == ["gad-7"]
        assert len((await clinic.client.get("/v1/me/assessments")).json()["data"]) == 2
        assert (await father.get("/v1/me/assessments")).status_code == 403

    async def test_only_those_who_treat_the_client_read_what_they_came_to(self, clinic: Clinic) -> None:
        path = f"/v1/clients/{clinic.client_id}/assessments"
        for role, status in (("biller", 403), ("scheduler", 403), ("forms_admin", 403), ("practitioner", 404)):
            caller, _ = await colleague(clinic.world, clinic.practice, role)  # type: ignore[arg-type]
            assert (await caller.get(path)).status_code == status, role
