"""Filling in a form: saved in parts, handed in complete or not at all (F8.M2, F8.M3)."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, update

from portal_api.models.forms import FormAssignment
from tests.api.forms.desk import ASSIGNMENTS, MINE, Desk, Json, faults, open_desk
from tests.entry import bound, staff
from tests.people import client_login
from tests.world import Caller, World

NOBODYS_ID = "018f0000-0000-7000-8000-000000000000"

COMPLETE: Json = {"q1": "Sleep", "q2": "no"}
SIGNED: Json = {"printed_name": "Grace Client", "agree": True}


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


async def over(desk: Desk, assignment: Json) -> None:
    """Let its time be over."""
    async with bound(desk.world, desk.practice) as session:
        this = update(FormAssignment).where(FormAssignment.id == assignment["id"])
        await session.execute(this.values(expires_at=func.now()))


class TestReading:
    async def test_what_was_given_waits(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        listed = (await client.get(MINE)).json()["data"]
        assert [(form["id"], form["state"], form["kind"]) for form in listed] == [(given["id"], "assigned", "intake")]
        form = (await client.get(f"{MINE}/{given['id']}")).json()
        assert (form["answers"], form["missing"], form["progress"], form["score"]) == ({}, ["q1", "q2"], 0, None)

    async def test_the_texts_name_the_practice_the_client_and_who_treats_them(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        items = (await client.get(f"{MINE}/{given['id']}")).json()["definition"]["sections"][0]["items"]
        assert items[0]["text"] == "What brings you to Harbor Therapy?"
        assert items[4]["text"] == "Dear Grace Client, Ada Harbor reads this."
        await desk.owner.patch("/v1/practice", {"name": "Elsewhere"})
        again = (await client.get(f"{MINE}/{given['id']}")).json()["definition"]["sections"][0]["items"]
        assert again == items

    async def test_braces_that_name_nothing_stay(self, desk: Desk) -> None:
        """Neither a client's own name nor an unknown word is looked up."""
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"given_name": "{practice_name}"})
        item = {"key": "q", "type": "text", "text": "{client_name} {other} {0} {practice_phone}"}
        text = (await desk.given(item))["definition"]["sections"][0]["items"][0]["text"]
        assert text == "{practice_name} Client {other} {0} the telephone number of the practice"

    async def test_by_state_and_kind(self, desk: Desk) -> None:
        first, second, client = await desk.given(), await desk.given(), await desk.portal()
        await client.patch(f"{MINE}/{first['id']}", {"answers": {"q1": "Sleep"}})

        async def found(**params: str) -> list[str]:
            return [form["id"] for form in (await client.get(MINE, params=params)).json()["data"]]

        assert await found() == [second["id"], first["id"]]
        assert await found(state="assigned") == [second["id"]]
        assert await found(state="in_progress", kind="intake") == [first["id"]]
        assert await found(kind="consent") == []
        assert await found(client_id=desk.client_id, limit="1") == [second["id"]]
        assert (await client.get(MINE, params={"client_id": str(uuid4())})).status_code == 404


class TestSaving:
    async def test_what_is_not_named_stays_and_null_takes_back(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        path = f"{MINE}/{given['id']}"
        first = await client.patch(path, {"answers": {"q1": "Sleep", "q4": 3}})
        assert (first.status_code, first.json()["state"], first.json()["progress"]) == (200, "in_progress", 50)
        second = (await client.patch(path, {"answers": {"q1": None, "q2": "yes"}})).json()
        assert second["answers"] == {"q4": 3, "q2": "yes"}
        assert second["missing"] == ["q1", "q3"]
        assert (await client.get(path)).json() == second

    async def test_a_stale_copy_is_answered_with_the_present_one(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        path = f"{MINE}/{given['id']}"
        read = await client.get(path)
        headers = {"If-Match": read.headers["etag"]}
        fresh = await client.patch(path, {"answers": {"q1": "One"}}, headers=headers)
        assert fresh.status_code == 200
        assert fresh.headers["etag"] != read.headers["etag"]
        stale = await client.patch(path, {"answers": {"q1": "Two"}}, headers=headers)
        assert (stale.status_code, stale.json()["current"]["answers"]) == (412, {"q1": "One"})
        assert (await client.get(path)).json()["answers"] == {"q1": "One"}

    @pytest.mark.parametrize(
        ("key", "value", "code"),
        [
            ("q1", 7, "wrong_type"),
            ("q1", "x" * 41, "too_long"),
            ("q1", "two\nlines", "control_character"),
            ("q1", "nul\x00", "control_character"),
            ("q2", "maybe", "not_an_option"),
            ("q2", True, "wrong_type"),
            ("q2", ["yes"], "wrong_type"),
            ("q3", {"a": 1}, "wrong_type"),
            ("q4", 11, "out_of_range"),
            ("q4", -1, "out_of_range"),
            ("q4", 2.5, "not_a_step"),
            ("q4", "3", "wrong_type"),
            ("q4", True, "wrong_type"),
            pytest.param("q4", 10**400, "out_of_range", id="huge"),
            ("read", "yes", "takes_no_answer"),
            ("q9", "x", "unknown_item"),
        ],
    )
    async def test_what_does_not_fit_is_refused_whole(self, desk: Desk, key: str, value: Any, code: str) -> None:
        given, client = await desk.given(), await desk.portal()
        refused = await client.patch(f"{MINE}/{given['id']}", {"answers": {"q2": "no"} | {key: value}})
        assert faults(refused) == {f"/answers/{key}": code}
        assert (await client.get(f"{MINE}/{given['id']}")).json()["answers"] == {}

    @pytest.mark.parametrize(
        ("item", "good", "bad", "code"),
        [
            ({"type": "date"}, "2024-02-29", "2023-02-29", "date"),
            ({"type": "date"}, "1990-01-31", "31.01.1990", "date"),
            ({"type": "date"}, "1990-01-31", 19900131, "wrong_type"),
            ({"type": "number", "min": 0.5}, 0.5, 0.4, "out_of_range"),
            ({"type": "number", "step": 0.1}, 0.3, 0.35, "not_a_step"),
            ({"type": "number"}, -1.25, "1", "wrong_type"),
            ({"type": "multiple_choice", "max_choices": 1}, ["a"], ["a", "b"], "too_many"),
            ({"type": "multiple_choice"}, ["b", "a"], ["a", "a"], "repeated"),
            ({"type": "multiple_choice"}, [], ["c"], "not_an_option"),
            ({"type": "multiple_choice"}, ["a"], "a", "wrong_type"),
            ({"type": "paragraph", "max_length": 5}, "a\nb", "123456", "too_long"),
            ({"type": "file"}, None, "no id", "wrong_type"),
            ({"type": "file"}, None, NOBODYS_ID, "unknown_document"),
            ({"type": "signature"}, None, "Grace", "takes_no_answer"),
        ],
    )
    async def test_each_type_of_item(self, desk: Desk, item: Json, good: Any, bad: Any, code: str) -> None:
        options = [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]
        more = {"options": options} if item["type"] == "multiple_choice" else {}
        given, client = await desk.given({"key": "i", "text": "?"} | item | more), await desk.portal()
        path = f"{MINE}/{given['id']}"
        assert faults(await client.patch(path, {"answers": {"i": bad}})) == {"/answers/i": code}
        kept = (await client.patch(path, {"answers": {"i": good}})).json()
        assert kept["answers"] == ({} if good is None else {"i": good})

    async def test_whole_numbers_are_taken_for_options(self, desk: Desk) -> None:
        template, client = await desk.system("phq-9"), await desk.portal()
        given = await desk.assign(template)
        kept = await client.patch(f"{MINE}/{given['id']}", {"answers": {"q1": 3, "q2": "0"}})
        assert kept.json()["answers"] == {"q1": "3", "q2": "0"}

    async def test_an_unknown_key_is_pointed_at_safely(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        refused = await client.patch(f"{MINE}/{given['id']}", {"answers": {"a/b~c": 1}})
        assert faults(refused) == {"/answers/a~1b~0c": "unknown_item"}

    async def test_many_unknown_keys(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        refused = await client.patch(f"{MINE}/{given['id']}", {"answers": {f"x{n}": 1 for n in range(301)}})
        assert faults(refused) == {"/answers": "too_long"}


class TestSubmitting:
    async def test_a_blank_form_names_all_that_is_missing(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        refused = await client.post(f"{MINE}/{given['id']}/submit")
        assert faults(refused) == {"/answers/q1": "missing", "/answers/q2": "missing"}
        assert (await desk.read(given))["state"] == "assigned"

    async def test_spaces_are_no_answer(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        await client.patch(f"{MINE}/{given['id']}", {"answers": {"q1": "  ", "q2": "yes"}})
        refused = await client.post(f"{MINE}/{given['id']}/submit")
        assert faults(refused) == {"/answers/q1": "missing", "/answers/q3": "missing"}

    async def test_a_form_of_nothing_but_choices_is_not_handed_in_blank(self, desk: Desk) -> None:
        given, client = await desk.given({"key": "q", "type": "text", "text": "?"}), await desk.portal()
        assert faults(await client.post(f"{MINE}/{given['id']}/submit")) == {"/answers": "blank"}

    async def test_a_complete_form_is_handed_in_once(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        path = f"{MINE}/{given['id']}"
        await client.patch(path, {"answers": COMPLETE})
        done = (await client.post(f"{path}/submit", {"client_id": desk.client_id})).json()
        assert (done["state"], done["progress"], done["missing"], done["submitted_by_kind"]) == (
            "submitted",
            100,
            [],
            "client",
        )
        again = await client.post(f"{path}/submit")
        assert (again.status_code, again.json()["state"]) == (409, "submitted")
        late = await client.patch(path, {"answers": {"q1": "Later"}})
        assert (late.status_code, late.json()["code"]) == (409, "invalid_state")
        assert (await desk.read(given))["answers"] == COMPLETE

    async def test_answers_to_what_is_not_shown_are_dropped(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        path = f"{MINE}/{given['id']}"
        await client.patch(path, {"answers": {"q1": "Sleep", "q2": "yes", "q3": "In 2019"}})
        kept = (await client.patch(path, {"answers": {"q2": "no"}})).json()
        assert kept["answers"]["q3"] == "In 2019"
        done = (await client.post(f"{path}/submit")).json()
        assert done["answers"] == COMPLETE

    async def test_an_assessment_is_scored(self, desk: Desk) -> None:
        template, client = await desk.system("phq-9"), await desk.portal()
        given = await desk.assign(template)
        path = f"{MINE}/{given['id']}"
        await client.patch(path, {"answers": {f"q{n}": 1 for n in range(1, 10)}})
        score = (await client.post(f"{path}/submit")).json()["score"]
        assert (score["total"], score["severity"]) == (9, "mild")
        assert (await desk.read(given))["score"] == score

    async def test_a_partial_assessment_names_the_items(self, desk: Desk) -> None:
        given, client = await desk.assign(await desk.system("gad-7")), await desk.portal()
        await client.patch(f"{MINE}/{given['id']}", {"answers": {f"q{n}": 1 for n in range(1, 6)}})
        refused = await client.post(f"{MINE}/{given['id']}/submit")
        assert faults(refused) == {"/answers/q6": "missing", "/answers/q7": "missing"}

    @pytest.mark.parametrize("key", ["consent-treatment", "consent-telehealth"])
    async def test_a_consent_is_not_handed_in_blank_and_unsigned(self, desk: Desk, key: str) -> None:
        """F8.M2: neither an answer nor a signature is no consent; signing it hands it in."""
        given, client = await desk.assign(await desk.system(key)), await desk.portal()
        assert given["signers"] == [{"role": "client"}]
        path = f"{MINE}/{given['id']}"
        assert faults(await client.post(f"{path}/submit")) == {"/answers/signature": "not_signed"}
        by_staff = await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/submit")
        assert faults(by_staff) == {"/answers/signature": "not_signed"}
        assert (await desk.read(given))["state"] == "assigned"
        assert (await client.post(f"{path}/sign", SIGNED)).json()["state"] == "locked"

    async def test_what_is_to_be_signed_and_has_no_place_for_it_is_not_handed_in_blank_either(self, desk: Desk) -> None:
        item = {"key": "read", "type": "statement", "text": "Please be on time."}
        given, client = await desk.assign(await desk.published(item, kind="consent")), await desk.portal()
        assert faults(await client.post(f"{MINE}/{given['id']}/submit")) == {"/answers": "not_signed"}
        assert (await client.post(f"{MINE}/{given['id']}/sign", SIGNED)).json()["state"] == "locked"

    async def test_what_the_practice_signs_first_is_handed_in_for_that(self, desk: Desk) -> None:
        consent, client = await desk.system("consent-treatment"), await desk.portal()
        given = await desk.assign(consent, signers=["practitioner", "client"])
        assert (await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/submit")).json()["state"] == "submitted"
        assert (await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/sign", SIGNED)).status_code == 200
        assert (await client.post(f"{MINE}/{given['id']}/sign", SIGNED)).json()["state"] == "locked"

    async def test_the_events_say_who_did_what(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        path = f"{MINE}/{given['id']}"
        await client.patch(path, {"answers": {"q1": "Sleep"}})
        await client.patch(path, {"answers": {"q2": "no"}})
        await client.post(f"{path}/submit")
        events = (await desk.owner.get("/v1/audit-events", params={"limit": "100"})).json()["data"]
        mine = [event for event in events if event["resource_id"] == given["id"]]
        assert [event["type"] for event in mine] == ["form.submitted", "form.saved", "form.started", "form.assigned"]
        assert mine[1]["changed"] == ["q2"]
        assert "Sleep" not in str(events)


class TestStates:
    async def test_reopened_and_handed_in_again(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        path = f"{MINE}/{given['id']}"
        await client.patch(path, {"answers": COMPLETE})
        await client.post(f"{path}/submit")
        back = await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/reopen", {"reason": "Please say more."})
        assert (back.json()["state"], back.json()["submitted_at"]) == ("in_progress", None)
        seen = (await client.get(path)).json()
        assert (seen["state_reason"], seen["answers"]) == ("Please say more.", COMPLETE)
        assert (await client.patch(path, {"answers": {"q1": "Sleep, mostly"}})).status_code == 200
        assert (await client.post(f"{path}/submit")).json()["state"] == "submitted"

    async def test_locked_for_good(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        early = await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/lock")
        assert (early.status_code, early.json()["state"]) == (409, "assigned")
        await client.patch(f"{MINE}/{given['id']}", {"answers": COMPLETE})
        await client.post(f"{MINE}/{given['id']}/submit")
        assert (await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/lock")).json()["state"] == "locked"
        refused = await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/reopen")
        assert (refused.status_code, refused.json()["state"]) == (409, "locked")

    async def test_withdrawn_by_staff(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        taken = await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/withdraw", {"reason": "By mistake."})
        assert taken.json()["state"] == "withdrawn"
        refused = await client.patch(f"{MINE}/{given['id']}", {"answers": {"q1": "Sleep"}})
        assert (refused.status_code, refused.json()["state"]) == (409, "withdrawn")

    async def test_a_consent_that_was_given_can_be_taken_back(self, desk: Desk) -> None:
        """F8.M6."""
        consent, client = await desk.assign(await desk.system("consent-telehealth")), await desk.portal()
        path = f"{MINE}/{consent['id']}"
        await client.patch(path, {"answers": {"usual_place": "1 Quay, Harbor"}})
        for _ in range(2):
            refused = await client.post(f"{path}/withdraw-consent")
            assert (refused.status_code, refused.json()["code"]) == (409, "invalid_state")
            await client.post(f"{path}/submit")
        await client.post(f"{path}/sign", SIGNED)
        taken = (await client.post(f"{path}/withdraw-consent", {"reason": "I prefer to come."})).json()
        assert (taken["state"], taken["state_reason"]) == ("withdrawn", "I prefer to come.")
        intake = await desk.given()
        await client.patch(f"{MINE}/{intake['id']}", {"answers": COMPLETE})
        await client.post(f"{MINE}/{intake['id']}/submit")
        assert (await client.post(f"{MINE}/{intake['id']}/withdraw-consent")).status_code == 409

    async def test_expired_is_expired_before_a_job_has_written_so(self, desk: Desk) -> None:
        given, client = await desk.given(expires_on="2034-01-01"), await desk.portal()
        await over(desk, given)
        assert (await client.get(f"{MINE}/{given['id']}")).json()["state"] == "expired"
        assert [form["id"] for form in (await client.get(MINE, params={"state": "expired"})).json()["data"]] == [
            given["id"]
        ]
        assert (await client.get(MINE, params={"state": "assigned"})).json()["data"] == []
        refused = await client.patch(f"{MINE}/{given['id']}", {"answers": {"q1": "Sleep"}})
        assert (refused.status_code, refused.json()["state"]) == (409, "expired")
        back = (await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/reopen")).json()
        assert (back["state"], back["expires_on"]) == ("in_progress", None)
        assert (await client.patch(f"{MINE}/{given['id']}", {"answers": COMPLETE})).status_code == 200


class TestFiles:
    """A16: an answer names a document of the same client that its author sees."""

    FILE: Json = {"key": "letter", "type": "file", "text": "The letter", "required": True}

    async def upload(self, caller: Caller, client_id: str) -> str:
        files = {"file": ("letter.txt", b"Dear colleague", "text/plain")}
        sent = await caller.post("/v1/me/documents", files=files, data={"title": "Letter", "client_id": client_id})
        assert sent.status_code == 201, sent.text
        return str(sent.json()["id"])

    async def test_an_upload_is_an_answer(self, desk: Desk) -> None:
        await desk.owner.patch("/v1/practice/features", {"client_uploads": True})
        given, client = await desk.given(self.FILE), await desk.portal()
        letter = await self.upload(client, desk.client_id)
        path = f"{MINE}/{given['id']}"
        assert (await client.patch(path, {"answers": {"letter": letter}})).json()["answers"] == {"letter": letter}
        assert (await client.post(f"{path}/submit")).json()["state"] == "submitted"

    async def test_of_somebody_else_it_is_as_unknown_as_one_that_is_not(self, desk: Desk) -> None:
        await desk.owner.patch("/v1/practice/features", {"client_uploads": True})
        other = await desk.world.client(desk.owner)
        theirs = await client_login(desk.world, desk.practice, other["id"])
        letter = await self.upload(theirs, other["id"])
        given, client = await desk.given(self.FILE), await desk.portal()
        refusals = [
            await client.patch(f"{MINE}/{given['id']}", {"answers": {"letter": id}}) for id in (letter, str(uuid4()))
        ]
        assert [faults(refusal) for refusal in refusals] == [{"/answers/letter": "unknown_document"}] * 2
        by_staff = await desk.owner.patch(f"{ASSIGNMENTS}/{given['id']}/answers", {"answers": {"letter": letter}})
        assert faults(by_staff) == {"/answers/letter": "unknown_document"}
        assert (await desk.read(given))["answers"] == {}

    async def test_one_that_answers_is_not_deleted(self, desk: Desk) -> None:
        """F9.M6: nor by staff, until it answers nothing; a form that is handed in has its files (F8.M5)."""
        await desk.owner.patch("/v1/practice/features", {"client_uploads": True})
        given, client = await desk.given(self.FILE), await desk.portal()
        letter = await self.upload(client, desk.client_id)
        path, file = f"{MINE}/{given['id']}", f"/v1/me/documents/{letter}"
        assert (await client.patch(path, {"answers": {"letter": letter}})).status_code == 200
        assert await refusal(client, file) == (409, "document_in_use")
        assert (await client.patch(path, {"answers": {"letter": None}})).status_code == 200
        assert (await client.delete(file)).status_code == 204
        letter = await self.upload(client, desk.client_id)
        assert (await client.patch(path, {"answers": {"letter": letter}})).status_code == 200
        assert (await client.post(f"{path}/submit")).status_code == 200
        assert await refusal(client, f"/v1/me/documents/{letter}") == (409, "document_in_use")
        assert await refusal(desk.owner, f"/v1/documents/{letter}") == (409, "document_in_use")
        assert (await client.get(f"/v1/me/documents/{letter}/content")).status_code == 200
        assert (await desk.owner.post(f"{ASSIGNMENTS}/{given['id']}/withdraw", {})).status_code == 200
        assert (await desk.owner.delete(f"/v1/documents/{letter}")).status_code == 204

    async def test_named_and_deleted_at_once_it_is_either(self, desk: Desk) -> None:
        await desk.owner.patch("/v1/practice/features", {"client_uploads": True})
        given, client = await desk.given(self.FILE), await desk.portal()
        path = f"{MINE}/{given['id']}"
        for _ in range(6):
            letter = await self.upload(client, desk.client_id)
            named, deleted = await asyncio.gather(
                client.patch(path, {"answers": {"letter": letter}}), client.delete(f"/v1/me/documents/{letter}")
            )
            assert (named.status_code, deleted.status_code) in {(200, 409), (422, 204)}, (named.text, deleted.text)
            assert (await client.patch(path, {"answers": {"letter": None}})).status_code == 200


async def refusal(caller: Caller, path: str) -> tuple[int, str]:
    refused = await caller.delete(path)
    return refused.status_code, refused.json()["code"]


class TestOnBehalf:
    async def test_staff_fill_in_and_hand_in_and_it_says_so(self, desk: Desk) -> None:
        given, client = await desk.given(), await desk.portal()
        path = f"{ASSIGNMENTS}/{given['id']}"
        assert (await desk.owner.patch(f"{path}/answers", {"answers": COMPLETE})).json()["state"] == "in_progress"
        done = (await desk.owner.post(f"{path}/submit")).json()
        assert (done["state"], done["submitted_by_kind"]) == ("submitted", "staff")
        assert done["submitted_by"] == desk.owner.account["id"]
        assert (await client.get(f"{MINE}/{given['id']}")).json()["submitted_by_kind"] == "staff"

    async def test_by_the_same_rules(self, desk: Desk) -> None:
        given = await desk.given()
        path = f"{ASSIGNMENTS}/{given['id']}"
        assert faults(await desk.owner.patch(f"{path}/answers", {"answers": {"q4": 11}})) == {
            "/answers/q4": "out_of_range"
        }
        assert faults(await desk.owner.post(f"{path}/submit")) == {"/answers/q1": "missing", "/answers/q2": "missing"}

    @pytest.mark.parametrize(
        ("role", "reading", "writing"),
        [("biller", 403, 403), ("scheduler", 403, 403), ("supervisor", 404, 403), ("intern", 404, 404)],
    )
    async def test_who_does_not_treat_the_client_sees_nothing(
        self, desk: Desk, role: str, reading: int, writing: int
    ) -> None:
        given = await desk.given()
        _, other = await staff(desk.world, desk.practice, role)
        assert (await other.get(f"{ASSIGNMENTS}/{given['id']}")).status_code == reading
        assert (await other.get(f"/v1/clients/{desk.client_id}/form-assignments")).status_code == reading
        answers = {"answers": COMPLETE}
        assert (await other.patch(f"{ASSIGNMENTS}/{given['id']}/answers", answers)).status_code == writing
