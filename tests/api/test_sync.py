"""Copies for devices: everything at first, then changes and tombstones; it adds up to what the lists show (F19.M1)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from portal_api.core.access import ActorKind, GrantPermission, Origin, Principal, Role
from portal_api.services import audit
from portal_api.services.notifications import inbox
from portal_api.services.sync import copying, places
from tests.api.documents.shelf import PDF, open_shelf
from tests.api.messages.desk import Desk as Messages
from tests.api.messages.desk import open_desk as open_messages
from tests.api.scheduling.desk import DAY, HOUR, NOON, Desk, open_desk
from tests.api.scheduling.reception import open_reception
from tests.api.test_treatment_plans import GOALS
from tests.copies import Copy, listed
from tests.entry import bound, open_practice, supervise
from tests.people import colleague, grant, guardian
from tests.world import Caller, World


@pytest.fixture
async def desk(world: World) -> Desk:
    desk = await open_desk(world)
    await desk.switch(appointment_requests=True, client_uploads=True)
    return desk


async def copied(caller: Caller) -> Copy:
    """A copy that is up to date."""
    copy = Copy(caller)
    await copy.sync()
    assert copy.objects == await listed(caller)
    return copy


async def caught_up(copy: Copy) -> None:
    """The copy, brought up to date, is what the lists show, and was not begun anew for it."""
    begun = copy.resets
    await copy.sync()
    assert copy.objects == await listed(copy.caller)
    assert copy.resets == begun


class TestCopies:
    async def test_the_first_is_everything_page_by_page(self, desk: Desk) -> None:
        for day in range(3):
            await desk.book(NOON + day * DAY)
            await desk.add_client()
        copy = Copy(desk.owner)
        assert await copy.sync(limit=2) > 3
        assert copy.objects == await listed(desk.owner)
        assert (len(copy.objects["client"]), len(copy.objects["appointment"])) == (4, 3)
        assert copy.resets == 1

    async def test_later_ones_are_the_changes(self, desk: Desk) -> None:
        made, other = await desk.book(), await desk.book(NOON + DAY)
        copy = await copied(desk.owner)
        await desk.done("cancel", made)
        answer = (await desk.owner.get("/v1/sync", params={"cursor": copy.cursor})).json()
        assert [(each["type"], each["id"]) for each in answer["upserts"]] == [("appointment", made["id"])]
        assert (answer["reset"], answer["tombstones"], answer["has_more"]) == (False, [], False)
        await caught_up(copy)
        assert copy.objects["appointment"][other["id"]]["state"] == "booked"

    async def test_nothing_new_is_an_empty_answer(self, desk: Desk) -> None:
        copy = await copied(desk.owner)
        answer = (await desk.owner.get("/v1/sync", params={"cursor": copy.cursor})).json()
        assert (answer["upserts"], answer["tombstones"], answer["has_more"]) == ([], [], False)

    async def test_asked_again_it_answers_the_same(self, desk: Desk) -> None:
        copy = await copied(desk.owner)
        await desk.book()
        asked = [(await desk.owner.get("/v1/sync", params={"cursor": copy.cursor})).json() for _ in range(2)]
        for answer in asked:
            assert len(answer["cursor"]) < 1500
            del answer["cursor"]
        assert asked[0] == asked[1]

    async def test_changes_come_page_by_page_too(self, desk: Desk) -> None:
        copy = await copied(desk.owner)
        for day in range(5):
            await desk.book(NOON + day * DAY)
        assert await copy.sync(limit=2) >= 3
        assert copy.objects == await listed(desk.owner)
        assert copy.resets == 1

    async def test_what_changes_between_two_pages_is_not_lost(self, desk: Desk) -> None:
        made = [await desk.book(NOON + day * DAY) for day in range(4)]
        copy = Copy(desk.owner)
        more = await copy.page(limit=2)
        await desk.done("cancel", made[0])
        await desk.add_client()
        while more:
            more = await copy.page(limit=2)
        await caught_up(copy)

    async def test_what_a_client_consents_to_reaches_the_chart_of_staff(self, desk: Desk) -> None:
        """F14.M5: said by the client's own login, it stands in the chart."""
        client = await desk.portal()
        copy = await copied(desk.owner)
        done = await client.patch("/v1/me/notification-preferences", {"consents": {"email": False}})
        assert done.status_code == 200, done.text
        await caught_up(copy)
        assert copy.objects["client"][desk.client_id]["contact_preferences"]["email"] is False

    async def test_a_change_that_commits_late_is_not_skipped(self, world: World, desk: Desk) -> None:
        copy = await copied(desk.owner)
        program = Principal(UUID(desk.practice.id), ActorKind.SYSTEM, Origin("", ""))
        client = UUID(desk.client_id)
        async with bound(world, desk.practice) as session:
            await audit.record(session, program, "client.updated", resource=("client", client), clients=[client])
            await desk.book()
            await copy.sync()
        answer = (await desk.owner.get("/v1/sync", params={"cursor": copy.cursor})).json()
        assert [each["id"] for each in answer["upserts"]] == [desk.client_id]

    @pytest.mark.parametrize("cursor", ["nonsense", "AAAA", "x" * 2000])
    async def test_a_cursor_that_was_never_handed_out_is_refused(self, desk: Desk, cursor: str) -> None:
        response = await desk.owner.get("/v1/sync", params={"cursor": cursor})
        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")

    async def test_a_cursor_is_its_accounts_alone(self, world: World, desk: Desk) -> None:
        """A19."""
        copy = await copied(desk.owner)
        other, _ = await colleague(world, desk.practice, Role.ADMIN)
        stranger = await open_practice(world)
        for caller in (other, stranger.owner):
            response = await caller.get("/v1/sync", params={"cursor": copy.cursor})
            assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")

    async def test_too_many_changes_begin_anew(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        copy = await copied(desk.owner)
        monkeypatch.setattr(copying, "MOST_EVENTS", 2)
        for day in range(3):
            await desk.book(NOON + day * DAY)
        await copy.sync()
        assert copy.resets == 2
        assert copy.objects == await listed(desk.owner)

    async def test_what_staff_copy_is_recorded_as_seen(self, desk: Desk) -> None:
        """S42: a copy is a look at each client in it."""
        await desk.book()
        await copied(desk.owner)
        events = (await desk.owner.get(f"/v1/audit-events?client_id={desk.client_id}")).json()["data"]
        assert {"clients.listed", "appointments.listed"} <= {event["type"] for event in events}


class TestStaff:
    async def test_each_sees_their_own(self, world: World, desk: Desk) -> None:
        """F20.M3."""
        mine, my_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        await desk.book()
        await world.client(desk.owner, practitioner_ids=[my_id])
        copy = await copied(mine)
        assert len(copy.objects["client"]) == 1
        assert "appointment" not in copy.objects

    async def test_a_client_who_is_handed_on_is_a_tombstone(self, world: World, desk: Desk) -> None:
        mine, my_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"practitioner_ids": [my_id]})
        copy = await copied(mine)
        assert desk.client_id in copy.objects["client"]
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"practitioner_ids": []})
        await caught_up(copy)
        assert copy.tombstones == [("client", desk.client_id)]
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"practitioner_ids": [my_id]})
        await caught_up(copy)
        assert desk.client_id in copy.objects["client"]

    async def test_a_calendar_that_one_supervises_no_more(self, world: World, desk: Desk) -> None:
        supervisor, supervisor_id = await colleague(world, desk.practice, Role.SUPERVISOR)
        _, supervised_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        made = await desk.book(practitioner_id=supervised_id)
        copy = await copied(supervisor)
        await supervise(desk.practice, supervisor_id, supervised_id)
        await caught_up(copy)
        assert made["id"] in copy.objects["appointment"]
        await desk.owner.patch(f"/v1/practice/staff/{supervisor_id}", {"supervises": []})
        await caught_up(copy)
        assert copy.tombstones == [("appointment", made["id"])]

    async def test_another_role_begins_anew(self, world: World, desk: Desk) -> None:
        """From all of the practice to nothing of it: no list of tombstones, but another copy."""
        member, member_id = await colleague(world, desk.practice, Role.SCHEDULER)
        await desk.book()
        copy = await copied(member)
        await desk.owner.patch(f"/v1/practice/staff/{member_id}", {"roles": ["forms_admin"]})
        await copy.sync()
        assert (copy.resets, copy.objects) == (2, {})

    async def test_a_caseload_too_large_for_a_cursor(
        self, world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(places, "MOST_UNITS", 2)
        mine, my_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        theirs = [await world.client(desk.owner, practitioner_ids=[my_id]) for _ in range(3)]
        copy = await copied(mine)
        await desk.owner.patch(f"/v1/clients/{theirs[0]['id']}", {"preferred_name": "Gracie"})
        await caught_up(copy)
        await desk.owner.patch(f"/v1/clients/{theirs[1]['id']}", {"practitioner_ids": []})
        await copy.sync()
        assert (copy.resets, copy.objects) == (2, await listed(mine))

    async def test_all_of_a_chart_goes_with_the_client(self, world: World) -> None:
        """F19.M1: documents, forms, plans and conversations of who is handed on; a conversation one is in stays."""
        desk = await open_messages(world)
        await chart(desk)
        inside, outside = await desk.begin(), await desk.begin(audience="administrative")
        other, other_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"practitioner_ids": [desk.clinician_id, other_id]})
        for caller in (desk.clinician, other, desk.owner):
            copy = await copied(caller)
            assert set(copy.objects) >= {"document", "form_assignment", "treatment_plan", "thread"}
        treating, assigned = await copied(desk.clinician), await copied(other)
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"practitioner_ids": []})
        for copy in (treating, assigned):
            await caught_up(copy)
            assert {"document", "form_assignment", "treatment_plan"} < {type for type, _ in copy.tombstones}
        assert inside["id"] in treating.objects["thread"]
        assert "thread" not in assigned.objects
        assert ("thread", outside["id"]) in assigned.tombstones

    @pytest.mark.parametrize("role", list(Role))
    async def test_each_role_has_what_its_lists_show(self, role: Role, world: World) -> None:
        """F20.M3: what is closed to a role is in no copy of it either."""
        desk = await open_messages(world)
        await chart(desk)
        for audience in ("clinical", "administrative", "billing"):
            await desk.begin(audience=audience)
        await world.run_jobs()
        caller, _ = await colleague(world, desk.practice, role)
        await copied(caller)

    async def test_who_leaves_a_conversation_has_a_tombstone(self, world: World) -> None:
        desk = await open_messages(world)
        guest, guest_id = await colleague(world, desk.practice, Role.PRACTITIONER)
        thread = await desk.begin()
        copy = await copied(guest)
        participants = f"/v1/threads/{thread['id']}/participants"
        await desk.clinician.post(participants, {"staff_id": guest_id})
        await caught_up(copy)
        assert set(copy.objects["thread"]) == {thread["id"]}
        await desk.clinician.delete(f"{participants}/{guest_id}")
        await caught_up(copy)
        assert copy.tombstones == [("thread", thread["id"])]

    async def test_another_role_is_another_set_of_conversations(self, world: World) -> None:
        """F12.M2."""
        desk = await open_messages(world)
        await desk.begin()
        copy = await copied(desk.clinician)
        await desk.owner.patch(f"/v1/practice/staff/{desk.clinician_id}", {"roles": ["scheduler"]})
        await copy.sync()
        assert copy.objects == await listed(desk.clinician)
        assert "thread" not in copy.objects

    async def test_a_large_inbox_is_read_at_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """F14.B2: initials of a client whom one sees no more go from it, too."""
        monkeypatch.setattr(inbox, "MOST_NAMED", 2)
        desk = await open_messages(world)
        for number in range(5):
            await desk.begin(subject=f"Question {number}")
        copy = await copied(desk.clinician)
        await world.run_jobs()
        await caught_up(copy)
        assert len(copy.objects["notification"]) == 5
        await desk.clinician.post("/v1/me/notifications/read-all")
        await caught_up(copy)
        assert all(each["read_at"] for each in copy.objects["notification"].values())
        await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"practitioner_ids": []})
        await caught_up(copy)
        assert {each["client_initials"] for each in copy.objects["notification"].values()} == {None}

    async def test_what_others_read_is_not_waded_through(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = await open_messages(world)
        for number in range(3):
            await desk.begin(subject=f"Question {number}")
        await world.run_jobs()
        copy = await copied(desk.owner)
        monkeypatch.setattr(copying, "MOST_EVENTS", 2)
        for told in (await desk.clinician.get("/v1/me/notifications")).json()["data"]:
            assert (await desk.clinician.post(f"/v1/me/notifications/{told['id']}/read")).status_code == 200
        await caught_up(copy)


async def chart(desk: Messages) -> None:
    """One of everything that is kept with a client, shared with them where that is done."""
    template = (await desk.owner.get("/v1/form-templates?kind=intake")).json()["data"][0]["id"]
    of_client = f"/v1/clients/{desk.client_id}"
    made = await desk.clinician.post(f"{of_client}/treatment-plans", {"title": "Sleep", "goals": GOALS})
    for answer in (
        await desk.clinician.post(f"{of_client}/form-assignments", {"form_template_id": template}),
        await desk.clinician.request("POST", f"{of_client}/documents", files={"file": ("report.pdf", PDF)}),
        await desk.clinician.post(f"/v1/treatment-plans/{made.json()['id']}/share"),
    ):
        assert answer.is_success, answer.text


class TestClients:
    async def test_a_client_has_what_is_theirs(self, desk: Desk) -> None:
        other_id = await desk.add_client()
        await desk.book()
        await desk.book(NOON + DAY, client_id=other_id)
        copy = await copied(await desk.portal())
        assert len(copy.objects["appointment"]) == 1
        assert set(copy.objects["profile"]) == {desk.client_id}

    async def test_requests_come_and_go_with_their_feature(self, world: World) -> None:
        """F2.M1: off, its list shows nothing."""
        reception = await open_reception(world)
        copy, of_staff = await copied(reception.client), await copied(reception.owner)
        asked = await reception.request()
        for each in (copy, of_staff):
            await caught_up(each)
            assert set(each.objects["appointment_request"]) == {asked["id"]}
        await reception.switch(appointment_requests=False)
        await caught_up(copy)
        assert copy.tombstones == [("appointment_request", asked["id"])]
        await reception.switch(appointment_requests=True)
        await reception.answered("accept", asked)
        for each in (copy, of_staff):
            await caught_up(each)
            assert each.objects["appointment_request"][asked["id"]]["state"] == "accepted"

    async def test_documents_come_and_go_as_they_are_shared(self, world: World) -> None:
        """F9.M5."""
        shelf = await open_shelf(world)
        copy = await copied(shelf.client)
        other = await copied(await guardian(world, shelf.practice, shelf.client_id))
        kept, theirs = await shelf.put(), await shelf.upload()
        await shelf.look()
        for each, has in ((copy, {theirs["id"]}), (other, set[str]())):
            await caught_up(each)
            assert set(each.objects.get("document", {})) == has
        await shelf.owner.post(f"/v1/documents/{kept['id']}/share")
        for each in (copy, other):
            await caught_up(each)
            assert kept["id"] in each.objects["document"]
        await shelf.owner.post(f"/v1/documents/{kept['id']}/unshare")
        await shelf.client.delete(f"/v1/me/documents/{theirs['id']}")
        await caught_up(copy)
        assert set(copy.tombstones) == {("document", kept["id"]), ("document", theirs["id"])}
        await caught_up(other)
        assert other.tombstones == [("document", kept["id"])]

    async def test_a_new_name_of_whoever_is_shown_reaches_the_copy(self, desk: Desk) -> None:
        made = await desk.book()
        copy = await copied(await desk.portal())
        await desk.owner.patch("/v1/me", {"given_name": "Adelaide"})
        await caught_up(copy)
        assert copy.objects["appointment"][made["id"]]["practitioner"]["given_name"] == "Adelaide"
        await desk.owner.patch(f"/v1/services/{desk.service_id}", {"name": "Another name"})
        await caught_up(copy)
        assert copy.objects["appointment"][made["id"]]["service"]["name"] == "Another name"

    async def test_who_no_longer_comes_has_a_tombstone(self, desk: Desk) -> None:
        other_id = await desk.add_client()
        made = await desk.book(additional_client_ids=[other_id])
        copy = await copied(await desk.portal(other_id))
        await desk.owner.patch(f"/v1/appointments/{made['id']}", {"additional_client_ids": []})
        await caught_up(copy)
        assert copy.tombstones == [("appointment", made["id"])]


class TestGuardians:
    async def test_plans_and_notices_of_a_child_go_with_it(self, world: World, sql: Callable[..., Any]) -> None:
        """F14.M3, F19.M1."""
        desk = await open_messages(world)
        parent = await guardian(world, desk.practice, desk.client_id)
        sibling = await world.client(desk.owner, practitioner_ids=[desk.clinician_id])
        await grant(world, desk.practice, parent.account["id"], sibling["id"], "parent", ("billing.pay",))
        copy = await copied(parent)
        await chart(desk)
        await world.run_jobs()
        await caught_up(copy)
        assert {"treatment_plan", "notification", "form_assignment"} < set(copy.objects)
        sql("UPDATE client_grant SET revoked_at = now() WHERE client_id = %s", desk.client_id)
        await caught_up(copy)
        assert set(copy.objects) == {"profile"}

    async def test_who_looks_at_documents_follows_the_plans(self, world: World) -> None:
        """F6.M1: of a plan that was shared both permissions show it."""
        desk = await open_messages(world)
        parent = await guardian(world, desk.practice, desk.client_id, GrantPermission.DOCUMENTS_VIEW)
        copy = await copied(parent)
        await chart(desk)
        plan = (await desk.owner.get(f"/v1/clients/{desk.client_id}/treatment-plans")).json()["data"][0]
        await caught_up(copy)
        assert set(copy.objects["treatment_plan"]) == {plan["id"]}
        await desk.clinician.post(f"/v1/treatment-plans/{plan['id']}/revise")
        revised = {"confidential": True}
        answer = await desk.clinician.patch(f"/v1/treatment-plans/{plan['id']}", revised)
        assert answer.status_code == 200, answer.text
        await caught_up(copy)
        assert copy.tombstones == [("treatment_plan", plan["id"])]

    async def test_a_child_for_whom_one_acts_no_more(self, desk: Desk, sql: Callable[..., Any]) -> None:
        """Profile, appointments and documents of that child go; those of the other child stay."""
        parent = await guardian(desk.world, desk.practice, desk.client_id)
        other_id = await desk.add_client()
        await grant(desk.world, desk.practice, parent.account["id"], other_id, "parent", tuple(GrantPermission))
        gone, stays = await desk.book(), await desk.book(NOON + DAY, client_id=other_id)
        both = await desk.book(NOON + 2 * DAY, additional_client_ids=[other_id])
        copy = await copied(parent)
        sql("UPDATE client_grant SET revoked_at = now() WHERE client_id = %s", desk.client_id)
        await caught_up(copy)
        assert set(copy.tombstones) == {("profile", desk.client_id), ("appointment", gone["id"])}
        assert set(copy.objects["appointment"]) == {stays["id"], both["id"]}

    async def test_what_came_between_the_pages_goes_as_well(self, desk: Desk, sql: Callable[..., Any]) -> None:
        """Made after the first page, sent with the second, lost before the next copy."""
        parent = await guardian(desk.world, desk.practice, desk.client_id)
        made = [await desk.book(NOON + day * DAY) for day in range(2)]
        copy = Copy(parent)
        more = await copy.page(limit=2)
        made.append(await desk.book(NOON + 5 * DAY))
        while more and len(copy.objects["appointment"]) < 3:
            more = await copy.page(limit=2)
        sql("UPDATE client_grant SET permissions = '{billing.pay}' WHERE account_id = %s", parent.account["id"])
        await copy.sync()
        assert copy.objects == await listed(parent)
        assert {identity for _, identity in copy.tombstones} == {each["id"] for each in made}

    async def test_a_permission_that_is_taken_away(self, desk: Desk, sql: Callable[..., Any]) -> None:
        parent = await guardian(desk.world, desk.practice, desk.client_id, GrantPermission.APPOINTMENTS_VIEW)
        made = await desk.book()
        copy = await copied(parent)
        sql("UPDATE client_grant SET permissions = '{billing.pay}' WHERE account_id = %s", parent.account["id"])
        await caught_up(copy)
        assert copy.tombstones == [("appointment", made["id"])]
        assert copy.objects["profile"][desk.client_id]["permissions"] == ["billing.pay"]

    async def test_what_is_unshared_and_its_permission_go_together(self, world: World, sql: Callable[..., Any]) -> None:
        """Between two copies, so that neither is there to tell of the other."""
        shelf = await open_shelf(world)
        parent = await guardian(world, shelf.practice, shelf.client_id)
        shared, never = await shelf.put(shared=True), await shelf.put()
        copy = await copied(parent)
        await shelf.owner.post(f"/v1/documents/{shared['id']}/unshare")
        await shelf.owner.delete(f"/v1/documents/{never['id']}")
        sql("UPDATE client_grant SET permissions = '{billing.pay}' WHERE account_id = %s", parent.account["id"])
        await caught_up(copy)
        assert copy.tombstones == [("document", shared["id"])]

    async def test_what_becomes_confidential_is_a_tombstone(self, desk: Desk) -> None:
        """F6.B3."""
        parent, made = await guardian(desk.world, desk.practice, desk.client_id), await desk.book()
        copy = await copied(parent)
        await desk.owner.patch(f"/v1/appointments/{made['id']}", {"confidential": True})
        await caught_up(copy)
        assert copy.tombstones == [("appointment", made["id"])]
        await desk.owner.patch(f"/v1/appointments/{made['id']}", {"confidential": False})
        await caught_up(copy)
        assert made["id"] in copy.objects["appointment"]

    async def test_what_was_always_confidential_leaves_no_trace(self, desk: Desk, sql: Callable[..., Any]) -> None:
        """Not even as a tombstone, whatever happens to it, and not when the guardian goes."""
        parent = await guardian(desk.world, desk.practice, desk.client_id)
        copy = await copied(parent)
        kept = await desk.book(confidential=True)
        await copy.sync()
        await desk.done("reschedule", kept, starts_at="2031-03-04T12:00:00Z")
        await desk.owner.patch(f"/v1/appointments/{kept['id']}", {"confidential": True})
        await desk.done("cancel", kept)
        for _ in range(2):
            await caught_up(copy)
            assert copy.tombstones == []
        open_one = await desk.book(NOON + HOUR)
        await caught_up(copy)
        sql("UPDATE client_grant SET permissions = '{billing.pay}' WHERE account_id = %s", parent.account["id"])
        await caught_up(copy)
        assert copy.tombstones == [("appointment", open_one["id"])]

    async def test_who_acts_for_nobody_any_more_is_not_let_in(self, desk: Desk, sql: Callable[..., Any]) -> None:
        parent = await guardian(desk.world, desk.practice, desk.client_id)
        copy = await copied(parent)
        sql("UPDATE client_grant SET revoked_at = now() WHERE account_id = %s", parent.account["id"])
        response = await parent.get("/v1/sync", params={"cursor": copy.cursor})
        assert (response.status_code, response.json()["code"]) == (403, "no_portal_access")
