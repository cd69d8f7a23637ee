"""Reminders: chosen by the practice, planned by a sweep, sent once each through the real queue and a real mail server.

Time is moved in the database: what would be due in an hour is made due now.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from dirty_equals import IsPartialDict
from sqlalchemy import update

from portal_api.core.access import Role
from portal_api.core.db import Binding
from portal_api.integrations.mail import SmtpMailer, StoredMail
from portal_api.jobs import JobContext
from portal_api.jobs.reminders import plan, send, sweep
from portal_api.models.auth import Account
from portal_api.models.clients import Client, ClientGrant
from portal_api.services.notifications import reminders
from tests.api.scheduling.desk import DAY, HOUR, MINUTE, Desk, instant, open_desk, soon
from tests.mail.conftest import Replies, serving
from tests.people import colleague, grant
from tests.world import Caller, World

SETTINGS = "/v1/practice/reminders"
Sql = Callable[..., list[Any]]


@dataclass
class Office:
    desk: Desk
    sql: Sql
    address: str
    """The client's, from the chart."""

    @property
    def practice_id(self) -> UUID:
        return UUID(self.desk.practice.id)

    @property
    def jobs(self) -> JobContext:
        return self.desk.world.jobs

    async def choose(self, *offsets: int, quiet: dict[str, str] | None = None) -> None:
        answer = await self.desk.owner.patch(SETTINGS, {"offsets_minutes": list(offsets), "quiet_hours": quiet})
        assert answer.status_code == 200, answer.text

    async def book(self, at: datetime, **fields: Any) -> dict[str, Any]:
        return await self.desk.book(at, **fields)

    async def plan(self) -> None:
        await plan(self.jobs, self.practice_id)

    def long_ago(self) -> None:
        """Everything that was decided was decided a week ago."""
        for table in ("appointment", "service", "reminder_settings"):
            self.sql(
                f"UPDATE {table} SET updated_at = now() - interval '7 days' WHERE practice_id = %s", self.practice_id
            )

    def due(self) -> None:
        """What is planned is due now."""
        self.sql("UPDATE reminder SET due_at = now() WHERE practice_id = %s AND state = 'planned'", self.practice_id)
        self.sql(
            "UPDATE procrastinate_jobs SET scheduled_at = now()"
            " WHERE task_name = 'reminders.send' AND args ->> 'practice_id' = %s",
            str(self.practice_id),
        )

    async def deliver(self) -> list[StoredMail]:
        """Plan, let the time come, and run the workers; the reminders that the client has by then."""
        await self.plan()
        self.due()
        return await self.mails()

    async def mails(self, to: str | None = None) -> list[StoredMail]:
        mails = await self.desk.world.mails(to or self.address)
        return [mail for mail in mails if mail.subject.startswith("Reminder of your appointment")]

    async def log(self, appointment: dict[str, Any]) -> list[dict[str, Any]]:
        answer = await self.desk.owner.get(f"/v1/appointments/{appointment['id']}/reminders")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def states(self, appointment: dict[str, Any]) -> list[tuple[int, str, str | None]]:
        rows = await self.log(appointment)
        return sorted((row["offset_minutes"], row["state"], row["reason"]) for row in rows)

    async def run(self, statement: Any) -> None:
        async with self.desk.world.tools.database.session(Binding.system(self.practice_id)) as session:
            await session.execute(statement)

    async def guardian(self, *permissions: str, client_id: str | None = None) -> tuple[Caller, str]:
        caller = await self.desk.portal(client_id, relationship="parent", permissions=permissions)
        await self.run(update(Account).where(Account.id == UUID(caller.account["id"])).values(email_verified_at=soon()))
        return caller, caller.account["email"]


@pytest.fixture
async def office(world: World, sql: Sql) -> Office:
    desk = await open_desk(world)
    address = world.email("reminded")
    changed = await desk.owner.patch(f"/v1/clients/{desk.client_id}", {"email": address, "time_zone": "Asia/Kathmandu"})
    assert changed.status_code == 200, changed.text
    office = Office(desk, sql, address)
    await office.choose(60)
    return office


class TestChoosing:
    async def test_nobody_is_reminded_until_the_practice_chooses_to(self, world: World, sql: Sql) -> None:
        desk = await open_desk(world)
        assert (await desk.owner.get(SETTINGS)).json() == {
            "offsets_minutes": [],
            "quiet_hours": {"start": "21:00", "end": "08:00"},
            "updated_at": None,
            "version": 0,
        }
        office = Office(desk, sql, "")
        appointment = await office.book(soon(minutes=70))
        await office.plan()
        assert await office.log(appointment) == []

    async def test_offsets_and_quiet_hours_are_set_apart(self, office: Office) -> None:
        owner = office.desk.owner
        first = await owner.patch(SETTINGS, {"offsets_minutes": [60, 1440, 60]})
        assert first.json() == IsPartialDict(offsets_minutes=[1440, 60], quiet_hours=None)
        second = await owner.patch(SETTINGS, {"quiet_hours": {"start": "22:00", "end": "07:30"}})
        assert second.json() == IsPartialDict(
            offsets_minutes=[1440, 60], quiet_hours={"start": "22:00", "end": "07:30"}
        )
        stale = await owner.patch(SETTINGS, {"offsets_minutes": []}, headers={"If-Match": first.headers["etag"]})
        assert (stale.status_code, stale.json()["current"]["version"]) == (412, second.json()["version"])

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"offsets_minutes": None}, "/offsets_minutes"),
            ({"offsets_minutes": [4]}, "/offsets_minutes/0"),
            ({"offsets_minutes": [43201]}, "/offsets_minutes/0"),
            ({"offsets_minutes": list(range(10, 21))}, "/offsets_minutes"),
            ({"quiet_hours": {"start": "22:00", "end": "22:00"}}, "/quiet_hours"),
            ({"quiet_hours": {"start": "24:00", "end": "07:00"}}, "/quiet_hours/start"),
        ],
    )
    async def test_what_makes_no_sense_is_refused(self, office: Office, body: Any, pointer: str) -> None:
        answer = await office.desk.owner.patch(SETTINGS, body)
        assert answer.status_code == 422
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]

    async def test_a_service_may_have_its_own(self, office: Office) -> None:
        own = await office.desk.add_service(reminder_offsets_minutes=[30])
        none = await office.desk.add_service(reminder_offsets_minutes=[])
        made = [
            await office.book(soon(minutes=80 + 70 * n), service_id=service)
            for n, service in enumerate((office.desk.service_id, own, none))
        ]
        await office.plan()
        assert [await office.states(each) for each in made[:2]] == [[(60, "planned", None)], []]
        office.sql("UPDATE appointment SET starts_at = starts_at - interval '30 minutes' WHERE id = %s", made[1]["id"])
        await office.plan()
        assert [await office.states(each) for each in made[1:]] == [[(30, "planned", None)], []]


class TestSending:
    async def test_a_reminder_says_when_on_the_clients_clock_and_nothing_else(self, office: Office) -> None:
        """F10.M10"""
        starts_at = soon(minutes=75)
        appointment = await office.book(starts_at)
        (mail,) = await office.deliver()
        there = starts_at + timedelta(hours=5, minutes=45)
        assert f"{there:%A}, {there.day} {there:%B %Y}, {there:%H:%M} (Asia/Kathmandu)" in mail.text.replace("\n", " ")
        assert f"/appointments/{appointment['id']}" in mail.text
        assert mail.text.count("https://") == 1
        assert "https://h-" in mail.text, "from PORTAL_APP_URL"
        for told in ("Grace", "Client", "Ada", "Session"):
            assert told not in f"{mail.subject} {mail.text} {mail.html}"
        assert await office.states(appointment) == [(60, "sent", None)]

    async def test_it_is_due_so_long_before_and_planned_two_hours_ahead(self, office: Office) -> None:
        await office.choose(1440, 60)
        near, far = await office.book(soon(minutes=100)), await office.book(soon(days=1, minutes=100))
        later = await office.book(soon(days=1, hours=4))
        await office.plan()
        assert [row["due_at"] for row in await office.log(far)] == [instant(_start(far) - DAY)]
        assert await office.states(near) == [(60, "planned", None), (1440, "dropped", "booked_later")]
        assert await office.log(later) == []
        queued = office.sql(
            "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'reminders.send'"
            " AND args ->> 'practice_id' = %s ORDER BY 1",
            str(office.practice_id),
        )
        assert [at for (at,) in queued] == [_start(near) - HOUR, _start(far) - DAY]
        assert await office.mails() == [], "not before it is due"

    async def test_one_that_was_missed_is_sent_late_and_of_several_the_nearest(self, office: Office) -> None:
        await office.choose(1440, 60)
        appointment = await office.book(soon(minutes=30))
        office.long_ago()
        assert len(await office.deliver()) == 1
        assert await office.states(appointment) == [(60, "sent", None), (1440, "dropped", "overtaken")]

    async def test_who_books_at_short_notice_is_not_reminded_of_what_they_just_did(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=30))
        assert await office.deliver() == []
        assert await office.states(appointment) == [(60, "dropped", "booked_later")]

    async def test_a_practice_that_starts_to_remind_sends_nothing_for_moments_that_are_over(
        self, office: Office
    ) -> None:
        await office.book(soon(minutes=30))
        office.long_ago()
        await office.choose(45)
        assert await office.deliver() == []

    async def test_an_address_refused_for_good_bounces_and_is_not_tried_again(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        office.due()
        await deliver_by(office, Replies(rcpt="550 5.1.1 no such user"))
        assert await office.states(appointment) == [(60, "bounced", None)]
        assert await office.deliver() == []

    async def test_a_server_that_is_busy_is_tried_again(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        office.due()
        await deliver_by(office, Replies(rcpt="450 4.2.1 try later"))
        assert await office.states(appointment) == [(60, "planned", None)]
        assert len(await office.deliver()) == 1


class TestOnce:
    async def test_however_often_it_is_planned(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await asyncio.gather(*(office.plan() for _ in range(5)))
        assert len(await office.log(appointment)) == 1
        assert len(await office.deliver()) == 1
        assert len(await office.deliver()) == 1

    async def test_however_many_workers_send_it(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        (row,) = await office.log(appointment)
        context, replies = office.jobs, Replies()
        async with serving(replies) as url:
            slow = JobContext(context.tools, SmtpMailer(url, "no-reply@portal.invalid"))
            sending = (send(slow, office.practice_id, UUID(row["id"])) for _ in range(6))
            ended = await asyncio.gather(*sending, return_exceptions=True)
        assert len(replies.envelopes) == 1
        assert {type(end).__name__ for end in ended} <= {"NoneType", "JobFailed"}
        assert await office.states(appointment) == [(60, "sent", None)]

    async def test_a_lost_job_is_made_good(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=50))
        office.long_ago()
        await office.plan()
        office.sql("DELETE FROM procrastinate_jobs WHERE task_name = 'reminders.send'")
        assert await office.mails() == []
        office.sql(
            "UPDATE reminder SET due_at = now() - interval '6 minutes' WHERE appointment_id = %s", appointment["id"]
        )
        await office.plan()
        await office.plan()
        assert len(await office.mails()) == 1

    async def test_a_worker_that_died_over_it_is_waited_for_and_then_replaced(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        (row,) = await office.log(appointment)
        async with office.desk.world.tools.database.session(Binding.system(office.practice_id)) as session:
            assert await reminders.begin(session, UUID(row["id"])) is not None
        office.due()
        assert await office.mails() == []
        assert await office.states(appointment) == [(60, "sending", None)]
        office.sql("UPDATE reminder SET attempted_at = now() - interval '4 minutes' WHERE id = %s", row["id"])
        office.due()
        assert len(await office.mails()) == 1

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows  # the sweep asks which practices there are
    async def test_the_sweep_plans_for_practices_that_remind(self, office: Office) -> None:
        await office.book(soon(minutes=75))
        await sweep(office.jobs)
        await office.desk.world.run_jobs()
        office.due()
        assert len(await office.mails()) == 1


class TestChanges:
    async def test_none_after_cancellation(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        await office.desk.done("cancel", appointment)
        assert await office.deliver() == []
        assert await office.states(appointment) == [(60, "dropped", "not_booked")]

    async def test_it_moves_with_the_appointment(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        moved = soon(hours=26)
        await office.desk.done("reschedule", appointment, starts_at=instant(moved))
        assert await office.deliver() == []
        assert await office.log(appointment) == []
        office.sql(
            "UPDATE appointment SET starts_at = %s, ends_at = %s WHERE id = %s",
            soon(minutes=80),
            soon(minutes=130),
            appointment["id"],
        )
        assert len(await office.deliver()) == 1

    async def test_one_that_was_sent_is_followed_by_one_for_the_new_time(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        assert len(await office.deliver()) == 1
        await office.desk.done("reschedule", appointment, starts_at=instant(soon(minutes=150)))
        assert len(await office.deliver()) == 2
        assert await office.states(appointment) == [(60, "sent", None)] * 2

    async def test_back_at_the_old_time_it_is_sent_for_that(self, office: Office) -> None:
        first = soon(minutes=100)
        appointment = await office.book(first)
        await office.plan()
        await office.desk.done("reschedule", appointment, starts_at=instant(soon(minutes=170)))
        await office.plan()
        await office.desk.done("reschedule", appointment, starts_at=instant(first))
        office.due()
        assert len(await office.mails()) == 1
        assert [row for row in await office.states(appointment) if row[1] == "sent"] == [(60, "sent", None)]

    async def test_none_once_it_has_begun(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        office.sql(
            "WITH moved AS (UPDATE appointment SET starts_at = now() - interval '1 minute' WHERE id = %s"
            " RETURNING id, starts_at) UPDATE reminder r SET starts_at = moved.starts_at FROM moved"
            " WHERE r.appointment_id = moved.id",
            appointment["id"],
        )
        assert await office.deliver() == []
        assert await office.states(appointment) == [(60, "dropped", "started")]

    async def test_none_while_the_portal_is_off(self, office: Office) -> None:
        """F1.M2"""
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        await office.desk.owner.post("/v1/practice/portal/disable")
        assert await office.deliver() == []
        assert await office.states(appointment) == [(60, "dropped", "portal_off")]


class TestQuietHours:
    async def test_a_late_one_waits_for_their_end(self, office: Office) -> None:
        appointment = await office.book(soon(hours=8))
        await office.choose(470)
        await office.plan()
        now = datetime.now(UTC) + timedelta(hours=5, minutes=45)
        quiet = {"start": f"{now - HOUR:%H:%M}", "end": f"{now + HOUR:%H:%M}"}
        await office.desk.owner.patch(SETTINGS, {"quiet_hours": quiet})
        office.due()
        assert await office.mails() == []
        (row,) = await office.log(appointment)
        assert (row["state"], row["due_at"][14:16]) == ("planned", f"{now + HOUR + 15 * MINUTE:%M}")
        assert datetime.fromisoformat(row["due_at"]) > datetime.now(UTC) + 50 * MINUTE
        await office.desk.owner.patch(SETTINGS, {"quiet_hours": None})
        office.due()
        assert len(await office.mails()) == 1

    async def test_one_that_would_come_too_late_is_dropped(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        now = datetime.now(UTC) + timedelta(hours=5, minutes=45)
        quiet = {"start": f"{now - HOUR:%H:%M}", "end": f"{now + 3 * HOUR:%H:%M}"}
        await office.desk.owner.patch(SETTINGS, {"quiet_hours": quiet})
        office.due()
        assert await office.mails() == []
        assert await office.states(appointment) == [(60, "dropped", "quiet_hours")]

    async def test_they_move_what_is_planned(self, office: Office) -> None:
        """The rule itself is tried in tests/rules/test_reminder_times.py."""
        starts_at = soon(minutes=105)
        there = starts_at - HOUR + timedelta(hours=5, minutes=45)
        await office.choose(60, quiet={"start": f"{there - 5 * MINUTE:%H:%M}", "end": f"{there + 10 * MINUTE:%H:%M}"})
        appointment = await office.book(starts_at)
        await office.plan()
        assert [row["due_at"] for row in await office.log(appointment)] == [instant(starts_at - 50 * MINUTE)]


class TestRecipients:
    async def test_guardians_with_the_permission_get_theirs(self, office: Office) -> None:
        """F6.M1"""
        _, sees = await office.guardian("appointments.view")
        _, does_not = await office.guardian("documents.view")
        appointment = await office.book(soon(minutes=75))
        assert len(await office.deliver()) == 1
        assert len(await office.mails(sees)) == 1
        assert await office.mails(does_not) == []
        found = {row["recipient"] for row in await office.log(appointment)}
        assert found == {"client", "guardian"}

    async def test_a_guardian_of_both_children_who_come_gets_one(self, office: Office) -> None:
        caller, sees = await office.guardian("appointments.view")
        sibling = await office.desk.add_client()
        await grant(
            office.desk.world, office.desk.practice, caller.account["id"], sibling, "parent", ("appointments.view",)
        )
        await office.book(soon(minutes=75), additional_client_ids=[sibling])
        await office.deliver()
        assert len(await office.mails(sees)) == 1

    async def test_a_grant_that_ended_meanwhile_ends_the_reminder(self, office: Office) -> None:
        caller, sees = await office.guardian("appointments.view")
        await office.book(soon(minutes=75))
        await office.plan()
        mine = ClientGrant.account_id == UUID(caller.account["id"])
        await office.run(update(ClientGrant).where(mine).values(valid_to=datetime.now(UTC) - HOUR))
        office.due()
        assert await office.mails(sees) == []

    async def test_the_own_logins_address_goes_before_the_charts(self, office: Office) -> None:
        login = await office.desk.portal()
        await office.run(
            update(Account).where(Account.id == UUID(login.account["id"])).values(email_verified_at=datetime.now(UTC))
        )
        await office.book(soon(minutes=75))
        assert await office.deliver() == []
        assert len(await office.mails(login.account["email"])) == 1

    async def test_an_address_that_nobody_has_shown_to_be_right_is_not_used(self, office: Office) -> None:
        login = await office.desk.portal()
        await office.book(soon(minutes=75))
        assert len(await office.deliver()) == 1
        assert await office.mails(login.account["email"]) == []

    async def test_who_has_no_address_gets_none(self, office: Office) -> None:
        await office.run(update(Client).values(email=None))
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        assert await office.log(appointment) == []


class TestPreferences:
    async def test_a_client_says_so_themselves(self, office: Office) -> None:
        """F14.M5"""
        login = await office.desk.portal()
        await office.run(
            update(Account).where(Account.id == UUID(login.account["id"])).values(email_verified_at=datetime.now(UTC))
        )
        assert (await login.get("/v1/me/reminders")).json() == {"channels": ["email"]}
        assert (await login.put("/v1/me/reminders", {"channels": []})).json() == {"channels": []}
        assert (await login.get("/v1/me/reminders")).json() == {"channels": []}
        await office.book(soon(minutes=75))
        await office.deliver()
        assert await office.mails(login.account["email"]) == []

    async def test_staff_write_down_what_they_were_told(self, office: Office) -> None:
        path = f"/v1/clients/{office.desk.client_id}/reminders"
        assert (await office.desk.owner.put(path, {"channels": []})).json() == {"channels": []}
        await office.book(soon(minutes=75))
        assert await office.deliver() == []
        assert (await office.desk.owner.put(path, {"channels": ["email"]})).status_code == 200
        assert len(await office.deliver()) == 1

    async def test_a_change_of_mind_counts_until_it_is_sent(self, office: Office) -> None:
        appointment = await office.book(soon(minutes=75))
        await office.plan()
        await office.desk.owner.put(f"/v1/clients/{office.desk.client_id}/reminders", {"channels": []})
        office.due()
        assert await office.mails() == []
        assert await office.states(appointment) == [(60, "dropped", "unwanted")]

    async def test_unknown_channels_are_refused_and_staff_have_no_reminders(self, office: Office) -> None:
        path = f"/v1/clients/{office.desk.client_id}/reminders"
        assert (await office.desk.owner.put(path, {"channels": ["pigeon"]})).status_code == 422
        assert (await office.desk.owner.get("/v1/me/reminders")).status_code == 403
        stranger, _ = await colleague(office.desk.world, office.desk.practice, Role.PRACTITIONER)
        assert (await stranger.get(path)).status_code == 404


async def deliver_by(office: Office, replies: Replies) -> None:
    """Let workers deliver through a mail server that answers as told."""
    tools = office.desk.world.tools
    async with serving(replies) as url:
        context = JobContext(tools, SmtpMailer(url, tools.settings.mail_from))
        dsn = office.desk.world.worker_dsn
        await tools.queue.run_worker(dsn, context, concurrency=1, stop=asyncio.Event(), wait=False)


def _start(appointment: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(appointment["starts_at"])
