"""Templates: written as drafts, published as versions that never change (F8.M1, F8.M4)."""

from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import make_url

from tests.api.forms.desk import QUESTIONS, TEMPLATES, Desk, Json, definition, faults, open_desk
from tests.entry import staff
from tests.world import World

CHOICE = {"type": "choice", "options": [{"value": "0", "label": "No"}, {"value": "1", "label": "Yes", "score": 1}]}
OTHER: Json = {"key": "other", "type": "paragraph", "text": "Anything else?"}


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


class TestDrafts:
    async def test_a_new_form_is_a_draft(self, desk: Desk) -> None:
        made = await desk.draft(description="For new clients.")
        assert (made["state"], made["published_number"], made["has_draft"], made["system"]) == (
            "draft",
            None,
            True,
            False,
        )
        assert made["draft"] == {
            "title": "Before we meet",
            "description": "For new clients.",
            "definition": made["draft"]["definition"],
            "signers": [],
        }
        items = made["draft"]["definition"]["sections"][0]["items"]
        assert items[1]["options"] == QUESTIONS[1]["options"]
        assert items[2]["visible_if"] == QUESTIONS[2]["visible_if"]
        assert made["definition"] is None
        assert (await desk.owner.get(f"{TEMPLATES}/{made['id']}")).json() == made

    async def test_a_draft_is_given_to_nobody(self, desk: Desk) -> None:
        made = await desk.draft()
        body = {"form_template_id": made["id"]}
        refused = await desk.owner.post(f"/v1/clients/{desk.client_id}/form-assignments", body)
        assert faults(refused) == {"/form_template_id": "unknown_form"}

    async def test_a_change_leaves_the_rest(self, desk: Desk) -> None:
        made = await desk.draft()
        path = f"{TEMPLATES}/{made['id']}"
        changed = (await desk.owner.patch(path, {"title": "Welcome"})).json()
        assert (changed["title"], changed["draft"]["definition"]) == ("Welcome", made["draft"]["definition"])
        stale = await desk.owner.patch(path, {"title": "Late"}, headers={"If-Match": '"v1"'})
        assert (stale.status_code, stale.json()["current"]["title"]) == (412, "Welcome")
        assert faults(await desk.owner.patch(path, {"definition": None})) == {"/definition": "null_not_allowed"}

    async def test_a_place_to_sign_makes_the_client_a_signer(self, desk: Desk) -> None:
        signature = {"key": "sign", "type": "signature", "text": "Sign here"}
        assert (await desk.draft(signature))["signers"] == ["client"]
        both = await desk.draft(signature, signers=["guardian:each", "practitioner"])
        assert both["signers"] == ["guardian:each", "practitioner"]

    async def test_a_consent_is_signed_by_the_client(self, desk: Desk) -> None:
        """Also one without a place to sign: handed in unsigned, it would say nothing."""
        assert (await desk.draft(kind="consent"))["signers"] == ["client"]
        assert (await desk.draft(kind="consent", signers=["guardian:any"]))["signers"] == ["guardian:any"]
        assert (await desk.draft(kind="intake"))["signers"] == []

    async def test_a_form_that_asks_nothing_is_not_published(self, desk: Desk) -> None:
        empty = {"sections": [{"key": "one", "title": "One", "items": []}]}
        made = (await desk.owner.post(TEMPLATES, {"kind": "intake", "title": "Mine", "definition": empty})).json()
        assert faults(await desk.owner.post(f"{TEMPLATES}/{made['id']}/publish")) == {"/definition": "no_items"}


class TestVersions:
    async def test_an_edit_of_a_published_form_opens_the_next_version(self, desk: Desk) -> None:
        first = await desk.published()
        path = f"{TEMPLATES}/{first['id']}"
        assert (first["state"], first["published_number"], first["draft"]) == ("published", 1, None)
        edited = (await desk.owner.patch(path, {"title": "Second", "definition": definition(OTHER)})).json()
        assert (edited["title"], edited["published_number"], edited["has_draft"]) == ("Before we meet", 1, True)
        assert edited["definition"] == first["definition"]
        second = (await desk.owner.post(f"{path}/publish")).json()
        assert (second["title"], second["published_number"], second["has_draft"]) == ("Second", 2, False)
        listed = (await desk.owner.get(f"{path}/versions")).json()["data"]
        assert [(each["number"], each["title"]) for each in listed] == [(2, "Second"), (1, "Before we meet")]
        old = (await desk.owner.get(f"{path}/versions/1")).json()
        assert (old["definition"], old["sha256"]) == (first["definition"], listed[1]["sha256"])
        assert (await desk.owner.get(f"{path}/versions/3")).status_code == 404

    async def test_an_assignment_keeps_its_version(self, desk: Desk) -> None:
        template = await desk.published()
        early = await desk.assign(template)
        await desk.owner.patch(f"{TEMPLATES}/{template['id']}", {"title": "New", "definition": definition(OTHER)})
        await desk.owner.post(f"{TEMPLATES}/{template['id']}/publish")
        late = await desk.assign(template)
        assert (early["version_number"], late["version_number"]) == (1, 2)
        read = await desk.read(early)
        assert (read["title"], read["definition"]) == ("Before we meet", early["definition"])
        assert late["definition"]["sections"][0]["items"][0]["key"] == "other"

    async def test_there_is_nothing_to_publish_twice(self, desk: Desk) -> None:
        template = await desk.published()
        again = await desk.owner.post(f"{TEMPLATES}/{template['id']}/publish")
        assert (again.status_code, again.json()["code"]) == (409, "invalid_state")

    async def test_a_draft_can_be_dropped(self, desk: Desk) -> None:
        template = await desk.published()
        path = f"{TEMPLATES}/{template['id']}"
        assert (await desk.owner.delete(f"{path}/draft")).status_code == 409
        await desk.owner.patch(path, {"title": "Second"})
        assert (await desk.owner.delete(f"{path}/draft")).status_code == 204
        assert (await desk.owner.get(path)).json()["has_draft"] is False

    @pytest.mark.whatever_rows
    async def test_the_application_itself_cannot_change_a_version(self, desk: Desk, database_url: str) -> None:
        template = await desk.published()
        url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        for statement in (
            "UPDATE form_version SET title = 'forged'",
            "UPDATE form_version SET definition = '{}'",
            "DELETE FROM form_version",
        ):
            with psycopg.connect(url) as connection:
                connection.execute("SET ROLE portal_app")
                connection.execute("SELECT set_config('app.practice_id', %s, true)", [desk.practice.id])
                seen = connection.execute(
                    "SELECT count(*) FROM form_version WHERE form_template_id = %s", [template["id"]]
                )
                assert seen.fetchone() == (1,)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())


class TestLists:
    async def test_by_kind_state_and_text(self, desk: Desk) -> None:
        mine = await desk.published(title="Zebra questions")
        archived = await desk.draft(title="Old questions")
        assert (await desk.owner.delete(f"{TEMPLATES}/{archived['id']}")).status_code == 204

        async def found(**params: str) -> set[str]:
            answer = await desk.owner.get(TEMPLATES, params={"limit": "100"} | params)
            return {form["title"] for form in answer.json()["data"]}

        everything = await found()
        assert "Zebra questions" in everything
        assert "Old questions" not in everything
        assert await found(state="archived") == {"Old questions"}
        assert await found(system="false") == {"Zebra questions"}
        assert await found(q="zebra") == {"Zebra questions"}
        assert await found(kind="consent", q="zebra") == set()
        assert await found(q="PHQ-9") == {"Patient Health Questionnaire (PHQ-9)"}
        assert (await desk.owner.post(f"{TEMPLATES}/{archived['id']}/restore")).json()["state"] == "draft"
        assert (await desk.owner.post(f"{TEMPLATES}/{mine['id']}/restore")).status_code == 409

    async def test_page_by_page(self, desk: Desk) -> None:
        titles: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = (
                await desk.owner.get(TEMPLATES, params={"limit": "4"} | ({"cursor": cursor} if cursor else {}))
            ).json()
            titles += [form["title"] for form in answer["data"]]
            cursor = answer["next_cursor"]
        assert len(titles) == len(set(titles)) > 10
        whole = (await desk.owner.get(TEMPLATES, params={"limit": "100"})).json()["data"]
        assert titles == [form["title"] for form in whole]


class TestWho:
    async def test_the_forms_administrator_writes_and_sees_no_answers(self, desk: Desk) -> None:
        _, administrator = await staff(desk.world, desk.practice, "forms_admin")
        body = {"kind": "intake", "title": "Mine", "definition": definition()}
        assert (await administrator.post(TEMPLATES, body)).status_code == 201
        assignment = await desk.given()
        assert (await administrator.get(f"/v1/form-assignments/{assignment['id']}")).status_code == 403

    async def test_every_staff_member_reads_templates_and_few_write(self, desk: Desk) -> None:
        _, practitioner = await staff(desk.world, desk.practice, "practitioner")
        assert (await practitioner.get(TEMPLATES)).status_code == 200
        body = {"kind": "intake", "title": "Mine", "definition": definition()}
        assert (await practitioner.post(TEMPLATES, body)).status_code == 403
        assert (await (await desk.portal()).get(TEMPLATES)).status_code == 403


class TestSystemForms:
    async def test_every_new_practice_has_the_library(self, desk: Desk) -> None:
        forms = (await desk.owner.get(TEMPLATES, params={"system": "true", "limit": "100"})).json()["data"]
        kinds = {form["key"]: form["kind"] for form in forms}
        assert {"phq-9", "gad-7", "pcl-5"} <= {key for key, kind in kinds.items() if kind == "assessment"}
        consents = {"consent-treatment", "consent-telehealth", "privacy-practices", "consent-electronic-communication"}
        assert consents == {key for key, kind in kinds.items() if kind == "consent"}
        assert {"intake-adult", "intake-child"} == {key for key, kind in kinds.items() if kind == "intake"}
        assert {form["state"] for form in forms} == {"published"}
        assert all(form["signers"] == (["client"] if form["kind"] == "consent" else []) for form in forms)

    async def test_they_are_read_only(self, desk: Desk) -> None:
        form = await desk.system("consent-treatment")
        for refused in (
            await desk.owner.patch(f"{TEMPLATES}/{form['id']}", {"title": "Ours"}),
            await desk.owner.post(f"{TEMPLATES}/{form['id']}/publish"),
        ):
            assert (refused.status_code, refused.json()["state"]) == (409, "system")

    async def test_a_copy_is_the_practices_own(self, desk: Desk) -> None:
        form = await desk.system("consent-treatment")
        copied = await desk.owner.post(f"{TEMPLATES}/{form['id']}/copy", {"title": "Our consent"})
        assert copied.status_code == 201
        own = copied.json()
        assert (own["system"], own["key"], own["state"], own["copied_from"]) == (False, None, "draft", form["id"])
        whole = (await desk.owner.get(f"{TEMPLATES}/{form['id']}")).json()
        assert own["draft"]["definition"] == whole["definition"]
        assert own["signers"] == ["client"]
        assert (await desk.owner.patch(f"{TEMPLATES}/{own['id']}", {"title": "Ours"})).status_code == 200

    async def test_an_assessment_is_not_copied(self, desk: Desk) -> None:
        """F8.M7: what is changed does not score as it was validated."""
        form = await desk.system("phq-9")
        refused = await desk.owner.post(f"{TEMPLATES}/{form['id']}/copy")
        assert (refused.status_code, refused.json()["code"]) == (409, "instrument_read_only")

    async def test_an_assessment_says_under_which_licence_it_is_reproduced(self, desk: Desk) -> None:
        form = await desk.system("phq-9")
        whole = (await desk.owner.get(f"{TEMPLATES}/{form['id']}")).json()
        assert "No permission required" in whole["about"]["licence"]["statement"]


WRONG: list[tuple[Any, str, str]] = [
    ([{"key": "q", "type": "choice", "text": "?"}], "/items/0", "needed_for_type"),
    ([{"key": "q", "type": "scale", "text": "?", "min": 1}], "/items/0", "needed_for_type"),
    ([{"key": "q", "type": "text", "text": "?", "min": 1}], "/items/0", "not_for_type"),
    ([{"key": "q", "type": "number", "text": "?", "min": 2, "max": 1}], "/items/0", "range"),
    ([{"key": "q", "type": "statement", "text": "!", "required": True}], "/items/0", "not_for_type"),
    ([{"key": "q", "type": "poem", "text": "?"}], "/items/0/type", "enum"),
    ([{"key": "a b", "type": "text", "text": "?"}], "/items/0/key", "string_pattern_mismatch"),
    ([{"key": "q", "type": "text", "text": "?", "colour": "red"}], "/items/0/colour", "extra_forbidden"),
    (
        [{"key": "q", "type": "text", "text": "?"}, {"key": "q", "type": "text", "text": "?"}],
        "/items/1/key",
        "repeated",
    ),
    (
        [{"key": "q", "text": "?", **CHOICE, "options": [{"value": "0", "label": "a"}, {"value": "0", "label": "b"}]}],
        "/items/0",
        "repeated",
    ),
]
CONDITIONS: list[tuple[Any, str, str]] = [
    ({"item": "later", "op": "answered"}, "/item", "unknown_item"),
    ({"item": "said", "op": "answered"}, "/item", "takes_no_answer"),
    ({"item": "c", "op": "equals", "value": "2"}, "/value", "not_an_option"),
    ({"item": "c", "op": "equals"}, "/value", "wrong_type"),
    ({"item": "c", "op": "in", "value": "0"}, "/value", "wrong_type"),
    ({"item": "c", "op": "answered", "value": "yes"}, "/value", "wrong_type"),
    ({"item": "t", "op": "at_least", "value": 1}, "/op", "wrong_operator"),
    ({"item": "n", "op": "at_least", "value": "1"}, "/value", "wrong_type"),
    ({"item": "d", "op": "at_most", "value": "soon"}, "/value", "date"),
    ({"item": "f", "op": "equals", "value": "x"}, "/op", "wrong_operator"),
    ({"any": [{"item": "c", "op": "answered"}, {"item": "ghost", "op": "answered"}]}, "/any/1/item", "unknown_item"),
]


class TestWhatMakesNoSense:
    @pytest.mark.parametrize(("items", "below", "code"), WRONG)
    async def test_an_item(self, desk: Desk, items: Any, below: str, code: str) -> None:
        body = {"kind": "intake", "title": "Wrong", "definition": definition(*items)}
        assert faults(await desk.owner.post(TEMPLATES, body)) == {f"/definition/sections/0{below}": code}

    @pytest.mark.parametrize(("condition", "below", "code"), CONDITIONS)
    async def test_a_condition(self, desk: Desk, condition: Any, below: str, code: str) -> None:
        before = [
            {"key": "c", "text": "?", **CHOICE},
            {"key": "t", "type": "text", "text": "?"},
            {"key": "n", "type": "number", "text": "?"},
            {"key": "d", "type": "date", "text": "?"},
            {"key": "f", "type": "file", "text": "?"},
            {"key": "said", "type": "statement", "text": "!"},
        ]
        last = {"key": "later", "type": "text", "text": "?", "visible_if": condition}
        body = {"kind": "intake", "title": "Wrong", "definition": definition(*before, last)}
        refused = faults(await desk.owner.post(TEMPLATES, body))
        assert refused == {f"/definition/sections/0/items/6/visible_if{below}": code}

    @pytest.mark.parametrize(("depth", "status"), [(3, 201), (4, 422), (20, 422), (120, 400)])
    async def test_conditions_in_conditions_for_ever(self, desk: Desk, depth: int, status: int) -> None:
        condition: Json = {"item": "c", "op": "answered"}
        for _ in range(depth):
            condition = {"all": [condition]}
        items = [
            {"key": "c", "text": "?", **CHOICE},
            {"key": "t", "type": "text", "text": "?", "visible_if": condition},
        ]
        body = {"kind": "intake", "title": "Wrong", "definition": definition(*items)}
        assert (await desk.owner.post(TEMPLATES, body)).status_code == status

    async def test_nothing_is_written(self, desk: Desk) -> None:
        before = (await desk.owner.get(TEMPLATES, params={"system": "false"})).json()
        await desk.owner.post(TEMPLATES, {"kind": "intake", "title": "Wrong", "definition": {"sections": []}})
        assert (await desk.owner.get(TEMPLATES, params={"system": "false"})).json() == before

    async def test_another_practices_form_is_not_there(self, desk: Desk) -> None:
        other = await open_desk(desk.world)
        theirs = await other.published()
        assert (await desk.owner.get(f"{TEMPLATES}/{theirs['id']}")).status_code == 404
        body = {"form_template_id": theirs["id"]}
        refused = await desk.owner.post(f"/v1/clients/{desk.client_id}/form-assignments", body)
        assert faults(refused) == {"/form_template_id": "unknown_form"}
        invented = await desk.owner.post(
            f"/v1/clients/{desk.client_id}/form-assignments", {"form_template_id": str(UUID(int=7))}
        )
        assert faults(invented) == {"/form_template_id": "unknown_form"}
