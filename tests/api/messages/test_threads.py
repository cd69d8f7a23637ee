"""Threads: who writes to whom, who sees what, what is read (F12)."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal_api.core.access import Role
from portal_api.core.db import Binding
from tests import people
from tests.api.documents.shelf import PDF
from tests.api.messages.desk import MINE, THEIRS, Desk, made
from tests.api.scheduling.held_time import Sql
from tests.copies import Copy


class TestWriting:
    async def test_a_client_writes_and_the_clinician_answers(self, desk: Desk) -> None:
        """F12.M1"""
        thread = await desk.begin()
        assert (thread["client_id"], thread["audience"], thread["unread_count"]) == (desk.client_id, "clinical", 0)
        assert [each["staff_id"] for each in thread["participants"]] == [desk.clinician_id]
        assert await desk.listed(desk.clinician) == ["Tuesday"]
        answer = await desk.write(thread)
        assert (answer["seq"], answer["author"]["kind"], answer["author"]["staff_id"]) == (
            2,
            "staff",
            desk.clinician_id,
        )
        mine = await desk.messages(thread, desk.client)
        assert [message["body"] for message in mine] == ["Yes.", "May I come later?"]
        assert [message["own"] for message in mine] == [False, True]

    async def test_staff_write_first(self, desk: Desk) -> None:
        body = {"client_id": desk.client_id, "subject": "Next week", "body": "I shall be away."}
        answer = await desk.clinician.post(THEIRS, body)
        assert answer.status_code == 201, answer.text
        thread = answer.json()
        assert (thread["guardian_id"], thread["client_read_seq"]) == (None, 0)
        assert (await desk.seen(thread, desk.client))["unread_count"] == 1

    async def test_a_guardian_is_written_to_who_may_have_messages(self, desk: Desk, sql: Sql) -> None:
        """F6.M1: to any other it would be said to nobody."""
        email = desk.world.email("mother")
        who = {"given_name": "Ruth", "family_name": "Client", "email": email, "relationship": "mother"}
        path = f"/v1/clients/{desk.client_id}/guardians"
        guardian = made(await desk.owner.post(path, {**who, "permissions": ["messages"]}))
        body = {"client_id": desk.client_id, "subject": "Next week", "body": "Hello.", "guardian_id": guardian["id"]}
        for permission, status in (("appointments.view", 422), ("messages", 201)):
            mother = await people.guardian(desk.world, desk.practice, desk.client_id, permission)
            sql("UPDATE guardian SET account_id = %s WHERE id = %s", mother.account["id"], guardian["id"])
            answer = await desk.clinician.post(THEIRS, body)
            assert answer.status_code == status, answer.text
        assert await desk.listed(mother) == ["Next week"]

    async def test_one_practitioner_can_be_named(self, desk: Desk) -> None:
        owners_id = desk.practice.staff_id
        thread = await desk.begin(practitioner_id=owners_id)
        assert [each["staff_id"] for each in thread["participants"]] == [owners_id]
        _, biller = await people.colleague(desk.world, desk.practice, Role.BILLER)
        body = {"subject": "x", "body": "y", "practitioner_id": biller}
        refused = await desk.client.post(MINE, body)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "cannot_take_part")

    async def test_without_a_clinician_it_goes_to_who_runs_the_practice(self, desk: Desk) -> None:
        path = f"/v1/clients/{desk.client_id}"
        assert (await desk.owner.patch(path, {"practitioner_ids": []})).is_success
        thread = await desk.begin()
        assert thread["audience"] == "administrative"
        assert [each["staff_id"] for each in thread["participants"]] == [desk.practice.staff_id]

    async def test_a_retry_writes_once(self, desk: Desk) -> None:
        """F12.B3"""
        headers = {"Idempotency-Key": "a-flaky-train"}
        body = {"subject": "Tunnel", "body": "Hello?"}
        answers = await asyncio.gather(*(desk.client.post(MINE, body, headers=headers) for _ in range(10)))
        assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
        assert await desk.listed(desk.client) == ["Tunnel"]

    async def test_what_is_too_long_or_empty_is_refused(self, desk: Desk) -> None:
        for body in ({"subject": "x", "body": " "}, {"subject": "x", "body": "y" * 4001}, {"subject": "", "body": "y"}):
            assert (await desk.client.post(MINE, body)).status_code == 422


class TestWhoSees:
    async def test_each_audience_has_its_roles(self, desk: Desk) -> None:
        """F12.M2: the biller sees no clinical thread, the clinician none about bills, whoever adds them."""
        await desk.begin(subject="Clinical")
        await desk.begin(subject="Bills", audience="billing")
        await desk.begin(subject="Keys", audience="administrative")
        biller, biller_id = await people.colleague(desk.world, desk.practice, Role.BILLER)
        scheduler, _ = await people.colleague(desk.world, desk.practice, Role.SCHEDULER)
        assert await desk.listed(biller) == ["Bills"]
        assert await desk.listed(scheduler) == ["Keys"]
        assert await desk.listed(desk.clinician) == ["Keys", "Clinical"]
        clinical = (await desk.clinician.get(THEIRS, params={"audience": "clinical"})).json()["data"][0]
        path = f"{THEIRS}/{clinical['id']}/participants"
        refused = await desk.clinician.post(path, {"staff_id": biller_id})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "cannot_take_part")
        assert (await biller.get(f"{THEIRS}/{clinical['id']}")).status_code == 404

    async def test_who_runs_the_practice_sees_nothing_clinical_by_that(self, desk: Desk) -> None:
        thread = await desk.begin()
        assert await desk.listed(desk.owner) == []
        assert (await desk.owner.get(f"{THEIRS}/{thread['id']}/messages")).status_code == 404
        path = f"{THEIRS}/{thread['id']}/participants"
        assert (await desk.clinician.post(path, {"staff_id": desk.practice.staff_id})).status_code == 201
        assert await desk.listed(desk.owner) == ["Tuesday"]
        await desk.owner.post(f"{THEIRS}/{thread['id']}/read")
        assert (await desk.clinician.delete(f"{path}/{desk.practice.staff_id}")).status_code == 204
        assert await desk.listed(desk.owner) == []
        for _ in range(2):
            assert (await desk.clinician.post(path, {"staff_id": desk.practice.staff_id})).status_code == 201
        assert (await desk.seen(thread, desk.owner))["unread_count"] == 0
        assert (await desk.clinician.delete(f"{path}/{desk.practice.staff_id}")).status_code == 204
        alone = await desk.clinician.delete(f"{path}/{desk.clinician_id}")
        assert (alone.status_code, alone.json()["state"]) == (409, "alone")

    async def test_who_takes_part_is_listed_in_one_order(self, desk: Desk, sql: Sql) -> None:
        """Whoever came first, and however the rows lie: two reads of one thread are alike (F19.M1)."""
        thread = await desk.begin()
        members = [(await people.colleague(desk.world, desk.practice, Role.PRACTITIONER))[1] for _ in range(3)]
        for member in reversed(members):
            await desk.clinician.post(f"{THEIRS}/{thread['id']}/participants", {"staff_id": member})
        sql("UPDATE thread_participant SET read_seq = read_seq WHERE staff_id = %s", members[0])
        listed = [each["staff_id"] for each in (await desk.seen(thread, desk.clinician))["participants"]]
        assert listed == sorted([desk.clinician_id, *members])

    async def test_supervisors_read_and_do_not_write(self, desk: Desk) -> None:
        supervisor, supervisor_id = await people.colleague(desk.world, desk.practice, Role.SUPERVISOR)
        staff = f"/v1/practice/staff/{supervisor_id}"
        assert (await desk.owner.patch(staff, {"supervises": [desk.clinician_id]})).is_success
        thread = await desk.begin()
        assert await desk.listed(supervisor) == ["Tuesday"]
        refused = await supervisor.post(f"{THEIRS}/{thread['id']}/messages", {"body": "No."})
        assert refused.status_code == 403
        await supervisor.post(f"{THEIRS}/{thread['id']}/read")
        assert (await desk.messages(thread, desk.client))[0]["read_by"] == []

    async def test_client_and_guardians_have_threads_apart(self, desk: Desk) -> None:
        """F12.M9, F6.M3"""
        mother = await people.guardian(desk.world, desk.practice, desk.client_id)
        father = await people.guardian(desk.world, desk.practice, desk.client_id)
        threads = {"own": await desk.begin(subject="own")}
        threads["mother"] = await desk.begin(by=mother, subject="mother")
        threads["father"] = await desk.begin(by=father, subject="father")
        for who, name in ((desk.client, "own"), (mother, "mother"), (father, "father")):
            assert await desk.listed(who) == [name]
            for other, thread in threads.items():
                status = 200 if other == name else 404
                assert (await who.get(f"{MINE}/{thread['id']}/messages")).status_code == status
                answer = await who.post(f"{MINE}/{thread['id']}/messages", {"body": "x"})
                assert answer.status_code == (201 if other == name else 404)
        assert await desk.listed(desk.clinician) == ["father", "mother", "own"]

    async def test_a_guardian_without_the_permission_has_none(self, desk: Desk) -> None:
        guardian = await people.guardian(desk.world, desk.practice, desk.client_id, "appointments.view")
        answer = await guardian.get(MINE)
        assert (answer.status_code, answer.json()["code"]) == (403, "feature_disabled")

    async def test_another_client_sees_nothing(self, desk: Desk) -> None:
        thread = await desk.begin()
        message = (await desk.messages(thread, desk.client))[0]
        other = await desk.world.client(desk.owner)
        stranger = await people.client_login(desk.world, desk.practice, other["id"])
        for method, path in (
            ("GET", f"{MINE}/{thread['id']}"),
            ("GET", f"{MINE}/{thread['id']}/messages"),
            ("POST", f"{MINE}/{thread['id']}/read"),
            ("POST", f"/v1/me/messages/{message['id']}/retract"),
        ):
            assert (await stranger.request(method, path)).status_code == 404, path


class TestReading:
    async def test_what_waits_is_counted(self, desk: Desk) -> None:
        """F12.M5"""
        thread = await desk.begin()
        for n in range(3):
            await desk.write(thread, f"{n}")
        assert (await desk.seen(thread, desk.client))["unread_count"] == 3
        assert (await desk.client.get("/v1/me/messaging")).json()["unread_count"] == 3
        read = await desk.client.post(f"{MINE}/{thread['id']}/read", {"seq": 3})
        assert read.json()["unread_count"] == 1
        again = await desk.client.post(f"{MINE}/{thread['id']}/read", {"seq": 2})
        assert (again.json()["read_seq"], again.json()["unread_count"]) == (3, 1)
        assert (await desk.client.post(f"{MINE}/{thread['id']}/read")).json()["unread_count"] == 0
        assert await desk.listed(desk.client, unread=True) == []

    async def test_the_first_page_says_how_much_is_unread(self, desk: Desk) -> None:
        """F15.B1, F12.M10: nothing, once messages are switched off."""
        thread = await desk.begin()
        await desk.write(thread)
        home = (await desk.client.get("/v1/me/home")).json()
        assert home["unread"]["messages"] == 1
        mother = await people.guardian(desk.world, desk.practice, desk.client_id)
        assert (await mother.get("/v1/me/home")).json()["unread"]["messages"] == 0
        await desk.switch(False)
        assert (await desk.client.get("/v1/me/home")).json()["unread"]["messages"] == 0

    async def test_counts_are_right_however_many_write_at_once(self, desk: Desk) -> None:
        """F12.M5: numbers without a gap, and nothing counted twice or not at all."""
        thread = await desk.begin()
        writes = [desk.write(thread, f"{n}") for n in range(12)]
        reads = [desk.client.post(f"{MINE}/{thread['id']}/read", {"seq": n}) for n in range(4)]
        own = [desk.write(thread, f"mine {n}", by=desk.client) for n in range(3)]
        await asyncio.gather(*writes, *reads, *own)
        shown = await desk.messages(thread, desk.client)
        assert sorted(message["seq"] for message in shown) == list(range(1, 17))
        view = await desk.seen(thread, desk.client)
        waiting = [m for m in shown if m["seq"] > view["read_seq"] and not m["own"]]
        assert view["unread_count"] == len(waiting)

    async def test_to_write_is_not_to_read(self, desk: Desk) -> None:
        """F12.M5: what came while somebody wrote waits for them, and nobody is told that they read it."""
        thread = await desk.begin()
        await desk.clinician.post(f"{THEIRS}/{thread['id']}/read")
        theirs = [desk.write(thread, f"{n}") for n in range(8)]
        mine = [desk.write(thread, f"mine {n}", by=desk.client) for n in range(5)]
        await asyncio.gather(*theirs, *mine)
        assert (await desk.seen(thread, desk.client))["unread_count"] == 8
        assert (await desk.seen(thread, desk.clinician))["unread_count"] == 5
        assert (await desk.client.get("/v1/me/messaging")).json()["unread_count"] == 8
        of_staff = [each for each in await desk.messages(thread, desk.clinician) if each["own"]]
        assert [each["read_by"] for each in of_staff] == [[]] * 8
        for who, path in ((desk.client, MINE), (desk.clinician, THEIRS)):
            await who.post(f"{path}/{thread['id']}/read")
            await desk.write(thread, "One more.", by=who)
            assert (await desk.seen(thread, who))["read_seq"] == (await desk.seen(thread, who))["last_message"]["seq"]

    async def test_a_copy_holds_until_something_in_it_is_another(self, desk: Desk) -> None:
        """RFC 9110 section 8.8.1: what is read, by whom, and what was taken back is in the tag."""
        thread = await desk.begin()
        sent = await desk.write(thread, "Not for you.")
        path = f"{MINE}/{thread['id']}"

        async def changed(tag: str) -> str:
            again = await desk.client.get(path, headers={"If-None-Match": tag})
            assert again.status_code == 200
            kept = await desk.client.get(path, headers={"If-None-Match": again.headers["etag"]})
            assert (kept.status_code, kept.content) == (304, b"")
            return str(again.headers["etag"])

        tag = await changed('"none"')
        await desk.clinician.post(f"/v1/messages/{sent['id']}/retract")
        tag = await changed(tag)
        await desk.clinician.post(f"{THEIRS}/{thread['id']}/read")
        tag = await changed(tag)
        await desk.client.post(f"{path}/read")
        await changed(tag)

    async def test_both_see_what_the_other_has_read(self, desk: Desk) -> None:
        thread = await desk.begin()
        assert (await desk.messages(thread, desk.client))[0]["read_by"] == []
        await desk.clinician.post(f"{THEIRS}/{thread['id']}/read")
        (reader,) = (await desk.messages(thread, desk.client))[0]["read_by"]
        assert (reader["kind"], reader["staff_id"]) == ("staff", desk.clinician_id)
        await desk.write(thread)
        assert (await desk.seen(thread, desk.clinician))["client_read_seq"] == 1
        await desk.client.post(f"{MINE}/{thread['id']}/read")
        assert (await desk.seen(thread, desk.clinician))["client_read_seq"] == 2


class TestTakingBack:
    async def test_others_see_that_something_was_there_and_the_record_keeps_it(self, desk: Desk) -> None:
        """F12.M3"""
        thread = await desk.begin(body="I regret this.")
        (message,) = await desk.messages(thread, desk.client)
        path = f"/v1/me/messages/{message['id']}/retract"
        done = await desk.client.post(path)
        assert (done.status_code, done.json()["body"]) == (200, None)
        assert (await desk.client.post(path)).json()["state"] == "retracted"
        (seen,) = await desk.messages(thread, desk.clinician)
        assert (seen["body"], seen["retracted_at"] is not None) == (None, True)
        view = await desk.seen(thread, desk.clinician)
        assert (view["unread_count"], view["last_message"]["body"]) == (0, None)
        record = (await desk.clinician.get(f"/v1/messages/{message['id']}/record")).json()
        assert record["body"] == "I regret this."
        assert await desk.listed(desk.clinician, q="regret") == []

    async def test_only_ones_own(self, desk: Desk) -> None:
        thread = await desk.begin()
        (message,) = await desk.messages(thread, desk.client)
        assert (await desk.clinician.post(f"/v1/messages/{message['id']}/retract")).status_code == 403

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE thread_message SET body = 'x'",
            "UPDATE message_edit SET body = 'x'",
            "DELETE FROM thread_message",
            "DELETE FROM message_edit",
            "DELETE FROM message_retraction",
        ],
    )
    async def test_the_database_changes_none(self, statement: str, desk: Desk) -> None:
        """F12.M3: not even the program could."""
        await desk.begin()
        database, binding = desk.world.tools.database, Binding.system(UUID(desk.practice.id))
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.session(binding) as session:
                table = statement.split()[1 if statement.startswith("UPDATE") else 2]
                mine = f"{statement} WHERE {table}.practice_id = :id"
                await session.execute(text(mine), {"id": binding.practice_id})


class TestWritingAnew:
    async def test_others_see_what_it_says_now_and_the_record_keeps_all(self, desk: Desk) -> None:
        """F12.M3"""
        thread = await desk.begin(body="At nine.")
        (message,) = await desk.messages(thread, desk.client)
        sent, until = (datetime.fromisoformat(message[name]) for name in ("sent_at", "editable_until"))
        assert (until - sent, message["edited_at"], message["version"]) == (timedelta(minutes=15), None, 1)
        path = f"/v1/me/messages/{message['id']}"
        for body in ("At ten.", "At eleven."):
            changed = await desk.client.patch(path, {"body": body})
            assert (changed.status_code, changed.json()["body"]) == (200, body)
        again = await desk.client.patch(path, {"body": "At eleven."})
        assert (again.json()["version"], again.headers["etag"]) == (3, '"v3"'), "the same once more is no change"
        assert (await desk.client.patch(path, {})).json() == again.json()
        (seen,) = await desk.messages(thread, desk.clinician)
        assert (seen["body"], seen["edited_at"] is not None, seen["seq"]) == ("At eleven.", True, 1)
        view = await desk.seen(thread, desk.clinician)
        assert (view["last_message"]["body"], view["unread_count"]) == ("At eleven.", 1)
        assert (await desk.listed(desk.clinician, q="eleven"), await desk.listed(desk.clinician, q="nine")) == (
            ["Tuesday"],
            [],
        )
        await desk.client.post(f"{path}/retract")
        record = (await desk.clinician.get(f"/v1/messages/{message['id']}/record")).json()
        assert record["body"] == "At eleven."
        assert [each["body"] for each in record["versions"]] == ["At nine.", "At ten.", "At eleven."]
        assert record["versions"][0]["written_at"] == message["sent_at"]
        refused = await desk.client.patch(path, {"body": "At noon."})
        assert (refused.status_code, refused.json()["state"]) == (409, "retracted")

    async def test_only_ones_own_and_not_for_long(self, desk: Desk, sql: Sql) -> None:
        thread = await desk.begin()
        answer = await desk.write(thread)
        theirs = f"/v1/messages/{answer['id']}"
        (mine,) = [each for each in await desk.messages(thread, desk.client) if each["own"]]
        mother = await people.guardian(desk.world, desk.practice, desk.client_id)
        for by, path, status in (
            (desk.clinician, f"/v1/messages/{mine['id']}", 403),
            (desk.client, f"/v1/me/messages/{answer['id']}", 403),
            (mother, f"/v1/me/messages/{mine['id']}", 404),
            (desk.owner, theirs, 404),
        ):
            assert (await by.patch(path, {"body": "x"})).status_code == status, path
        for body in ({"body": None}, {"body": " "}, {"body": "x" * 4001}, {"text": "x"}):
            assert (await desk.clinician.patch(theirs, body)).status_code == 422, body
        sql("UPDATE thread_message SET sent_at = sent_at - interval '15 minutes' WHERE id = %s", answer["id"])
        late = await desk.clinician.patch(theirs, {"body": "No."})
        assert (late.status_code, late.json()["code"]) == (409, "edit_closed")
        assert [each["body"] for each in await desk.messages(thread, desk.clinician)] == ["Yes.", mine["body"]]

    async def test_of_two_at_once_one_has_seen_the_other(self, desk: Desk) -> None:
        """F19.M2"""
        sent = await desk.write(await desk.begin())
        path = f"/v1/messages/{sent['id']}"
        edits = (desk.clinician.patch(path, {"body": f"{n}"}, headers={"If-Match": '"v1"'}) for n in range(5))
        answers = await asyncio.gather(*edits)
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
        (made,) = [answer.json() for answer in answers if answer.is_success]
        assert {answer.json()["current"]["body"] for answer in answers if not answer.is_success} == {made["body"]}
        free = await asyncio.gather(*(desk.clinician.patch(path, {"body": f"free {n}"}) for n in range(5)))
        assert sorted(answer.json()["version"] for answer in free) == [3, 4, 5, 6, 7]

    async def test_it_is_writing(self, desk: Desk) -> None:
        """F12.M10, F12.B1"""
        thread = await desk.begin()
        answer = await desk.write(thread)
        (mine,) = [each for each in await desk.messages(thread, desk.client) if each["own"]]
        day = (datetime.now(UTC) + timedelta(days=2)).strftime("%A").lower()
        await desk.policy(office_hours=[{"weekday": day, "start": "09:00", "end": "10:00"}])
        closed = await desk.client.patch(f"/v1/me/messages/{mine['id']}", {"body": "x"})
        assert (closed.status_code, closed.json()["code"]) == (409, "outside_office_hours")
        await desk.switch(False)
        for by, path in (
            (desk.client, f"/v1/me/messages/{mine['id']}"),
            (desk.clinician, f"/v1/messages/{answer['id']}"),
        ):
            off = await by.patch(path, {"body": "x"})
            assert (off.status_code, off.json()["code"]) == (403, "feature_disabled")

    async def test_copies_of_the_thread_have_it(self, desk: Desk) -> None:
        """F19.M1"""
        sent = await desk.write(await desk.begin())
        copy = Copy(desk.client)
        await copy.sync()
        assert (await desk.clinician.patch(f"/v1/messages/{sent['id']}", {"body": "No."})).status_code == 200
        await copy.sync()
        assert copy.objects["thread"][sent["thread_id"]]["last_message"]["body"] == "No."


class TestSearching:
    async def test_what_the_caller_may_see_is_found(self, desk: Desk) -> None:
        await desk.begin(subject="Sleep", body="I sleep badly since Monday.")
        await desk.begin(subject="Keys", body="Where do I park?", audience="administrative")
        assert await desk.listed(desk.client, q="BADLY") == ["Sleep"]
        assert await desk.listed(desk.clinician, q="keys") == ["Keys"]
        scheduler, _ = await people.colleague(desk.world, desk.practice, Role.SCHEDULER)
        assert await desk.listed(scheduler, q="badly") == []
        mother = await people.guardian(desk.world, desk.practice, desk.client_id)
        await desk.begin(by=mother, subject="School", body="She sleeps badly.")
        assert await desk.listed(mother, q="badly") == ["School"], "F12.M9: not what the client wrote"
        assert await desk.listed(desk.client, q="badly") == ["Sleep"]
        assert await desk.listed(desk.owner, q="badly") == [], "F12.M2: nothing clinical by running the practice"

    async def test_pages_follow_each_other(self, desk: Desk) -> None:
        for n in range(5):
            await desk.begin(subject=f"{n}")
        found, cursor = [], None
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await desk.client.get(MINE, params=params)).json()
            found += [thread["subject"] for thread in page["data"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == ["4", "3", "2", "1", "0"]


class TestAttachments:
    async def document(self, desk: Desk, by: Any, path: str, **fields: Any) -> str:
        files = {"file": ("letter.pdf", PDF, "application/pdf")}
        answer = await by.post(path, files=files, data={"title": "Letter", **fields})
        assert answer.status_code == 201, answer.text
        await desk.world.run_jobs()
        return str(answer.json()["id"])

    async def test_a_file_goes_with_a_message(self, desk: Desk) -> None:
        """F12.M4: who sees the thread opens it, also where it is shared with nobody else."""
        thread = await desk.begin()
        document_id = await self.document(desk, desk.clinician, f"/v1/clients/{desk.client_id}/documents")
        sent = await desk.write(thread, "Here it is.", document_ids=[document_id])
        assert [each["title"] for each in sent["attachments"]] == ["Letter"]
        path = f"{MINE}/{thread['id']}/attachments/{document_id}/content"
        opened = await desk.client.get(path)
        assert (opened.status_code, opened.content) == (200, PDF)
        assert opened.headers["content-disposition"].startswith("attachment")
        mother = await people.guardian(desk.world, desk.practice, desk.client_id)
        assert (await mother.get(path)).status_code == 404
        retract = f"/v1/messages/{sent['id']}/retract"
        assert (await desk.clinician.post(retract)).status_code == 200
        assert (await desk.client.get(path)).status_code == 404

    async def test_what_goes_with_a_message_is_not_deleted(self, desk: Desk) -> None:
        """The upload pipeline says why, before anything is lost."""
        assert (await desk.owner.patch("/v1/practice/features", {"client_uploads": True})).is_success
        document_id = await self.document(desk, desk.client, "/v1/me/documents")
        await desk.begin(document_ids=[document_id])
        answer = await desk.client.delete(f"/v1/me/documents/{document_id}")
        assert (answer.status_code, answer.json()["code"]) == (409, "document_in_use")

    async def test_somebody_elses_document_does_not(self, desk: Desk) -> None:
        """A16, A26"""
        other = await desk.world.client(desk.owner, practitioner_ids=[desk.clinician_id])
        foreign = await self.document(desk, desk.clinician, f"/v1/clients/{other['id']}/documents")
        hidden = await self.document(desk, desk.clinician, f"/v1/clients/{desk.client_id}/documents")
        thread = await desk.begin()
        before = await desk.messages(thread, desk.client)
        for by, path, document_id in (
            (desk.clinician, THEIRS, foreign),
            (desk.client, MINE, foreign),
            (desk.client, MINE, hidden),
        ):
            answer = await by.post(f"{path}/{thread['id']}/messages", {"body": "x", "document_ids": [document_id]})
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_document")
        assert await desk.messages(thread, desk.client) == before
        assert (await desk.client.get(f"{MINE}/{thread['id']}/attachments/{hidden}/content")).status_code == 404


class TestPolicy:
    async def test_off_means_hidden_for_clients_and_readable_for_staff(self, desk: Desk) -> None:
        """F12.M10: at once."""
        thread = await desk.begin()
        sent = await desk.write(thread)
        await desk.switch(False)
        for answer in (await desk.client.get(MINE), await desk.client.get(f"{MINE}/{thread['id']}")):
            assert (answer.status_code, answer.json()["code"]) == (403, "feature_disabled")
        assert len(await desk.messages(thread, desk.clinician)) == 2
        for refused in (
            await desk.clinician.post(f"{THEIRS}/{thread['id']}/messages", {"body": "x"}),
            await desk.clinician.post(f"/v1/messages/{sent['id']}/retract"),
        ):
            assert (refused.status_code, refused.json()["gate"]) == (403, "practice")
        await desk.switch(True)
        assert await desk.listed(desk.client) == ["Tuesday"]

    async def test_clients_may_only_reply(self, desk: Desk) -> None:
        """F12.B1"""
        thread = await desk.begin()
        await desk.policy(clients_may="reply")
        refused = await desk.client.post(MINE, {"subject": "x", "body": "y"})
        assert (refused.status_code, refused.json()["code"]) == (403, "only_replies")
        assert (await desk.write(thread, by=desk.client))["seq"] == 2
        assert (await desk.client.get("/v1/me/messaging")).json()["clients_may"] == "reply"

    async def test_office_hours(self, desk: Desk) -> None:
        """F12.B1"""
        thread = await desk.begin()
        await desk.owner.patch("/v1/practice", {"time_zone": "UTC"})
        day = (datetime.now(UTC) + timedelta(days=2)).strftime("%A").lower()
        await desk.policy(office_hours=[{"weekday": day, "start": "09:00", "end": "10:00"}])
        messaging = (await desk.client.get("/v1/me/messaging")).json()
        assert messaging["open_now"] is False
        for answer in (
            await desk.client.post(MINE, {"subject": "x", "body": "y"}),
            await desk.client.post(f"{MINE}/{thread['id']}/messages", {"body": "y"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "outside_office_hours")
            assert answer.json()["opens_at"] == messaging["opens_at"]
        await desk.write(thread)
        refused = await desk.owner.patch("/v1/practice/messaging", {"office_hours": []})
        assert [each["pointer"] for each in refused.json()["errors"]] == ["/office_hours"], "null is always"
        await desk.policy(office_hours=None)
        assert (await desk.client.get("/v1/me/messaging")).json()["open_now"] is True

    async def test_what_messages_are_not_for(self, desk: Desk) -> None:
        """F12.M8"""
        assert "emergency" in (await desk.client.get("/v1/me/messaging")).json()["emergency_notice"]
        await desk.policy(emergency_notice="Call 988.", expected_response_hours=48)
        shown = (await desk.client.get("/v1/me/messaging")).json()
        assert (shown["emergency_notice"], shown["expected_response_hours"]) == ("Call 988.", 48)

    async def test_a_stale_copy_is_412(self, desk: Desk) -> None:
        path = "/v1/practice/messaging"
        tags = [(await desk.owner.get(path)).headers["etag"]]
        for hours in (24, 48):
            body = {"expected_response_hours": hours}
            changed = await desk.owner.patch(path, body, headers={"If-Match": tags[-1]})
            assert changed.status_code == 200, changed.text
            tags.append(changed.headers["etag"])
        for stale in tags[:-1]:
            answer = await desk.owner.patch(path, {"expected_response_hours": 1}, headers={"If-Match": stale})
            assert (answer.status_code, answer.json()["current"]["expected_response_hours"]) == (412, 48)


class TestAway:
    async def test_it_is_written_back_once_for_each_thread_and_period(self, desk: Desk) -> None:
        """F12.M7"""
        now = datetime.now(UTC)
        path = f"/v1/practice/staff/{desk.clinician_id}/out-of-office"
        period = {"starts_at": (now - timedelta(days=1)).isoformat(), "ends_at": (now + timedelta(days=1)).isoformat()}
        assert (await desk.clinician.put(path, {**period, "reply": "I am away."})).status_code == 200
        thread = await desk.begin()
        await asyncio.gather(*(desk.write(thread, f"{n}", by=desk.client) for n in range(4)))
        kinds = Counter(message["author"]["kind"] for message in await desk.messages(thread, desk.client))
        assert kinds == {"client": 5, "automatic": 1}
        again = {**period, "starts_at": (now - timedelta(hours=1)).isoformat(), "reply": "Still away."}
        assert (await desk.owner.put(path, again)).status_code == 200
        await desk.write(thread, by=desk.client)
        assert (await desk.messages(thread, desk.client))[0]["body"] == "Still away."
        assert (await desk.clinician.delete(path)).status_code == 204
        other = await desk.begin(subject="Later")
        assert other["last_message"]["author_kind"] == "client"

    async def test_others_are_away_by_owners_and_admins_alone(self, desk: Desk) -> None:
        path = f"/v1/practice/staff/{desk.practice.staff_id}/out-of-office"
        now = datetime.now(UTC)
        body = {"starts_at": now.isoformat(), "ends_at": now.isoformat(), "reply": "x"}
        assert (await desk.clinician.put(path, body)).status_code == 403
        assert (await desk.owner.put(path, body)).status_code == 422
        assert (await desk.owner.get(path)).json()["reply"] is None


class TestTheRecord:
    async def test_what_was_written_is_in_no_event(self, desk: Desk) -> None:
        thread = await desk.begin(subject="Canary subject", body="canary body")
        await desk.clinician.post(f"{THEIRS}/{thread['id']}/read")
        events = (await desk.owner.get("/v1/audit-events", params={"client_id": desk.client_id})).json()["data"]
        assert {"message.sent", "thread.read"} <= {event["type"] for event in events}
        assert "anary" not in str(events)
