"""Who is told of what: by role, assignment, supervision and grant (F14.M3), and who is not."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from portal_api.core.access import Role
from portal_api.models.clients import Client
from portal_api.models.scheduling import AppointmentRequest
from portal_api.models.staff import Supervision
from tests.api.notifications.scene import Scene

HOUR = timedelta(hours=1)
SOON = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=3)
TO_ASSIGNED = ["onboarding.completed", "form.submitted", "document.uploaded", "insurance.added", "invitation.accepted"]
TO_SUPERVISORS = [
    "form.awaits_cosignature",
    "treatment_plan.signed",
    "form.signed",
    "document.declined",
    "treatment_plan.submitted_for_review",
]


class TestStaff:
    @pytest.mark.parametrize("type", TO_ASSIGNED)
    async def test_who_works_with_the_client_is_told(self, scene: Scene, type: str) -> None:
        stranger, _ = await scene.colleague(Role.PRACTITIONER)
        biller, _ = await scene.colleague(Role.BILLER, Role.SCHEDULER)
        await scene.happen(type, by=scene.client)
        assert await scene.types(scene.practitioner) == [type]
        for other in (stranger, biller, scene.owner):
            assert await scene.types(other) == []

    @pytest.mark.parametrize("type", TO_SUPERVISORS)
    async def test_so_is_who_supervises_them(self, scene: Scene, type: str) -> None:
        supervisor, supervisor_id = await scene.colleague(Role.SUPERVISOR)
        async with scene.house.session() as session:
            session.add(Supervision(supervisor_id=UUID(supervisor_id), supervised_id=UUID(scene.practitioner_id)))
        await scene.happen(type, by=scene.client)
        assert await scene.types(supervisor) == [type]
        assert await scene.types(scene.practitioner) == [type]
        await scene.happen("document.uploaded", by=scene.client)
        assert await scene.types(supervisor) == [type]

    async def test_of_a_safety_alert_supervisors_and_owners_hear_where_nobody_has_seen_to_it(
        self, scene: Scene
    ) -> None:
        """F8.B1: at once, and nobody switches it off."""
        supervisor, supervisor_id = await scene.colleague(Role.SUPERVISOR)
        async with scene.house.session() as session:
            session.add(Supervision(supervisor_id=UUID(supervisor_id), supervised_id=UUID(scene.practitioner_id)))
        await scene.happen("safety_alert.raised", by=scene.client)
        assert await scene.types(scene.practitioner) == ["safety_alert.raised"]
        assert await scene.types(supervisor) == await scene.types(scene.owner) == []
        await scene.happen("safety_alert.escalated")
        for told in (scene.practitioner, supervisor, scene.owner):
            assert (await scene.types(told))[0] == "safety_alert.escalated"
        assert len(await scene.mails(scene.practitioner)) == 2

    async def test_of_a_client_with_whom_nobody_works_owners_and_admins_hear(self, scene: Scene) -> None:
        admin, _ = await scene.colleague(Role.ADMIN)
        scene.sql("DELETE FROM client_assignment WHERE client_id = %s", scene.client_id)
        await scene.happen("onboarding.completed", by=scene.client)
        assert await scene.types(scene.owner) == ["onboarding.completed"]
        assert await scene.types(admin) == ["onboarding.completed"]
        assert await scene.types(scene.practitioner) == []

    async def test_who_has_left_is_told_no_more(self, scene: Scene) -> None:
        scene.sql("UPDATE staff_member SET state = 'suspended' WHERE id = %s", scene.practitioner_id)
        await scene.happen("document.uploaded", by=scene.client)
        rows = "SELECT count(*) FROM notification WHERE account_id = %s"
        await scene.settle()
        assert scene.sql(rows, scene.practitioner.account["id"]) == [(0,)]

    async def test_a_request_is_told_to_whose_time_it_is_and_who_keeps_the_calendars(self, scene: Scene) -> None:
        scheduler, _ = await scene.colleague(Role.SCHEDULER)
        house, service_id = scene.house, await scene.house.service()
        request_id = await house.request(UUID(scene.practitioner_id), service_id, UUID(scene.client_id), SOON)
        await scene.happen("appointment_request.created", by=scene.client, resource=("appointment_request", request_id))
        assert await scene.types(scene.practitioner) == ["appointment_request.created"]
        assert await scene.types(scheduler) == ["appointment_request.created"]
        assert await scene.types(scene.owner) == []
        assert len(await scene.mails(scene.practitioner)) == len(await scene.mails(scheduler)) == 1

    async def test_who_signed_up_is_told_to_owners_once_the_address_is_theirs(self, scene: Scene) -> None:
        prospect = await scene.house.prospect()
        (account_id,) = scene.sql("SELECT account_id FROM prospect WHERE id = %s", prospect)[0]
        await scene.happen("email.verified", resource=("account", account_id), clients=[])
        await scene.happen("email.verified", resource=("account", UUID(scene.client.account["id"])), clients=[])
        assert await scene.types(scene.owner) == ["email.verified"]
        assert await scene.types(scene.practitioner) == []


class TestOwnActions:
    @pytest.mark.parametrize("type", ["document.uploaded", "form.submitted", "onboarding.completed"])
    async def test_nobody_is_told_of_what_they_did_themselves(self, scene: Scene, type: str) -> None:
        await scene.happen(type, by=scene.practitioner)
        assert await scene.types(scene.practitioner) == []

    async def test_except_of_what_concerns_the_accounts_security(self, scene: Scene) -> None:
        resource = ("account", UUID(scene.client.account["id"]))
        await scene.happen("password.changed", by=scene.client, resource=resource, clients=[])
        assert await scene.types(scene.client) == ["password.changed"]
        assert "password" in (await scene.mails(scene.client))[0].subject.lower()


class TestTestClients:
    async def test_they_reach_nobody_on_the_staff(self, scene: Scene) -> None:
        """F16.M1"""
        await scene.run(update(Client).where(Client.id == UUID(scene.client_id)).values(is_test=True))
        for type in (*TO_ASSIGNED, *TO_SUPERVISORS):
            await scene.happen(type, by=scene.client)
        assert await scene.types(scene.practitioner) == []
        assert await scene.mails(scene.practitioner) == []

    async def test_but_their_own_login_is_told_as_any_other(self, scene: Scene) -> None:
        await scene.run(update(Client).where(Client.id == UUID(scene.client_id)).values(is_test=True))
        await scene.happen("document.shared", by=scene.owner)
        assert await scene.types(scene.client) == ["document.shared"]


class TestFamilies:
    @pytest.mark.parametrize(
        ("type", "permission"), [("form.assigned", "forms.complete"), ("document.shared", "documents.view")]
    )
    async def test_guardians_are_told_by_permission(self, scene: Scene, type: str, permission: str) -> None:
        """F6.M1"""
        may, may_not = await scene.guardian(permission), await scene.guardian("billing.view")
        await scene.happen(type, by=scene.owner)
        assert await scene.types(scene.client) == [type]
        assert await scene.types(may) == [type]
        assert await scene.types(may_not) == []

    async def test_what_is_confidential_is_told_to_the_client_alone(self, scene: Scene) -> None:
        """F6.B3"""
        parent = await scene.guardian("appointments.view")
        await scene.appointment(SOON, confidential=True)
        assert await scene.types(scene.client) == ["appointment.booked"]
        assert await scene.types(parent) == []
        await scene.appointment(SOON + timedelta(hours=2))
        assert await scene.types(parent) == ["appointment.booked"]

    async def test_what_is_not_there_any_more_is_kept_from_guardians(self, scene: Scene) -> None:
        parent = await scene.guardian("documents.view")
        gone = ("appointment_request", uuid4())
        await scene.happen("document.shared", by=scene.owner, resource=gone)
        assert await scene.types(parent) == []

    async def test_who_may_not_enter_the_portal_is_told_nothing(self, scene: Scene) -> None:
        await scene.run(update(Client).values(portal_state="suspended"))
        await scene.happen("document.shared", by=scene.owner)
        await scene.settle()
        assert scene.sql("SELECT count(*) FROM notification WHERE practice_id = %s", scene.practice.id) == [(0,)]


class TestGuardians:
    """What somebody may do for another is about access: nobody switches it off."""

    async def test_a_guardian_whose_access_has_ended_still_hears_of_that(self, scene: Scene) -> None:
        parent = await scene.guardian("documents.view")
        guardian_id = await scene.house.guardian_record(UUID(scene.client_id))
        scene.sql("UPDATE guardian SET account_id = %s WHERE id = %s", parent.account["id"], guardian_id)
        scene.sql("UPDATE client_grant SET revoked_at = now() WHERE account_id = %s", parent.account["id"])
        await scene.also_acts_for_another(parent)
        await scene.happen("guardian.access_ended", resource=("guardian", guardian_id))
        assert await scene.types(parent) == ["guardian.access_ended"]
        assert len(await scene.mails(parent)) == 1

    async def test_the_clients_own_login_hears_what_others_may_do(self, scene: Scene) -> None:
        parent = await scene.guardian("documents.view")
        await scene.happen("client.sharing_changed", by=scene.owner, resource=("client", UUID(scene.client_id)))
        assert await scene.types(scene.client) == ["client.sharing_changed"]
        assert await scene.types(parent) == []


class TestMessages:
    async def test_those_in_the_thread_are_told_and_who_has_read_it_is_not_mailed(self, scene: Scene) -> None:
        """F12.M6: at once, without content; "secure message if not logged in"."""
        await scene.owner.patch("/v1/practice/features", {"secure_messaging": True})
        body = {"client_id": scene.client_id, "subject": "A subject", "body": "What is written"}
        started = await scene.practitioner.post("/v1/threads", body)
        assert started.status_code == 201, started.text
        thread = started.json()
        (mail,) = await scene.mails(scene.client)
        assert "There is a new message" in mail.subject
        assert f"/messages/{thread['id']}" in mail.text
        assert "subject" not in mail.text.lower()
        assert "written" not in mail.text.lower()
        await scene.client.post(f"/v1/me/threads/{thread['id']}/messages", {"body": "An answer"})
        assert await scene.types(scene.practitioner) == ["message.sent"]
        await scene.practitioner.post(f"/v1/threads/{thread['id']}/messages", {"body": "And so on"})
        await scene.client.post(f"/v1/me/threads/{thread['id']}/read")
        assert len(await scene.mails(scene.client)) == 1


class TestAppointments:
    async def test_what_staff_book_move_and_cancel_is_mailed(self, scene: Scene) -> None:
        """F10.M8: when, on the client's clock; never what for, and nobody's name."""
        await scene.run(update(Client).values(time_zone="Asia/Kathmandu"))
        made = await scene.appointment(SOON)
        there = SOON + timedelta(hours=5, minutes=45)
        mail = (await scene.mails(scene.client))[0]
        assert "An appointment was booked" in mail.subject
        assert f"{there:%A}, {there.day} {there:%B %Y, %H:%M} (Asia/Kathmandu)" in " ".join(mail.text.split())
        assert f"/appointments/{made['id']}" in mail.text
        moved = (SOON + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        await scene.owner.post(f"/v1/appointments/{made['id']}/reschedule", {"starts_at": moved})
        assert "was moved" in (await scene.mails(scene.client))[0].subject
        await scene.owner.post(f"/v1/appointments/{made['id']}/cancel")
        assert "was cancelled" in (await scene.mails(scene.client))[0].subject
        assert len(await scene.mails(scene.client)) == 3

    async def test_a_client_without_a_login_is_reached_by_the_chart(self, scene: Scene) -> None:
        address = scene.world.email("chart")
        other = await scene.world.client(scene.owner, email=address)
        await scene.appointment(SOON, client_id=other["id"])
        assert "An appointment was booked" in (await scene.mails(address))[0].subject

    async def test_who_cancels_is_not_told_but_the_practitioner_at_once(self, scene: Scene) -> None:
        made = await scene.appointment(SOON)
        await scene.mails(scene.client)
        await scene.owner.patch("/v1/practice/features", {"appointment_cancellation": True})
        assert (await scene.client.post(f"/v1/me/appointments/{made['id']}/cancel")).status_code == 200
        assert "A client cancelled" in (await scene.mails(scene.practitioner))[0].subject
        assert len(await scene.mails(scene.client)) == 1

    async def test_a_booking_that_answers_a_request_is_told_once(self, scene: Scene) -> None:
        house, service_id = scene.house, await scene.house.service()
        request_id = await house.request(UUID(scene.practitioner_id), service_id, UUID(scene.client_id), SOON)
        await scene.run(asked_by(request_id, scene.client.account["id"]))
        accepted = await scene.practitioner.post(f"/v1/appointment-requests/{request_id}/accept")
        assert accepted.status_code == 200, accepted.text
        assert await scene.types(scene.client) == ["appointment_request.accepted"]
        assert len(await scene.mails(scene.client)) == 1

    async def test_of_what_lies_behind_nobody_is_told(self, scene: Scene) -> None:
        made = await scene.appointment(SOON)
        await scene.settle()
        scene.sql("DELETE FROM notification WHERE practice_id = %s", scene.practice.id)
        past = datetime.now(UTC) - timedelta(days=1)
        scene.sql("UPDATE appointment SET starts_at = %s, ends_at = %s WHERE id = %s", past, past + HOUR, made["id"])
        await scene.owner.post(f"/v1/appointments/{made['id']}/cancel")
        assert await scene.types(scene.client) == []

    async def test_only_a_change_of_place_is_told_of_an_update(self, scene: Scene) -> None:
        made = await scene.appointment(SOON)
        await scene.owner.patch(f"/v1/appointments/{made['id']}", {"note": "Ring twice."})
        assert await scene.types(scene.client) == ["appointment.booked"]
        changed = await scene.owner.patch(f"/v1/appointments/{made['id']}", {"mode": "in_person"})
        assert changed.status_code == 200, changed.text
        assert await scene.types(scene.client) == ["appointment.updated", "appointment.booked"]

    async def test_one_that_is_off_again_before_the_mail_is_told_as_cancelled(self, scene: Scene) -> None:
        made = await scene.appointment(SOON)
        await scene.owner.post(f"/v1/appointments/{made['id']}/cancel")
        mails = await scene.mails(scene.client)
        assert ["was cancelled" in mail.subject for mail in mails] == [True]


def asked_by(request_id: UUID, account_id: str) -> object:
    asked = {"account_id": UUID(account_id), "requested_at": datetime.now(UTC)}
    return update(AppointmentRequest).where(AppointmentRequest.id == request_id).values(**asked)
