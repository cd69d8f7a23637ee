"""Forms of a child: who fills them in, and who learns of them (F6.M1, F6.M2, F6.M3, F6.B3)."""

from uuid import UUID

import pytest

from tests.api.forms.desk import ASSIGNMENTS, MINE, Desk, Json, faults, open_desk, path_of
from tests.people import client_login, grant, guardian
from tests.world import Caller, World

ANSWERS: Json = {"answers": {"q1": "Sleep", "q2": "no"}}


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


async def ids(caller: Caller, **params: str) -> list[str]:
    answer = await caller.get(MINE, params=params)
    assert answer.status_code == 200, answer.text
    return [form["id"] for form in answer.json()["data"]]


async def parent(desk: Desk, *permissions: str) -> Caller:
    return await guardian(desk.world, desk.practice, desk.client_id, *permissions)


class TestPermissions:
    async def test_a_guardian_fills_in_for_the_child(self, desk: Desk) -> None:
        given, mother = await desk.given(), await parent(desk, "forms.complete")
        assert (await mother.patch(f"{MINE}/{given['id']}", ANSWERS)).status_code == 200
        done = (await mother.post(f"{MINE}/{given['id']}/submit")).json()
        assert (done["state"], done["client_id"]) == ("submitted", desk.client_id)
        assert (await desk.read(given))["submitted_by"] == mother.account["id"]

    async def test_who_may_only_sign_reads_and_does_not_write(self, desk: Desk) -> None:
        given, signer = await desk.given(), await parent(desk, "forms.sign")
        assert await ids(signer) == [given["id"]]
        assert (await signer.get(f"{MINE}/{given['id']}")).status_code == 200
        for refused in (
            await signer.patch(f"{MINE}/{given['id']}", ANSWERS),
            await signer.post(f"{MINE}/{given['id']}/submit"),
        ):
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await desk.read(given))["state"] == "assigned"

    async def test_who_may_only_sign_signs_what_has_no_question(self, desk: Desk) -> None:
        """F6.M1: handing it in with the signature adds no answer."""
        consent, signer = await desk.assign(await desk.system("consent-treatment")), await parent(desk, "forms.sign")
        signed = await signer.post(f"{MINE}/{consent['id']}/sign", {"printed_name": "Pat Person", "agree": True})
        assert (signed.status_code, signed.json()["state"]) == (200, "locked"), signed.text

    async def test_who_may_only_complete_takes_back_no_consent(self, desk: Desk) -> None:
        consent, helper = (
            await desk.assign(await desk.system("consent-treatment")),
            await parent(desk, "forms.complete"),
        )
        assert (await helper.post(f"{MINE}/{consent['id']}/withdraw-consent")).status_code == 403

    async def test_for_who_may_neither_there_are_no_forms(self, desk: Desk) -> None:
        given, other = await desk.given(), await parent(desk, "appointments.view")
        assert (await other.get(MINE)).status_code == 403
        assert (await other.get(MINE, params={"client_id": desk.client_id})).status_code == 403
        for hidden in (
            await other.get(f"{MINE}/{given['id']}"),
            await other.patch(f"{MINE}/{given['id']}", ANSWERS),
            await other.post(f"{MINE}/{given['id']}/submit"),
        ):
            assert hidden.status_code == 404

    async def test_a_sibling_is_another_child(self, desk: Desk) -> None:
        """A11."""
        sibling = await desk.world.client(desk.owner, practitioner_ids=[desk.practice.staff_id])
        theirs, mother = await desk.given(client_id=sibling["id"]), await parent(desk)
        assert await ids(mother) == []
        assert (await mother.get(f"{MINE}/{theirs['id']}")).status_code == 404
        await grant(desk.world, desk.practice, mother.account["id"], sibling["id"], "parent", ("forms.complete",))
        mine = await desk.given()
        assert await ids(mother) == [mine["id"], theirs["id"]]
        assert await ids(mother, client_id=sibling["id"]) == [theirs["id"]]
        named_wrongly = {"client_id": desk.client_id}
        assert (await mother.patch(f"{MINE}/{theirs['id']}", ANSWERS | named_wrongly)).status_code == 404
        assert (await mother.post(f"{MINE}/{theirs['id']}/submit", named_wrongly)).status_code == 404


class TestCopies:
    """Two parents who live apart."""

    async def test_each_has_a_copy_and_neither_sees_the_others(self, desk: Desk) -> None:
        mother, father = await parent(desk), await parent(desk)
        template = await desk.published()
        hers = await desk.assign(template, for_account_id=mother.account["id"])
        his = await desk.assign(template, for_account_id=father.account["id"])
        assert (await ids(mother), await ids(father)) == ([hers["id"]], [his["id"]])
        assert (await mother.patch(f"{MINE}/{hers['id']}", ANSWERS)).status_code == 200
        unknown = await father.get(f"{MINE}/{UUID(int=7)}")
        for method, below, body in (
            ("GET", "", None),
            ("PATCH", "", ANSWERS),
            ("POST", "/submit", {}),
            ("POST", "/withdraw-consent", {}),
        ):
            hidden = await father.request(method, f"{MINE}/{hers['id']}{below}", json=body)
            assert hidden.status_code == 404
            assert hidden.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}
        assert "Sleep" not in (await father.get(MINE)).text
        staffs = (await desk.owner.get(path_of(desk.client_id))).json()["data"]
        assert {form["for_account_id"] for form in staffs} == {mother.account["id"], father.account["id"]}

    async def test_the_child_does_not_see_a_parents_copy(self, desk: Desk) -> None:
        mother, teen = await parent(desk), await desk.portal()
        hers = await desk.given(for_account_id=mother.account["id"])
        assert await ids(teen) == []
        assert (await teen.get(f"{MINE}/{hers['id']}")).status_code == 404

    async def test_it_is_addressed_to_somebody_who_acts_for_the_client(self, desk: Desk) -> None:
        sibling = await desk.world.client(desk.owner, practitioner_ids=[desk.practice.staff_id])
        stranger = await client_login(desk.world, desk.practice, sibling["id"])
        template = await desk.published()
        for account_id in (stranger.account["id"], str(UUID(int=7)), desk.owner.account["id"]):
            body = {"form_template_id": template["id"], "for_account_id": account_id}
            assert faults(await desk.owner.post(path_of(desk.client_id), body)) == {
                "/for_account_id": "unknown_account"
            }
        assert (await desk.owner.get(path_of(desk.client_id))).json()["data"] == []

    async def test_what_is_for_a_guardian_is_not_kept_from_them(self, desk: Desk) -> None:
        mother, template = await parent(desk), await desk.published()
        body = {"form_template_id": template["id"], "for_account_id": mother.account["id"], "confidential": True}
        assert faults(await desk.owner.post(path_of(desk.client_id), body)) == {
            "/confidential": "addressed_to_guardian"
        }
        hers = await desk.assign(template, for_account_id=mother.account["id"])
        refused = await desk.owner.patch(f"{ASSIGNMENTS}/{hers['id']}", {"confidential": True})
        assert faults(refused) == {"/confidential": "addressed_to_guardian"}


class TestConfidential:
    async def test_the_young_person_sees_it_and_no_guardian_does(self, desk: Desk) -> None:
        kept, mother, teen = await desk.given(confidential=True), await parent(desk), await desk.portal()
        assert (await ids(teen), await ids(mother)) == ([kept["id"]], [])
        for method, below, body in (("GET", "", None), ("PATCH", "", ANSWERS), ("POST", "/submit", {})):
            hidden = await mother.request(method, f"{MINE}/{kept['id']}{below}", json=body)
            assert hidden.status_code == 404
        assert (await teen.patch(f"{MINE}/{kept['id']}", ANSWERS)).status_code == 200

    async def test_staff_can_keep_it_back_and_open_it_again(self, desk: Desk) -> None:
        given, mother = await desk.given(), await parent(desk)
        for confidential, seen in ((True, []), (False, [given["id"]])):
            changed = await desk.owner.patch(f"{ASSIGNMENTS}/{given['id']}", {"confidential": confidential})
            assert (changed.status_code, changed.json()["confidential"]) == (200, confidential)
            assert await ids(mother) == seen
