"""Forms signed by clients: what is kept of it, and that nobody can make it up (A48, F8.M5, F8.M6)."""

import asyncio
import hashlib
from typing import Any

import pytest

from portal_api.services.documents.policy import CLIENT_QUOTA
from tests.api.forms.desk import ASSIGNMENTS, MINE, faults
from tests.api.signatures.signing import (
    CONSENT,
    SigningDesk,
    pdf,
    refusal,
    sign,
    signing,
    text_of,
    verify,
)
from tests.people import client_login


class TestSigning:
    async def test_a_form_that_was_handed_in_is_locked_by_the_signature(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client)
        answer = (await sign(client, form)).json()
        assert (answer["state"], answer["signing_state"]) == ("locked", "complete")
        (signer,) = answer["signers"]
        assert (signer["state"], signer["is_you"], signer["printed_name"]) == ("signed", True, "Grace Client")
        assert answer["completed_at"] >= signer["signed_at"]
        read = await desk.read(form)
        assert read["state"] == "locked"
        assert read["signed_at"] is not None

    async def test_staff_do_not_lock_what_is_to_be_signed(self, desk: SigningDesk) -> None:
        """A consent that nobody has signed would pass for one that was given."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        assert refusal(await desk.owner.post(f"{ASSIGNMENTS}/{form['id']}/lock")) == (409, "invalid_state")
        assert (await desk.read(form))["state"] == "submitted"
        assert (await sign(client, form)).json()["state"] == "locked"

    async def test_what_is_complete_is_handed_in_by_signing_it(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.consent()
        await client.patch(f"{MINE}/{form['id']}", {"answers": {"mode": "p"}})
        assert (await sign(client, form)).json()["state"] == "locked"
        assert (await desk.read(form))["submitted_at"] is not None

    async def test_what_is_not_complete_is_not_signed(self, desk: SigningDesk) -> None:
        """F8.M2: the items that are missing are named, and nothing is half done."""
        client = await desk.portal()
        form = await desk.consent()
        assert faults(await sign(client, form)) == {"/answers/mode": "missing"}
        shown = await signing(client, form)
        assert (shown["paper"], shown["may_sign"], shown["may_not_sign_because"]) == (None, False, "not_submitted")
        assert (await desk.read(form))["state"] == "assigned"

    async def test_what_is_shown_is_what_is_signed(self, desk: SigningDesk, sql: Any) -> None:
        """A48: the very bytes are kept, with their SHA-256."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        shown = (await signing(client, form))["paper"]
        assert hashlib.sha256(shown["content"].encode()).hexdigest() == shown["sha256"]
        assert "By video" in shown["content"]
        assert "Gracie &lt;b&gt;" in shown["content"]
        signed = (await sign(client, form, document_sha256=shown["sha256"])).json()
        assert signed["paper"] == shown
        ((content, kept),) = sql(
            "SELECT content, document_sha256 FROM signature JOIN signed_paper p ON p.id = paper_id"
            " WHERE signature.client_id = %s",
            desk.client_id,
        )
        assert (bytes(content).decode(), kept) == (shown["content"], shown["sha256"])

    async def test_something_else_than_what_was_shown_is_refused(self, desk: SigningDesk) -> None:
        """A48: sign v1, show v2."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        old = (await signing(client, form))["paper"]["sha256"]
        await desk.owner.post(f"{ASSIGNMENTS}/{form['id']}/reopen")
        await client.patch(f"{MINE}/{form['id']}", {"answers": {"mode": "p"}})
        refused = await sign(client, form, document_sha256=old)
        assert refusal(refused) == (409, "document_changed")
        assert refused.json()["sha256"] == (await signing(client, form))["paper"]["sha256"]

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"printed_name": "   ", "agree": True}, "/printed_name"),
            ({"printed_name": "Grace\nClient", "agree": True}, "/printed_name"),
            ({"printed_name": "Grace", "agree": False}, "/agree"),
            ({"printed_name": "Grace"}, "/agree"),
            ({"printed_name": "Grace", "agree": True, "signed_at": "2020-01-01T00:00:00Z"}, "/signed_at"),
            ({"printed_name": "Grace", "agree": True, "account_id": "x"}, "/account_id"),
            ({"printed_name": "Grace", "agree": True, "capacity": "self"}, "/capacity"),
            ({"printed_name": "Grace", "agree": True, "document_sha256": "x"}, "/document_sha256"),
            (
                {"printed_name": "Grace", "agree": True, "drawn": {"width": 1, "height": 1, "strokes": []}},
                "/drawn/strokes",
            ),
        ],
    )
    async def test_who_and_when_are_not_sent(self, desk: SigningDesk, body: Any, pointer: str, sql: Any) -> None:
        """A48: backdating, and signing as somebody else."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        assert set(faults(await client.post(f"{MINE}/{form['id']}/sign", body))) == {pointer}
        assert sql("SELECT count(*) FROM signature WHERE client_id = %s", desk.client_id) == [(0,)]

    async def test_another_clients_form_is_not_there(self, desk: SigningDesk) -> None:
        """A48, CVE-2026-24890: nobody signs as another."""
        form = await desk.handed_in(await desk.portal())
        other = await desk.world.client(desk.owner)
        stranger = await client_login(desk.world, desk.practice, other["id"])
        assert refusal(await sign(stranger, form)) == (404, "not_found")
        assert refusal(await sign(stranger, form, client_id=other["id"])) == (404, "not_found")
        assert refusal(await sign(stranger, form, client_id=desk.client_id)) == (404, "not_found")
        for path in ("signing", "pdf"):
            assert refusal(await stranger.get(f"{MINE}/{form['id']}/{path}")) == (404, "not_found")
        assert refusal(await stranger.post(f"{MINE}/{form['id']}/decline")) == (404, "not_found")

    async def test_who_may_not_sign_reads_and_is_refused(self, desk: SigningDesk) -> None:
        """F6.M1"""
        form = await desk.handed_in(await desk.portal())
        parent = await desk.parent("forms.complete")
        shown = await signing(parent, form)
        assert (shown["may_sign"], shown["may_not_sign_because"]) == (False, "not_permitted")
        assert refusal(await sign(parent, form)) == (403, "forbidden")
        assert refusal(await parent.post(f"{MINE}/{form['id']}/decline")) == (403, "forbidden")

    async def test_a_form_without_signers_is_not_signed(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.given()
        assert refusal(await sign(client, form)) == (409, "nothing_to_sign")

    async def test_staff_do_not_sign_for_the_client(self, desk: SigningDesk) -> None:
        form = await desk.handed_in(await desk.portal())
        body = {"printed_name": "Ada Harbor", "agree": True}
        assert refusal(await desk.owner.post(f"{ASSIGNMENTS}/{form['id']}/sign", body)) == (409, "not_asked_to_sign")

    async def test_a_key_makes_it_safe_to_repeat(self, desk: SigningDesk, sql: Any) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client)
        body, headers = {"printed_name": "Grace Client", "agree": True}, {"Idempotency-Key": "sign-1"}
        first, again = [await client.post(f"{MINE}/{form['id']}/sign", body, headers=headers) for _ in range(2)]
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json()
        assert sql("SELECT count(*) FROM signature WHERE client_id = %s", desk.client_id) == [(1,)]


class TestEvidence:
    async def test_everything_that_makes_it_evidence_is_kept(self, desk: SigningDesk, sql: Any) -> None:
        """F8.M5, security.md S45: each of these fields."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        drawn = {"width": 300, "height": 100, "strokes": [[[1, 2], [30.5, 40]], [[5, 5]]]}
        headers = {"User-Agent": "Firefox on Linux"}
        body = {"printed_name": "Grace O'Client", "agree": True, "drawn": drawn}
        assert (await client.post(f"{MINE}/{form['id']}/sign", body, headers=headers)).status_code == 200
        names = (
            "account_id::text, party, capacity, acts_as, printed_name, statement, records_statement, records_version,"
            " method, drawn, session_id, authentication_methods, ip_network, user_agent, version_id::text,"
            " signed_at BETWEEN now() - interval '1 minute' AND now(), length(seal)"
        )
        ((*kept,),) = sql(f"SELECT {names} FROM signature WHERE client_id = %s", desk.client_id)
        version = (await desk.owner.get(f"/v1/form-templates/{form['form_template_id']}/versions")).json()["data"][0]
        assert kept[:5] == [client.account["id"], "client", "self", "for myself", "Grace O'Client"]
        assert "Consent to treatment" in kept[5]
        assert "on paper" in kept[6]
        assert kept[7:9] == ["1", "typed_and_drawn"]
        assert b"<polyline" in bytes(kept[9])
        assert kept[10] is not None
        assert kept[11:15] == [["pwd"], "127.0.0.0/24", "Firefox on Linux", version["id"]]
        assert kept[15:] == [True, 64]

    async def test_electronic_records_are_agreed_to_once_a_version(self, desk: SigningDesk, sql: Any) -> None:
        """15 USC 7001(c)"""
        client = await desk.portal()
        shown = await signing(client, await desk.handed_in(client))
        assert "paper" in shown["records_statement"]
        for _ in range(2):
            assert (await sign(client, await desk.handed_in(client))).status_code == 200
        agreed = "SELECT version FROM records_consent WHERE account_id = %s"
        assert sql(agreed, client.account["id"]) == [(shown["records_version"],)]

    async def test_the_program_itself_cannot_change_what_was_signed(self, desk: SigningDesk, program: Any) -> None:
        """A48: by SQL, under the role that the application has."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        assert (await sign(client, form)).status_code == 200
        for table in ("signature", "signed_paper", "signed_copy", "signature_decision", "records_consent"):
            for statement in (
                f"UPDATE {table} SET practice_id = practice_id",
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
            ):
                assert program(desk.practice.id, statement) == "42501", statement

    async def test_the_template_changes_and_what_was_signed_does_not(self, desk: SigningDesk) -> None:
        """A48: edited after signing, the stored copy and its hash are unchanged."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        before = (await sign(client, form)).json()["paper"]
        copy = await pdf(client, f"{MINE}/{form['id']}")
        template = f"/v1/form-templates/{form['form_template_id']}"
        changed = {"sections": [{"key": "main", "title": "Other", "items": [CONSENT[2], CONSENT[3]]}]}
        assert (await desk.owner.patch(template, {"definition": changed, "title": "Other"})).status_code == 200
        assert (await desk.owner.post(f"{template}/publish")).status_code == 200
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"family_name": "Renamed"})
        await desk.owner.patch("/v1/practice", {"name": "Quiet Harbor"})
        assert (await signing(client, form))["paper"] == before
        assert await pdf(client, f"{MINE}/{form['id']}") == copy
        assert (await verify(desk.world, copy))["valid"] is True


class TestOnce:
    async def test_signing_twice_is_refused(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client)
        await sign(client, form)
        again = await sign(client, form)
        assert refusal(again) == (409, "invalid_state")
        assert again.json()["state"] == "locked"

    async def test_signing_at_the_same_moment_makes_one_signature(self, desk: SigningDesk, sql: Any) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client)
        answers = await asyncio.gather(*(sign(client, form) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        counts = "SELECT (SELECT count(*) FROM signature s WHERE s.client_id = c.id), (SELECT count(*) FROM signed_copy"
        assert sql(f"{counts} s WHERE s.client_id = c.id) FROM client c WHERE id = %s", desk.client_id) == [(1, 1)]

    async def test_what_is_signed_is_not_opened_again(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client, "client", "practitioner")
        await sign(client, form)
        assert (await desk.owner.post(f"{ASSIGNMENTS}/{form['id']}/reopen")).status_code == 409
        assert (await client.patch(f"{MINE}/{form['id']}", {"answers": {"mode": "p"}})).status_code == 409


class TestRefusing:
    """F8.M6"""

    async def test_a_refusal_is_recorded_with_its_reason(self, desk: SigningDesk, sql: Any) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client)
        declined = (await client.post(f"{MINE}/{form['id']}/decline", {"reason": "I want to ask first."})).json()
        assert declined["state"] == "declined"
        (decision,) = declined["decisions"]
        assert (decision["kind"], decision["reason"], decision["is_you"]) == ("declined", "I want to ask first.", True)
        assert refusal(await sign(client, form)) == (409, "invalid_state")
        staffs = (await desk.owner.get(f"{ASSIGNMENTS}/{form['id']}/signing")).json()
        assert [one["reason"] for one in staffs["decisions"]] == ["I want to ask first."]
        types = sql("SELECT type FROM event WHERE resource_id = %s ORDER BY occurred_at DESC LIMIT 2", form["id"])
        assert ("form.declined",) in types

    async def test_what_was_not_begun_can_be_refused_too(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.consent()
        assert (await client.post(f"{MINE}/{form['id']}/decline")).json()["state"] == "declined"

    async def test_who_is_asked_again_may_refuse_again(self, desk: SigningDesk) -> None:
        """The practice opened it anew: each refusal is on file, with its reason."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        path, reasons = f"{MINE}/{form['id']}", ["I want to ask first.", "I have asked."]
        for reason in reasons:
            declined = await client.post(f"{path}/decline", {"reason": reason})
            assert (declined.status_code, declined.json()["state"]) == (200, "declined"), declined.text
            assert refusal(await client.post(f"{path}/decline")) == (409, "invalid_state")
            await desk.owner.post(f"{ASSIGNMENTS}/{form['id']}/reopen")
        shown = await signing(client, form)
        assert [decision["reason"] for decision in shown["decisions"]] == reasons
        assert (shown["may_sign"], [signer["state"] for signer in shown["signers"]]) == (True, ["waiting"])
        assert (await sign(client, form)).json()["state"] == "locked"

    async def test_who_is_not_asked_does_not_refuse(self, desk: SigningDesk) -> None:
        client, parent = await desk.portal(), await desk.parent()
        plain = await desk.given()
        assert refusal(await client.post(f"{MINE}/{plain['id']}/decline")) == (409, "nothing_to_sign")
        for signers in (("guardian:any",), ("guardian:each", "practitioner")):
            form = await desk.handed_in(client, *signers)
            assert refusal(await client.post(f"{MINE}/{form['id']}/decline")) == (409, "not_asked_to_sign")
            assert (await desk.read(form))["state"] == "submitted"
            assert (await parent.post(f"{MINE}/{form['id']}/decline")).json()["state"] == "declined"

    @pytest.mark.parametrize("act", ["decline", "withdraw-consent"])
    async def test_the_other_parent_does_not_read_the_reason(self, desk: SigningDesk, act: str) -> None:
        """F6.M3: it is told to its author and to staff."""
        first, second = await desk.parent(), await desk.parent()
        form = await desk.handed_in(first)
        path = f"{MINE}/{form['id']}"
        if act == "withdraw-consent":
            await sign(first, form)
        told = await first.post(f"{path}/{act}", {"reason": "My lawyer says so."})
        assert told.status_code == 200, told.text
        for reader, knows in ((first, True), (second, False)):
            for seen in (path, MINE, "/v1/sync"):
                answer = await reader.get(seen)
                assert (form["id"] in answer.text, "lawyer" in answer.text) == (True, knows), seen
        assert (await desk.read(form))["state_reason"] == "My lawyer says so."

    async def test_the_second_signer_may_refuse(self, desk: SigningDesk, sql: Any) -> None:
        await desk.all_guardians_sign(sql)
        first, second = await desk.parent(), await desk.parent()
        form = await desk.handed_in(first)
        await sign(first, form, "Pat One")
        assert refusal(await first.post(f"{MINE}/{form['id']}/decline")) == (409, "already_signed")
        declined = (await second.post(f"{MINE}/{form['id']}/decline", {"reason": "No."})).json()
        assert (declined["state"], declined["signing_state"]) == ("declined", "declined")
        others = await signing(first, form)
        assert sorted(signer["state"] for signer in others["signers"]) == ["declined", "signed"]
        assert others["decisions"] == []

    async def test_a_consent_is_withdrawn_and_stays_on_file(self, desk: SigningDesk, sql: Any) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client)
        path = f"{MINE}/{form['id']}/withdraw-consent"
        await sign(client, form)
        copy = await pdf(client, f"{MINE}/{form['id']}")
        withdrawn = (await client.post(path, {"reason": "I go elsewhere."})).json()
        assert (withdrawn["state"], withdrawn["state_reason"]) == ("withdrawn", "I go elsewhere.")
        staffs = (await desk.owner.get(f"{ASSIGNMENTS}/{form['id']}/signing")).json()
        assert [(one["kind"], one["capacity"]) for one in staffs["decisions"]] == [("consent_withdrawn", "self")]
        assert [one["state"] for one in staffs["signers"]] == ["signed"]
        assert (await client.post(path)).status_code == 409
        assert await pdf(client, f"{MINE}/{form['id']}") == copy
        assert (await verify(desk.world, copy))["valid"] is True
        assert sql("SELECT count(*) FROM signature WHERE client_id = %s", desk.client_id) == [(1,)]

    async def test_what_was_not_given_is_not_withdrawn(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        for form in (await desk.consent(), await desk.handed_in(client)):  # nobody has signed either
            assert refusal(await client.post(f"{MINE}/{form['id']}/withdraw-consent")) == (409, "invalid_state")


class TestCopies:
    async def test_the_signed_form_is_a_pdf_with_its_certificate(self, desk: SigningDesk) -> None:
        """F8.B3: and what somebody wrote is text in it."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        shown = (await sign(client, form)).json()
        text = text_of(await pdf(client, f"{MINE}/{form['id']}"))
        for part in (
            "Consent to treatment",
            'risks *and* benefits. #read("/etc/passwd")',
            "By video",
            "Gracie <b>",
            "Certificate of signatures",
            "Grace Client, for myself",
            shown["paper"]["sha256"],
            "/v1/signatures/verify",
        ):
            assert part in text
        assert "root:" not in text

    async def test_before_everybody_signed_there_is_none(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client, "client", "practitioner")
        await sign(client, form)
        assert refusal(await client.get(f"{MINE}/{form['id']}/pdf")) == (409, "not_signed")

    @pytest.mark.parametrize("full", ["practice", "client"])
    async def test_a_storage_that_is_full_does_not_stand_in_the_way(
        self, full: str, desk: SigningDesk, sql: Any
    ) -> None:
        """F8.B3, F9.M3: quotas are for what people upload."""
        client = await desk.portal()
        form = await desk.handed_in(client)
        room = desk.world.tools.settings.practice_quota_bytes if full == "practice" else CLIENT_QUOTA
        subject = desk.practice.id if full == "practice" else desk.client_id
        fill = (
            "INSERT INTO storage_usage (practice_id, subject_id, used_bytes) VALUES (%s, %s, %s)"
            " ON CONFLICT (practice_id, subject_id) DO UPDATE SET used_bytes = excluded.used_bytes"
        )
        sql(fill, desk.practice.id, subject, room)
        signed = await sign(client, form)
        assert (signed.status_code, signed.json()["signing_state"]) == (200, "complete"), signed.text
        assert (await pdf(client, f"{MINE}/{form['id']}")).startswith(b"%PDF")
        ((used,),) = sql("SELECT used_bytes FROM storage_usage WHERE subject_id = %s", subject)
        assert used > room

    async def test_it_is_among_the_clients_documents(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client)
        await sign(client, form)
        (document,) = (await client.get("/v1/me/documents")).json()["data"]
        assert (document["purpose"], document["state"]) == ("signed_form", "clean")
        content = (await client.get(f"/v1/me/documents/{document['id']}/content")).content
        assert content == await pdf(client, f"{MINE}/{form['id']}")
        assert hashlib.sha256(content).hexdigest() == document["sha256"]

    async def test_staff_read_it_and_it_is_noted(self, desk: SigningDesk, sql: Any) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client)
        await sign(client, form)
        assert await pdf(desk.owner, f"{ASSIGNMENTS}/{form['id']}") == await pdf(client, f"{MINE}/{form['id']}")
        views = "SELECT count(*) FROM event WHERE type = 'document.viewed' AND %s = ANY (client_ids)"
        assert sql(views, desk.client_id) == [(2,)]

    async def test_letters_that_no_font_has_do_not_stand_in_the_way(self, desk: SigningDesk) -> None:
        client = await desk.portal()
        form = await desk.handed_in(client)
        assert (await sign(client, form, "王小明 𒀀")).json()["state"] == "locked"
        assert len(await pdf(client, f"{MINE}/{form['id']}")) > 1000
