"""Several who sign: in order, each guardian where custody says so, and none learns of the other (F8.B2, F6.M3)."""

import asyncio
from typing import Any

import pytest

from portal_api.core.access import Role
from tests.api.forms.desk import ASSIGNMENTS, MINE, TEMPLATES, definition, faults
from tests.api.signatures.signing import CONSENT, SigningDesk, pdf, refusal, sign, signing, text_of, verify
from tests.people import client_login, colleague
from tests.world import Caller

STAFF_SIGN = {"printed_name": "Dr. Ada Harbor", "agree": True}


async def cosign(caller: Caller, form: Any, name: str = "Dr. Ada Harbor") -> Any:
    return await caller.post(f"{ASSIGNMENTS}/{form['id']}/sign", {"printed_name": name, "agree": True})


async def asked(caller: Caller) -> list[str]:
    """The forms that wait for the caller's signature."""
    waiting = (await caller.get("/v1/me/home")).json()["waiting"]
    return [item["id"] for item in waiting if item["kind"] == "signature"]


class TestGuardians:
    async def test_a_parent_signs_as_parent_of_the_child(self, desk: SigningDesk) -> None:
        """F8.M5: identity and capacity."""
        parent = await desk.parent()
        form = await desk.handed_in(parent)
        assert (await signing(parent, form))["acts_as"] == "as parent of Grace Client"
        signed = (await sign(parent, form, "Pat Person")).json()
        assert signed["state"] == "locked"
        assert "as parent of Grace Client" in signed["statement"]
        (signer,) = signed["signers"]
        assert (signer["party"], signer["capacity"]) == ("guardian", "parent")
        assert "Pat Person, as parent of Grace Client" in text_of(await pdf(parent, f"{MINE}/{form['id']}"))

    async def test_one_of_them_is_enough_unless_custody_says_otherwise(self, desk: SigningDesk) -> None:
        first, second = await desk.parent(), await desk.parent()
        form = await desk.handed_in(first)
        assert (await sign(first, form, "Pat One")).json()["state"] == "locked"
        assert refusal(await sign(second, form, "Pat Two")) == (409, "invalid_state")

    async def test_all_of_them_sign_where_custody_says_so(self, desk: SigningDesk, sql: Any) -> None:
        """F6.B2, F8.B2"""
        await desk.all_guardians_sign(sql)
        first, second = await desk.parent(), await desk.parent()
        form = await desk.handed_in(first)
        waiting = (await sign(first, form, "Pat One")).json()
        assert (waiting["state"], waiting["signing_state"]) == ("submitted", "open")
        assert refusal(await sign(first, form, "Pat One")) == (409, "already_signed")
        assert (await signing(second, form))["may_sign"] is True
        assert (await sign(second, form, "Pat Two")).json()["state"] == "locked"

    @pytest.mark.parametrize(
        ("relationship", "capacity"),
        [
            ("mother", "parent"),
            ("father", "parent"),
            ("step_parent", "step-parent"),
            ("foster_parent", "foster parent"),
            ("aunt", "representative"),
        ],
    )
    async def test_what_they_are_to_the_child_is_their_capacity(
        self, desk: SigningDesk, relationship: str, capacity: str
    ) -> None:
        """F8.M5"""
        login = await client_login(desk.world, desk.practice, desk.client_id, relationship, ("forms.sign",))
        assert (await signing(login, await desk.consent()))["acts_as"] == f"as {capacity} of Grace Client"

    @pytest.mark.parametrize("others", [(), ("practitioner",)])
    async def test_who_has_not_signed_yet_finds_it_on_the_first_page(
        self, desk: SigningDesk, sql: Any, others: tuple[str, ...]
    ) -> None:
        """Also while staff have it left to sign; where one of them is enough, nobody is asked again."""
        first, second = await desk.parent(), await desk.parent()
        enough, form = [await desk.handed_in(first, "client", *others) for _ in range(2)]
        await sign(first, enough, "Pat One")
        assert await asked(second) == [form["id"]]
        await desk.all_guardians_sign(sql)
        await sign(first, form, "Pat One")
        assert form["id"] in await asked(second)
        assert await asked(first) == []
        await sign(second, form, "Pat Two")
        assert form["id"] not in await asked(second)

    async def test_a_guardian_signs_beside_the_client(self, desk: SigningDesk) -> None:
        client, parent = await desk.portal(), await desk.parent()
        form = await desk.handed_in(client, "client", "guardian:any")
        await sign(client, form)
        assert (await asked(client), await asked(parent)) == ([], [form["id"]])

    async def test_who_may_not_sign_is_not_waited_for(self, desk: SigningDesk, sql: Any) -> None:
        await desk.all_guardians_sign(sql)
        first, second = await desk.parent(), await desk.parent("forms.complete")
        form = await desk.handed_in(second)
        assert (await sign(first, form, "Pat One")).json()["state"] == "locked"

    async def test_whose_access_has_ended_is_not_waited_for(self, desk: SigningDesk, sql: Any) -> None:
        """A09"""
        await desk.all_guardians_sign(sql)
        first, second = await desk.parent(), await desk.parent()
        form = await desk.handed_in(first)
        sql("UPDATE client_grant SET revoked_at = now() WHERE account_id = %s", second.account["id"])
        assert (await sign(first, form, "Pat One")).json()["state"] == "locked"
        assert (await sign(second, form, "Pat Two")).status_code in (401, 403, 404)

    async def test_both_at_once_leave_two_signatures_and_one_set_of_copies(self, desk: SigningDesk, sql: Any) -> None:
        await desk.all_guardians_sign(sql)
        first, second = await desk.parent(), await desk.parent()
        form = await desk.handed_in(first)
        answers = await asyncio.gather(sign(first, form, "Pat One"), sign(second, form, "Pat Two"))
        assert [answer.status_code for answer in answers] == [200, 200]
        assert sorted(answer.json()["state"] for answer in answers) == ["locked", "submitted"]
        assert sql("SELECT count(*) FROM signature WHERE client_id = %s", desk.client_id) == [(2,)]
        copies = "SELECT audience FROM signed_copy WHERE client_id = %s ORDER BY 1"
        assert sql(copies, desk.client_id) == [("everyone",), ("practice",), ("signer",), ("signer",)]

    async def test_neither_reads_the_others_name(self, desk: SigningDesk, sql: Any) -> None:
        """F6.M3: on no page, in no copy, in no list; the practice reads both."""
        await desk.all_guardians_sign(sql)
        first, second = await desk.parent(), await desk.parent()
        form = await desk.handed_in(first)
        await sign(first, form, "Quentin Firstname")
        await sign(second, form, "Roberta Secondname")
        path = f"{MINE}/{form['id']}"
        for reader, own, other in ((first, "Quentin", "Roberta"), (second, "Roberta", "Quentin")):
            seen = (await reader.get(f"{path}/signing")).text
            assert own in seen
            assert other not in seen
            copy = await pdf(reader, path)
            assert own in text_of(copy)
            assert other not in text_of(copy)
            assert "Another parent or guardian" in text_of(copy)
            assert (await verify(desk.world, copy))["valid"] is True
            (shared,) = (await reader.get("/v1/me/documents")).json()["data"]
            content = (await reader.get(f"/v1/me/documents/{shared['id']}/content")).content
            assert "Quentin" not in text_of(content)
            assert "Roberta" not in text_of(content)
        whole = text_of(await pdf(desk.owner, f"{ASSIGNMENTS}/{form['id']}"))
        assert "Quentin Firstname" in whole
        assert "Roberta Secondname" in whole
        staffs = (await desk.owner.get(f"{ASSIGNMENTS}/{form['id']}/signing")).text
        assert "Quentin" in staffs
        assert "Roberta" in staffs

    async def test_each_guardian_by_the_forms_own_wish(self, desk: SigningDesk) -> None:
        first, second, client = await desk.parent(), await desk.parent(), await desk.portal()
        form = await desk.handed_in(client, "client", "guardian:each")
        assert refusal(await sign(first, form, "Pat One")) == (409, "not_your_turn")
        for caller, state in ((client, "submitted"), (second, "submitted"), (first, "locked")):
            assert (await sign(caller, form, "Pat")).json()["state"] == state

    async def test_what_is_kept_from_guardians_is_signed_by_the_client(self, desk: SigningDesk, sql: Any) -> None:
        """F6.B3: not there for them, and they are not waited for."""
        await desk.all_guardians_sign(sql)
        parent, client = await desk.parent(), await desk.portal()
        form = await desk.handed_in(client, confidential=True)
        assert refusal(await sign(parent, form)) == (404, "not_found")
        assert (await sign(client, form)).json()["state"] == "locked"
        assert refusal(await parent.get(f"{MINE}/{form['id']}/pdf")) == (404, "not_found")
        assert (await parent.get("/v1/me/documents")).json()["data"] == []

    async def test_a_form_for_one_person_is_signed_by_this_one(self, desk: SigningDesk, sql: Any) -> None:
        """F6.M2"""
        await desk.all_guardians_sign(sql)
        first, second = await desk.parent(), await desk.parent()
        form = await desk.handed_in(first, for_account_id=first.account["id"])
        assert refusal(await sign(second, form)) == (404, "not_found")
        assert (await sign(first, form)).json()["state"] == "locked"

    async def test_once_whatever_they_sign_as(self, desk: SigningDesk) -> None:
        """Nobody else sees it: who signs in the client's place signs as the guardian too."""
        parent = await desk.parent()
        form = await desk.handed_in(parent, "client", "guardian:any", for_account_id=parent.account["id"])
        assert len((await signing(parent, form))["signers"]) == 1
        assert (await sign(parent, form)).json()["state"] == "locked"

    async def test_each_role_is_named_once(self, desk: SigningDesk) -> None:
        """Two signatures of one client are never given."""
        body = {"kind": "consent", "title": "Twice", "definition": definition(*CONSENT)}
        refused = await desk.owner.post(TEMPLATES, body | {"signers": ["client", "client"]})
        assert faults(refused) == {"/signers": "repeated"}


class TestPractice:
    async def test_they_sign_in_the_order_of_the_form(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client, "client", "practitioner")
        assert refusal(await cosign(desk.owner, form)) == (409, "not_your_turn")
        assert (await sign(client, form)).json()["state"] == "submitted"
        assert (await cosign(desk.owner, form)).json()["state"] == "locked"
        for party in (await signing(client, form))["signers"]:
            assert party["printed_name"] in ("Grace Client", "Dr. Ada Harbor")
        text = text_of(await pdf(client, f"{MINE}/{form['id']}"))
        assert text.index("Grace Client, for myself") < text.index("Dr. Ada Harbor, as practitioner")

    async def test_only_who_treats_the_client_signs(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client, "practitioner", "client")
        other, _ = await colleague(desk.world, desk.practice, Role.PRACTITIONER)
        assert refusal(await cosign(other, form)) == (404, "not_found")
        admin, _ = await colleague(desk.world, desk.practice, Role.ADMIN)
        assert refusal(await cosign(admin, form)) == (403, "forbidden")
        elsewhere, _ = await colleague(desk.world, desk.practice, Role.ADMIN, Role.PRACTITIONER)
        assert refusal(await cosign(elsewhere, form)) == (409, "not_asked_to_sign")

    async def test_what_an_intern_signs_a_supervisor_signs_too(self, desk: SigningDesk) -> None:
        """F20.M6"""
        client = await desk.portal()
        intern, intern_id = await desk.practitioner(Role.INTERN)
        supervisor = await desk.supervisor_of(intern_id)
        form = await desk.handed_in(client, "client", "practitioner")
        await sign(client, form)
        waiting = (await cosign(intern, form, "Ira Intern")).json()
        assert waiting["state"] == "submitted"
        assert [(one["party"], one["state"]) for one in waiting["signers"]] == [
            ("client", "signed"),
            ("practitioner", "signed"),
            ("supervisor", "waiting"),
        ]
        assert refusal(await cosign(desk.owner, form)) == (409, "not_asked_to_sign")
        assert (await cosign(supervisor, form, "Sue Pervisor")).json()["state"] == "locked"

    @pytest.mark.parametrize("role", [Role.BILLER, Role.SCHEDULER, Role.FORMS_ADMIN])
    async def test_who_does_not_treat_reads_nothing_of_it(self, desk: SigningDesk, role: Role) -> None:
        form = await desk.handed_in(await desk.portal())
        caller, _ = await colleague(desk.world, desk.practice, role)
        for path in ("signing", "pdf"):
            assert refusal(await caller.get(f"{ASSIGNMENTS}/{form['id']}/{path}")) == (403, "forbidden")


class TestAcceptance:
    """F20.M6: an intern who accepts what was handed in leaves the last word to a supervisor."""

    async def handed_in(self, desk: SigningDesk) -> Any:
        form = await desk.given()
        saved = await desk.owner.patch(f"{ASSIGNMENTS}/{form['id']}/answers", {"answers": {"q1": "Sleep", "q2": "no"}})
        assert saved.status_code == 200, saved.text
        assert (await desk.owner.post(f"{ASSIGNMENTS}/{form['id']}/submit")).status_code == 200
        return form

    async def test_a_supervisor_signs_what_an_intern_has_accepted(self, desk: SigningDesk) -> None:
        intern, intern_id = await desk.practitioner(Role.INTERN)
        supervisor = await desk.supervisor_of(intern_id)
        form = await self.handed_in(desk)
        accepted = (await intern.post(f"{ASSIGNMENTS}/{form['id']}/lock")).json()
        assert (accepted["state"], accepted["signers"]) == ("submitted", [{"role": "supervisor"}])
        await desk.world.run_jobs()
        notices = (await supervisor.get("/v1/me/notifications")).json()["data"]
        assert [notice["event_type"] for notice in notices].count("form.awaits_cosignature") == 1
        for refused in (await intern.post(f"{ASSIGNMENTS}/{form['id']}/lock"), await cosign(intern, form)):
            assert refused.status_code == 409
        assert (await cosign(supervisor, form, "Sue Pervisor")).json()["state"] == "locked"
        assert "Sue Pervisor" in text_of(await pdf(supervisor, f"{ASSIGNMENTS}/{form['id']}"))

    async def test_who_is_trained_accepts_alone(self, desk: SigningDesk) -> None:
        both, _ = await desk.practitioner(Role.INTERN, Role.PRACTITIONER)
        form = await self.handed_in(desk)
        assert (await both.post(f"{ASSIGNMENTS}/{form['id']}/lock")).json()["state"] == "locked"

    async def test_what_was_not_handed_in_is_not_accepted(self, desk: SigningDesk) -> None:
        intern, _ = await desk.practitioner(Role.INTERN)
        form = await desk.given()
        assert refusal(await intern.post(f"{ASSIGNMENTS}/{form['id']}/lock")) == (409, "invalid_state")
        assert (await desk.read(form))["signers"] == []


class TestTurns:
    """F8.B2: whoever is next is told so, in no order that anybody could learn something from."""

    async def told(self, desk: SigningDesk, caller: Caller, type: str) -> int:
        await desk.world.run_jobs()
        notices = (await caller.get("/v1/me/notifications")).json()["data"]
        return [notice["event_type"] for notice in notices].count(type)

    async def test_the_practitioner_hears_of_a_form_that_waits_for_them(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client, "client", "practitioner")
        assert await self.told(desk, desk.owner, "form.awaits_cosignature") == 0
        await sign(client, form)
        assert await self.told(desk, desk.owner, "form.awaits_cosignature") == 1

    async def test_what_an_intern_signed_reaches_the_supervisor(self, desk: SigningDesk) -> None:
        """F20.M6"""
        client = await desk.portal()
        intern, intern_id = await desk.practitioner(Role.INTERN)
        supervisor = await desk.supervisor_of(intern_id)
        form = await desk.handed_in(client, "client", "practitioner")
        await sign(client, form)
        before = await self.told(desk, supervisor, "form.awaits_cosignature")
        await cosign(intern, form, "Ira Intern")
        assert await self.told(desk, supervisor, "form.awaits_cosignature") == before + 1

    async def test_the_client_is_told_once_the_practice_has_signed(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client, "practitioner", "client")
        assert await self.told(desk, desk.owner, "form.awaits_cosignature") == 1
        assert await self.told(desk, client, "form.awaits_signature") == 0
        await cosign(desk.owner, form)
        assert await self.told(desk, client, "form.awaits_signature") == 1

    async def test_guardians_are_told_once_and_together(self, desk: SigningDesk) -> None:
        """F6.M3: not again as others sign; nor the client where guardians sign, nor who may not sign."""
        client, other = await desk.portal(), await desk.parent("forms.complete")
        guardians = [await desk.parent() for _ in range(2)]
        form = await desk.handed_in(client, "guardian:each")
        for caller in guardians:
            assert await self.told(desk, caller, "form.awaits_signature") == 1
        assert (await sign(guardians[0], form, "Pat Person")).status_code == 200
        assert await self.told(desk, guardians[1], "form.awaits_signature") == 1
        for caller in (client, other):
            assert await self.told(desk, caller, "form.awaits_signature") == 0

    async def test_who_has_signed_is_not_asked_again(self, desk: SigningDesk) -> None:
        client, parent = await desk.portal(), await desk.parent()
        form = await desk.handed_in(client, "client", "practitioner", "guardian:any")
        await sign(client, form)
        await cosign(desk.owner, form)
        assert await self.told(desk, client, "form.awaits_signature") == 0
        assert await self.told(desk, parent, "form.awaits_signature") == 1
