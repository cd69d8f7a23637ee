"""Treatment plans: written for one client, signed, never changed after, revised instead (F20.M6, A48)."""

from typing import Any

import pytest

from portal_api.core.access import Role
from tests.api.signatures.signing import SigningDesk, open_signing_desk, pdf, refusal, text_of, verify
from tests.people import client_login, colleague
from tests.world import Caller, World

Json = dict[str, Any]
PLANS, MINE = "/v1/treatment-plans", "/v1/me/treatment-plans"
GOALS = [
    {
        "description": "Feel safe in public places again.",
        "target_date": "2031-06-30",
        "objectives": [{"description": "Go to work by train twice a week.", "measure": "Diary"}],
        "interventions": [{"description": "Graded exposure", "frequency": "Weekly"}],
    }
]


@pytest.fixture
async def desk(world: World) -> SigningDesk:
    return await open_signing_desk(world)


async def written(desk: SigningDesk, by: Caller | None = None, **fields: Any) -> Json:
    body = {"title": "Plan for autumn", "goals": GOALS} | fields
    made = await (by or desk.owner).post(f"/v1/clients/{desk.client_id}/treatment-plans", body)
    assert made.status_code == 201, made.text
    return dict(made.json())


async def done(caller: Caller, plan: Json, act: str, body: Any = None) -> Json:
    response = await caller.post(f"{PLANS}/{plan['id']}/{act}", body)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def shared(desk: SigningDesk, **fields: Any) -> Json:
    return await done(desk.owner, await written(desk, **fields), "share")


async def sign(caller: Caller, plan: Json, name: str = "Grace Client", base: str = MINE, **fields: Any) -> Any:
    return await caller.post(f"{base}/{plan['id']}/sign", {"printed_name": name, "agree": True} | fields)


class TestWriting:
    async def test_a_draft_is_the_practices_own(self, desk: SigningDesk) -> None:
        plan, client = await written(desk), await desk.portal()
        assert (plan["state"], plan["revision"], plan["active_revision"]) == ("draft", 1, None)
        assert (plan["author_id"], plan["signers"], plan["diagnoses"]) == (desk.practice.staff_id, ["client"], [])
        assert (await client.get(MINE)).json()["data"] == []
        assert refusal(await client.get(f"{MINE}/{plan['id']}")) == (404, "not_found")
        assert refusal(await sign(client, plan)) == (404, "not_found")

    async def test_it_is_changed_with_a_tag(self, desk: SigningDesk) -> None:
        plan = await written(desk)
        path, tag = f"{PLANS}/{plan['id']}", f'"v{plan["version"]}"'
        changed = await desk.owner.patch(path, {"summary": "Short."}, headers={"If-Match": tag})
        assert (changed.json()["summary"], changed.json()["goals"]) == ("Short.", plan["goals"])
        late = await desk.owner.patch(path, {"summary": "Long."}, headers={"If-Match": tag})
        assert late.status_code == 412
        assert late.json()["current"]["summary"] == "Short."
        assert (await desk.owner.patch(path, {"summary": None})).json()["summary"] is None

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"title": ""}, "/title"),
            ({"signers": ["supervisor"]}, "/signers"),
            ({"signers": ["client", "client"]}, "/signers"),
            ({"signers": ["owner"]}, "/signers/0"),
            ({"goals": [{"description": ""}]}, "/goals/0/description"),
            ({"goals": [{"description": "a", "target_date": 5}]}, "/goals/0/target_date"),
            ({"author_id": "x"}, "/author_id"),
            ({"state": "active"}, "/state"),
        ],
    )
    async def test_bad_input_names_its_field(self, desk: SigningDesk, fields: Json, pointer: str) -> None:
        body = {"title": "Plan", "goals": GOALS} | fields
        refused = await desk.owner.post(f"/v1/clients/{desk.client_id}/treatment-plans", body)
        assert refused.status_code == 422
        assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]

    async def test_a_null_does_not_clear_what_is_always_there(self, desk: SigningDesk) -> None:
        plan = await written(desk)
        refused = await desk.owner.patch(f"{PLANS}/{plan['id']}", {"goals": None})
        assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/goals"]

    async def test_a_plan_without_a_goal_is_not_shared(self, desk: SigningDesk) -> None:
        plan = await written(desk, goals=[])
        refused = await desk.owner.post(f"{PLANS}/{plan['id']}/share")
        assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/goals"]

    async def test_who_treats_writes_and_who_administers_reads(self, desk: SigningDesk) -> None:
        plan = await written(desk)
        stranger, _ = await colleague(desk.world, desk.practice, Role.PRACTITIONER)
        assert refusal(await stranger.get(f"{PLANS}/{plan['id']}")) == (404, "not_found")
        assert refusal(await stranger.get(f"/v1/clients/{desk.client_id}/treatment-plans")) == (404, "not_found")
        admin, _ = await colleague(desk.world, desk.practice, Role.ADMIN)
        assert (await admin.get(f"{PLANS}/{plan['id']}")).status_code == 200
        assert refusal(await admin.patch(f"{PLANS}/{plan['id']}", {"summary": "x"})) == (403, "forbidden")
        supervisor = await desk.supervisor_of(desk.practice.staff_id)
        assert (await supervisor.get(f"{PLANS}/{plan['id']}")).status_code == 200
        for role in (Role.BILLER, Role.SCHEDULER, Role.FORMS_ADMIN):
            caller, _ = await colleague(desk.world, desk.practice, role)
            assert refusal(await caller.get(f"{PLANS}/{plan['id']}")) == (403, "forbidden")

    async def test_the_list_has_pages_and_a_filter(self, desk: SigningDesk) -> None:
        plans = [await written(desk, title=f"Plan {n}") for n in range(3)]
        path = f"/v1/clients/{desk.client_id}/treatment-plans"
        first = (await desk.owner.get(path, params={"limit": 2})).json()
        rest = (await desk.owner.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert [plan["id"] for plan in first["data"] + rest["data"]] == [plan["id"] for plan in reversed(plans)]
        await done(desk.owner, plans[0], "share")
        assert [p["id"] for p in (await desk.owner.get(path, params={"state": "shared"})).json()["data"]] == [
            plans[0]["id"]
        ]


class TestSigning:
    async def test_the_client_reads_and_signs_it(self, desk: SigningDesk, sql: Any) -> None:
        client, plan = await desk.portal(), await shared(desk, diagnoses=[{"code": "F41.1", "description": "GAD"}])
        (mine,) = (await client.get(MINE)).json()["data"]
        assert (mine["id"], mine["state"], mine["practitioner_id"]) == (plan["id"], "shared", desk.practice.staff_id)
        shown = (await client.get(f"{MINE}/{plan['id']}/signing")).json()
        for part in (
            "Feel safe in public",
            "by train",
            "Diary",
            "Graded exposure",
            "2031-06-30",
            "F41.1",
            "Ada Harbor",
        ):
            assert part in shown["paper"]["content"]
        signed = (await sign(client, plan, document_sha256=shown["paper"]["sha256"])).json()
        assert (signed["state"], signed["signing_state"]) == ("active", "complete")
        plan = (await desk.owner.get(f"{PLANS}/{plan['id']}")).json()
        assert (plan["state"], plan["active_revision"]) == ("active", 1)
        copy = await pdf(client, f"{MINE}/{plan['id']}")
        assert copy == await pdf(desk.owner, f"{PLANS}/{plan['id']}")
        assert "Grace Client, for myself" in text_of(copy)
        assert (await verify(desk.world, copy))["valid"] is True
        kept = "SELECT document_sha256 FROM signature WHERE client_id = %s"
        assert sql(kept, desk.client_id) == [(shown["paper"]["sha256"],)]
        types = {type for (type,) in sql("SELECT type FROM event WHERE resource_id = %s", plan["id"])}
        assert {"treatment_plan.created", "treatment_plan.shared", "treatment_plan.signed"} <= types

    async def test_what_is_shared_or_signed_is_not_changed(self, desk: SigningDesk) -> None:
        client, plan = await desk.portal(), await shared(desk)
        for _ in range(2):
            assert refusal(await desk.owner.patch(f"{PLANS}/{plan['id']}", {"summary": "x"})) == (409, "invalid_state")
            assert refusal(await desk.owner.post(f"{PLANS}/{plan['id']}/share")) == (409, "invalid_state")
            await sign(client, plan)

    async def test_signing_twice_is_refused(self, desk: SigningDesk) -> None:
        client, plan = await desk.portal(), await shared(desk)
        await sign(client, plan)
        assert refusal(await sign(client, plan)) == (409, "invalid_state")

    async def test_another_client_does_not_find_it(self, desk: SigningDesk) -> None:
        plan, other = await shared(desk), await desk.world.client(desk.owner)
        stranger = await client_login(desk.world, desk.practice, other["id"])
        for path in ("", "/signing", "/pdf"):
            assert refusal(await stranger.get(f"{MINE}/{plan['id']}{path}")) == (404, "not_found")
        assert refusal(await sign(stranger, plan)) == (404, "not_found")
        assert refusal(await stranger.get(MINE, params={"client_id": desk.client_id})) == (404, "not_found")

    async def test_both_parents_sign_where_custody_says_so(self, desk: SigningDesk, sql: Any) -> None:
        """F8.B2"""
        await desk.all_guardians_sign(sql)
        first, second, plan = await desk.parent(), await desk.parent(), await shared(desk)
        assert (await sign(first, plan, "Pat One")).json()["state"] == "shared"
        assert (await sign(second, plan, "Pat Two")).json()["state"] == "active"
        assert "Pat One" not in text_of(await pdf(second, f"{MINE}/{plan['id']}"))

    async def test_guardians_see_as_much_as_they_were_given(self, desk: SigningDesk) -> None:
        plan = await shared(desk)
        viewer, other = await desk.parent("documents.view"), await desk.parent("messages")
        assert (await viewer.get(f"{MINE}/{plan['id']}")).status_code == 200
        assert refusal(await sign(viewer, plan)) == (403, "forbidden")
        assert refusal(await other.get(f"{MINE}/{plan['id']}")) == (404, "not_found")
        assert refusal(await other.get(MINE)) == (403, "forbidden")

    async def test_what_is_kept_from_guardians_is_not_there_for_them(self, desk: SigningDesk) -> None:
        """F6.B3"""
        parent, client, plan = await desk.parent(), await desk.portal(), await shared(desk, confidential=True)
        assert (await parent.get(MINE)).json()["data"] == []
        assert refusal(await sign(parent, plan)) == (404, "not_found")
        assert (await sign(client, plan)).json()["state"] == "active"

    async def test_a_refusal_is_recorded_and_the_plan_revised(self, desk: SigningDesk) -> None:
        """F8.M6"""
        client, plan = await desk.portal(), await shared(desk)
        declined = (await client.post(f"{MINE}/{plan['id']}/decline", {"reason": "Too fast."})).json()
        assert (declined["state"], declined["signing_state"]) == ("declined", "declined")
        assert refusal(await sign(client, plan)) == (409, "invalid_state")
        assert refusal(await client.post(f"{MINE}/{plan['id']}/decline")) == (409, "invalid_state")
        staffs = (await desk.owner.get(f"{PLANS}/{plan['id']}/signing")).json()
        assert [one["reason"] for one in staffs["decisions"]] == ["Too fast."]
        assert (await done(desk.owner, plan, "revise"))["revision"] == 2

    async def test_the_practitioner_signs_first_where_the_plan_says_so(self, desk: SigningDesk) -> None:
        client, plan = await desk.portal(), await shared(desk, signers=["practitioner", "client"])
        assert plan["state"] == "in_review"
        assert refusal(await client.get(f"{MINE}/{plan['id']}")) == (404, "not_found")
        assert (await sign(desk.owner, plan, "Ada Harbor", PLANS)).json()["state"] == "shared"
        assert (await sign(client, plan)).json()["state"] == "active"


class TestInterns:
    """F20.M6"""

    async def test_an_interns_plan_goes_to_a_supervisor_first(self, desk: SigningDesk, sql: Any) -> None:
        client = await desk.portal()
        intern, intern_id = await desk.practitioner(Role.INTERN)
        supervisor = await desk.supervisor_of(intern_id)
        plan = await done(intern, await written(desk, intern), "share")
        assert (plan["state"], plan["signers"]) == ("in_review", ["supervisor", "client"])
        assert (await client.get(MINE)).json()["data"] == []
        assert refusal(await sign(intern, plan, "Ira Intern", PLANS)) == (409, "not_asked_to_sign")
        assert refusal(await sign(desk.owner, plan, "Ada Harbor", PLANS)) == (409, "not_asked_to_sign")
        assert (await sign(supervisor, plan, "Sue Pervisor", PLANS)).json()["state"] == "shared"
        assert (await sign(client, plan)).json()["state"] == "active"
        review = "SELECT count(*) FROM event WHERE type = 'treatment_plan.submitted_for_review' AND resource_id = %s"
        assert sql(review, plan["id"]) == [(1,)]

    async def test_so_does_one_that_an_intern_shares(self, desk: SigningDesk) -> None:
        intern, _ = await desk.practitioner(Role.INTERN)
        assert (await done(intern, await written(desk), "share"))["state"] == "in_review"


class TestRevising:
    async def test_the_plan_in_force_stays_until_the_new_one_is_signed(self, desk: SigningDesk) -> None:
        """A48, F8.M4: a change asks for new signatures, and what was signed is as it was."""
        client, plan = await desk.portal(), await shared(desk)
        await sign(client, plan)
        path = f"{PLANS}/{plan['id']}"
        first = await pdf(client, f"{MINE}/{plan['id']}")
        draft = await done(desk.owner, plan, "revise")
        assert (draft["state"], draft["revision"], draft["active_revision"]) == ("draft", 2, 1)
        assert draft["goals"] == plan["goals"]
        await desk.owner.patch(path, {"title": "Plan for winter"})
        mine = (await client.get(f"{MINE}/{plan['id']}")).json()
        assert (mine["revision"], mine["title"]) == (1, "Plan for autumn")
        await done(desk.owner, plan, "share")
        assert (await client.get(f"{MINE}/{plan['id']}")).json()["title"] == "Plan for winter"
        assert await pdf(client, f"{MINE}/{plan['id']}") == first
        assert (await sign(client, plan)).json()["state"] == "active"
        assert "Plan for winter" in text_of(await pdf(client, f"{MINE}/{plan['id']}"))
        revisions = (await desk.owner.get(f"{path}/revisions")).json()["data"]
        assert [(one["number"], one["state"]) for one in revisions] == [(2, "active"), (1, "superseded")]
        assert (await verify(desk.world, first))["valid"] is True

    async def test_what_is_being_signed_is_signed_no_further(self, desk: SigningDesk, sql: Any) -> None:
        await desk.all_guardians_sign(sql)
        first, second, plan = await desk.parent(), await desk.parent(), await shared(desk)
        await sign(first, plan, "Pat One")
        assert (await done(desk.owner, plan, "revise"))["state"] == "draft"
        assert refusal(await sign(second, plan, "Pat Two")) == (404, "not_found")
        await done(desk.owner, plan, "share")
        assert (await sign(second, plan, "Pat Two")).json()["state"] == "shared"
        assert (await sign(first, plan, "Pat One")).json()["state"] == "active"
        states = "SELECT state FROM signature_request WHERE client_id = %s ORDER BY id"
        assert sql(states, desk.client_id) == [("superseded",), ("complete",)]
        assert sql("SELECT count(*) FROM signature WHERE client_id = %s", desk.client_id) == [(3,)]

    async def test_a_draft_is_not_revised(self, desk: SigningDesk) -> None:
        plan = await written(desk)
        assert refusal(await desk.owner.post(f"{PLANS}/{plan['id']}/revise")) == (409, "invalid_state")

    async def test_a_plan_that_ended_stays_on_file(self, desk: SigningDesk) -> None:
        client, plan = await desk.portal(), await shared(desk)
        await sign(client, plan)
        await done(desk.owner, plan, "revise")
        ended = await done(desk.owner, plan, "discontinue", {"reason": "Goals reached."})
        assert (ended["state"], ended["discontinued_reason"]) == ("discontinued", "Goals reached.")
        for act in ("discontinue", "revise", "share"):
            assert refusal(await desk.owner.post(f"{PLANS}/{plan['id']}/{act}")) == (409, "invalid_state")
        assert (await client.get(f"{MINE}/{plan['id']}")).json()["state"] == "discontinued"
        assert (await verify(desk.world, await pdf(client, f"{MINE}/{plan['id']}")))["valid"] is True
