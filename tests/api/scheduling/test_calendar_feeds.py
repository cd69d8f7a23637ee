"""Appointments in other calendars: one at a time, and as a feed behind a secret link."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
import vobject
from fastapi import FastAPI
from sqlalchemy import select, update

from portal_api.core.access import GrantPermission, Role
from portal_api.core.ids import new_id
from portal_api.models.audit import Event
from portal_api.models.auth import Account
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import Appointment, AppointmentAttendee, CalendarFeed, Location
from portal_api.models.staff import StaffMember
from tests.cast import House, build
from tests.world import Caller

HOUR = timedelta(hours=1)
SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)
VIEW = GrantPermission.APPOINTMENTS_VIEW.value
FEED = "/v1/me/calendar-feed"


def parsed(text: str) -> Any:
    """Read by a library that did not write it; folded lines, escapes and required properties are checked on the way."""
    assert "\r\n" in text
    assert not re.search(r"[^\r]\n", text)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    calendar = vobject.readOne(text)
    calendar.validate(raiseException=True)
    return calendar


def events(text: str) -> list[Any]:
    return list(parsed(text).contents.get("vevent", []))


@dataclass
class Desk:
    """A practitioner with a client who signs in, and an appointment of theirs."""

    house: House
    practitioner_id: UUID
    practitioner: Caller
    service_id: UUID
    client_id: UUID
    client: Caller

    async def book(self, at: datetime = SOON, client_id: UUID | None = None) -> UUID:
        return await self.house.appointment(self.practitioner_id, self.service_id, client_id or self.client_id, at)

    async def change(self, appointment_id: UUID, change: Any) -> None:
        async with self.house.session() as session:
            found = await session.execute(select(Appointment).where(Appointment.id == appointment_id))
            change(found.scalar_one())

    async def run(self, statement: Any) -> None:
        async with self.house.session() as session:
            await session.execute(statement)

    async def link(self, caller: Caller, **body: Any) -> str:
        made = await caller.post(FEED, body)
        assert made.status_code == 201, made.text
        url: str = made.json()["url"]
        assert url.startswith("http://portal.test/v1/calendar-feeds/")
        return url

    async def read(self, url: str, **headers: str) -> httpx.Response:
        return await self.house.http.get(url, headers=headers)


@pytest.fixture
async def desk(app: FastAPI, http: httpx.AsyncClient) -> Desk:
    house = await build(app, http)
    practitioner_id, practitioner = await house.staff(Role.PRACTITIONER)
    client_id, client = await house.client_login()
    service_id = await house.service(name="Trauma therapy", duration_minutes=50)
    return Desk(house, practitioner_id, practitioner, service_id, client_id, client)


class TestOneAppointment:
    async def test_staff_take_it_out_with_initials_and_nothing_of_what_it_is_for(self, desk: Desk) -> None:
        """F10.M9"""
        at = await desk.book()
        answer = await desk.practitioner.get(f"/v1/appointments/{at}/ics")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8; method=PUBLISH"
        assert answer.headers["content-disposition"] == 'attachment; filename="appointment.ics"'
        calendar = parsed(answer.text)
        entry = calendar.vevent
        assert calendar.method.value == "PUBLISH"
        assert (entry.summary.value, entry.status.value, entry.sequence.value) == ("G. C.", "CONFIRMED", "0")
        assert (entry.dtstart.value, entry.dtend.value) == (SOON, SOON + timedelta(minutes=50))
        for told in ("Grace", "Client", "Trauma", "therapy", "grace@"):
            assert told not in answer.text

    async def test_a_client_takes_out_their_own_with_a_link_into_the_portal(self, desk: Desk) -> None:
        at = await desk.book()
        answer = await desk.client.get(f"/v1/me/appointments/{at}/ics")
        entry = parsed(answer.text).vevent
        assert entry.summary.value == "Appointment with A. H."
        assert re.fullmatch(rf"https://harbor-\w+\.portal\.test/appointments/{at}", entry.url.value)
        assert "Trauma" not in answer.text

    async def test_the_uid_stays_and_the_sequence_grows(self, desk: Desk) -> None:
        at = await desk.book()
        before = parsed((await desk.client.get(f"/v1/me/appointments/{at}/ics")).text).vevent
        await desk.change(at, lambda found: found.reschedule(SOON + HOUR, SOON + 2 * HOUR))
        moved = parsed((await desk.client.get(f"/v1/me/appointments/{at}/ics")).text).vevent
        assert (moved.uid.value, moved.dtstart.value) == (before.uid.value, SOON + HOUR)
        assert int(moved.sequence.value) > int(before.sequence.value)
        assert moved.last_modified.value >= before.last_modified.value

    @pytest.mark.parametrize("late", [False, True])
    async def test_a_cancelled_one_is_its_cancellation(self, desk: Desk, late: bool) -> None:
        """RFC 5546 section 3.2.5."""
        at = await desk.book()
        before = parsed((await desk.client.get(f"/v1/me/appointments/{at}/ics")).text).vevent
        await desk.change(at, lambda found: found.cancel(SOON, None, "staff", late=late, reason="feels worse"))
        answer = await desk.client.get(f"/v1/me/appointments/{at}/ics")
        calendar = parsed(answer.text)
        assert answer.headers["content-type"].endswith("method=CANCEL")
        assert (calendar.method.value, calendar.vevent.status.value) == ("CANCEL", "CANCELLED")
        assert calendar.vevent.uid.value == before.uid.value
        assert int(calendar.vevent.sequence.value) > int(before.sequence.value)
        assert "worse" not in answer.text

    async def test_a_place_comes_with_its_address_unless_that_is_hidden(self, desk: Desk) -> None:
        at, location_id = await desk.book(), await desk.house.location()
        address = {"line1": "5, Pier Street; left", "line2": None, "city": "Salem", "region": "MA", "postal_code": "0"}
        await desk.run(update(Location).values(address=address, name="Quay\\House"))
        await desk.run(update(Appointment).values(location_id=location_id, mode="in_person"))
        entry = parsed((await desk.client.get(f"/v1/me/appointments/{at}/ics")).text).vevent
        assert entry.location.value == "Quay\\House, 5, Pier Street; left, 0, Salem, MA"
        await desk.run(update(Location).values(hide_address=True))
        entry = parsed((await desk.client.get(f"/v1/me/appointments/{at}/ics")).text).vevent
        assert entry.location.value == "Quay\\House"

    async def test_only_who_sees_the_calendar_sees_it(self, desk: Desk) -> None:
        at = await desk.book()
        answers = {}
        for role in (Role.OWNER, Role.SCHEDULER, Role.BILLER, Role.PRACTITIONER, Role.SUPERVISOR, Role.FORMS_ADMIN):
            _, caller = await desk.house.staff(role)
            answers[role] = (await caller.get(f"/v1/appointments/{at}/ics")).status_code
        _, other = await desk.house.client_login()
        assert answers == {
            Role.OWNER: 200,
            Role.SCHEDULER: 200,
            Role.BILLER: 200,
            Role.PRACTITIONER: 404,
            Role.SUPERVISOR: 404,
            Role.FORMS_ADMIN: 403,
        }
        assert (await other.get(f"/v1/me/appointments/{at}/ics")).status_code == 404

    async def test_a_guardian_sees_it_with_the_permission_alone(self, desk: Desk) -> None:
        """F6.M1"""
        at = await desk.book()
        sees, _ = await guardian(desk, VIEW)
        does_not, _ = await guardian(desk, GrantPermission.DOCUMENTS_VIEW.value)
        assert (await sees.get(f"/v1/me/appointments/{at}/ics")).status_code == 200
        assert (await does_not.get(f"/v1/me/appointments/{at}/ics")).status_code == 404


class TestLink:
    async def test_it_is_shown_once_and_kept_as_a_hash(self, desk: Desk) -> None:
        """A03: nothing that is stored opens anything."""
        before = (await desk.client.get(FEED)).json()
        assert before == {
            "active": False,
            "privacy": "initials",
            "created_at": None,
            "updated_at": None,
            "version": 0,
        }
        url = await desk.link(desk.client)
        after = await desk.client.get(FEED)
        assert (after.json()["active"], after.json()["privacy"]) == (True, "initials")
        secret = url.rpartition("/")[2].removesuffix(".ics")
        assert secret not in after.text
        assert secret.partition(".")[0] == desk.house.id.hex
        async with desk.house.session() as session:
            feed = (await session.execute(select(CalendarFeed))).scalar_one()
        assert secret.encode() not in feed.secret_hash

    async def test_a_new_one_ends_the_old_one_and_a_deleted_one_opens_nothing(self, desk: Desk) -> None:
        old = await desk.link(desk.practitioner)
        new = await desk.link(desk.practitioner)
        assert [(await desk.read(url)).status_code for url in (old, new)] == [404, 200]
        assert (await desk.practitioner.delete(FEED)).status_code == 204
        assert (await desk.practitioner.delete(FEED)).status_code == 204
        assert (await desk.read(new)).status_code == 404
        assert (await desk.practitioner.get(FEED)).json()["active"] is False
        types = await types_of(desk)
        assert [t for t in types if t.startswith("calendar_feed.") and t != "calendar_feed.read"] == [
            "calendar_feed.created",
            "calendar_feed.rotated",
            "calendar_feed.removed",
        ]

    async def test_privacy_is_kept_over_a_new_link_and_changed_without_one(self, desk: Desk) -> None:
        await desk.link(desk.practitioner, privacy="none")
        await desk.link(desk.practitioner)
        made = await desk.practitioner.get(FEED)
        assert made.json()["privacy"] == "none"
        changed = await desk.practitioner.patch(
            FEED, {"privacy": "full_name"}, headers={"If-Match": made.headers["etag"]}
        )
        assert changed.json()["privacy"] == "full_name"
        stale = await desk.practitioner.patch(FEED, {"privacy": "none"}, headers={"If-Match": made.headers["etag"]})
        assert (stale.status_code, stale.json()["current"]["privacy"]) == (412, "full_name")
        assert (await desk.practitioner.patch(FEED, {"privacy": None})).json()["errors"][0]["pointer"] == "/privacy"
        assert (await desk.practitioner.patch(FEED, {"privacy": "diagnosis"})).status_code == 422

    async def test_two_at_once_leave_one_that_works(self, desk: Desk) -> None:
        urls = await asyncio.gather(*(desk.link(desk.client) for _ in range(4)))
        found = sorted([(await desk.read(url)).status_code for url in urls])
        assert found == [200, 404, 404, 404]


class TestStaffFeed:
    async def test_it_is_the_own_calendar(self, desk: Desk) -> None:
        mine = [await desk.book(SOON + n * HOUR) for n in range(3)]
        colleague = await desk.house.member(await desk.house.account("staff"))
        await desk.house.appointment(colleague, desk.service_id, desk.client_id, SOON)
        answer = await desk.read(await desk.link(desk.practitioner))
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert parsed(answer.text).method.value == "PUBLISH"
        assert {event.uid.value for event in events(answer.text)} == {await uid(desk, at) for at in mine}

    @pytest.mark.parametrize(
        ("privacy", "summary"),
        [("none", "Appointment"), ("initials", "G. C."), ("first_name", "Gracie"), ("full_name", "Gracie Client")],
    )
    async def test_it_says_as_much_of_names_as_was_chosen(self, desk: Desk, privacy: str, summary: str) -> None:
        await desk.book()
        await desk.run(update(Client).values(preferred_name="Gracie"))
        answer = await desk.read(await desk.link(desk.practitioner, privacy=privacy))
        assert [event.summary.value for event in events(answer.text)] == [summary]
        assert "Trauma" not in answer.text

    async def test_a_couple_is_one_entry(self, desk: Desk) -> None:
        at, partner = await desk.book(), await desk.house.client()
        await desk.run(update(Client).where(Client.id == partner).values(given_name="Émile", family_name="Zola"))
        await desk.run(update(Appointment).values(client_ids=[desk.client_id, partner]))
        answer = await desk.read(await desk.link(desk.practitioner))
        assert [event.summary.value for event in events(answer.text)] == ["G. C. & É. Z."]
        assert [event.uid.value for event in events(answer.text)] == [await uid(desk, at)]

    async def test_a_cancelled_one_stays_as_cancelled_and_takes_no_time(self, desk: Desk) -> None:
        at = await desk.book()
        await desk.change(at, lambda found: found.cancel(SOON, None, "client", late=True, reason=None))
        (entry,) = events((await desk.read(await desk.link(desk.practitioner))).text)
        assert (entry.status.value, entry.transp.value, entry.sequence.value) == ("CANCELLED", "TRANSPARENT", "1")

    async def test_it_reaches_from_three_months_ago_to_a_year_ahead(self, desk: Desk) -> None:
        days = (-91, -89, 365, 367)
        made = [await desk.book(SOON - timedelta(days=3) + timedelta(days=day)) for day in days]
        found = {event.uid.value for event in events((await desk.read(await desk.link(desk.practitioner))).text)}
        assert found == {await uid(desk, at) for at in made[1:3]}

    async def test_it_ends_with_the_holders_access_and_does_not_come_back(self, desk: Desk) -> None:
        _, owner = await desk.house.staff(Role.OWNER)
        url = await desk.link(desk.practitioner)
        staff = f"/v1/practice/staff/{desk.practitioner_id}"
        assert (await desk.read(url)).status_code == 200
        assert (await owner.post(f"{staff}/suspend")).status_code == 200
        assert (await desk.read(url)).status_code == 404
        assert (await owner.post(f"{staff}/restore")).status_code == 200
        assert (await desk.read(url)).status_code == 404

    async def test_it_ends_when_somebody_leaves(self, desk: Desk) -> None:
        _, owner = await desk.house.staff(Role.OWNER)
        url = await desk.link(desk.practitioner)
        answer = await owner.delete(f"/v1/practice/staff/{desk.practitioner_id}")
        assert answer.status_code == 204, answer.text
        assert (await desk.read(url)).status_code == 404

    async def test_a_suspended_account_or_record_is_enough(self, desk: Desk) -> None:
        url = await desk.link(desk.practitioner)
        await desk.run(update(StaffMember).where(StaffMember.id == desk.practitioner_id).values(state="suspended"))
        assert (await desk.read(url)).status_code == 404
        await desk.run(update(StaffMember).where(StaffMember.id == desk.practitioner_id).values(state="active"))
        assert (await desk.read(url)).status_code == 200
        await desk.run(update(Account).values(suspended_at=SOON))
        assert (await desk.read(url)).status_code == 404


class TestClientFeed:
    async def test_it_is_their_own_appointments(self, desk: Desk) -> None:
        at, stranger = await desk.book(), await desk.house.client()
        await desk.book(SOON + HOUR, stranger)
        answer = await desk.read(await desk.link(desk.client))
        (entry,) = events(answer.text)
        assert (entry.uid.value, entry.summary.value) == (await uid(desk, at), "Appointment with A. H.")
        assert "Grace" not in answer.text

    async def test_a_guardian_of_two_sees_for_whom_each_is(self, desk: Desk) -> None:
        sees, account_id = await guardian(desk, VIEW)
        child = await desk.house.client()
        await desk.run(update(Client).where(Client.id == child).values(given_name="Zoe"))
        await grant(desk, account_id, child, VIEW)
        await desk.book()
        await desk.book(SOON + HOUR, child)
        answer = await desk.read(await desk.link(sees))
        found = [event.summary.value for event in events(answer.text)]
        assert found == ["G. C.: Appointment with A. H.", "Z. C.: Appointment with A. H."]

    async def test_what_a_grant_no_longer_covers_is_gone(self, desk: Desk) -> None:
        sees, account_id = await guardian(desk, VIEW)
        await desk.book()
        url = await desk.link(sees)
        assert len(events((await desk.read(url)).text)) == 1
        mine = ClientGrant.account_id == account_id
        await desk.run(update(ClientGrant).where(mine).values(permissions=["messages"]))
        assert (await desk.read(url)).status_code == 404
        await desk.run(update(ClientGrant).where(mine).values(permissions=[VIEW], valid_to=SOON - timedelta(days=30)))
        assert (await desk.read(url)).status_code == 404

    async def test_a_partners_feed_says_nothing_of_the_partner(self, desk: Desk) -> None:
        at, partner = await desk.book(), await desk.house.client()
        await desk.run(update(Client).where(Client.id == partner).values(given_name="Émile", family_name="Zola"))
        await desk.run(update(Appointment).values(client_ids=[desk.client_id, partner]))
        async with desk.house.session() as session:
            session.add(AppointmentAttendee(client_id=partner, appointment_id=at, starts_at=SOON))
        answer = await desk.read(await desk.link(desk.client, privacy="full_name"))
        assert [event.summary.value for event in events(answer.text)] == ["Appointment with Ada Harbor"]
        assert "Zola" not in answer.text

    async def test_it_is_gone_while_the_portal_is_off(self, desk: Desk) -> None:
        url = await desk.link(desk.client)
        await desk.run(update(PortalSettings).values(enabled=False))
        assert (await desk.read(url)).status_code == 404

    @pytest.mark.parametrize("state", ["suspended", "revoked"])
    async def test_it_ends_with_the_portal_access(self, desk: Desk, state: str) -> None:
        _, owner = await desk.house.staff(Role.OWNER)
        await desk.run(update(Client).values(portal_state="active"))
        url, access = await desk.link(desk.client), f"/v1/clients/{desk.client_id}/portal-access"
        assert (await desk.read(url)).status_code == 200
        assert (await owner.patch(access, {"state": state})).status_code == 200
        assert (await desk.read(url)).status_code == 404
        if state == "suspended":
            assert (await owner.patch(access, {"state": "active"})).status_code == 200
            assert (await desk.read(url)).status_code == 404


class TestReading:
    async def test_every_wrong_link_is_the_same_404(self, desk: Desk, app: FastAPI, http: httpx.AsyncClient) -> None:
        url = await desk.link(desk.practitioner)
        other = await build(app, http)
        secret = url.rpartition("/")[2].removesuffix(".ics")
        wrong = [
            secret[:-1] + ("A" if secret[-1] != "A" else "E"),
            other.id.hex + secret[32:],
            secret.upper(),
            "x",
            "0" * 32 + "." + "A" * 43,
            secret + "%00",
        ]
        answers = [await desk.read(f"/v1/calendar-feeds/{text}.ics") for text in wrong]
        assert [answer.status_code for answer in answers] == [404] * len(wrong)
        assert len({answer.json()["detail"] for answer in answers}) == 1
        assert all(secret not in answer.text for answer in answers)

    async def test_an_unchanged_one_is_not_sent_again(self, desk: Desk) -> None:
        at = await desk.book()
        url = await desk.link(desk.practitioner)
        first = await desk.read(url)
        etag, modified = first.headers["etag"], first.headers["last-modified"]
        assert first.headers["cache-control"] == "private, no-cache"
        for headers in ({"If-None-Match": etag}, {"If-None-Match": f'"x", W/{etag}'}, {"If-Modified-Since": modified}):
            again = await desk.read(url, **headers)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        both = await desk.read(url, **{"If-None-Match": '"other"', "If-Modified-Since": modified})
        assert both.status_code == 200
        assert (await desk.read(url, **{"If-Modified-Since": "yesterday"})).status_code == 200
        await desk.change(at, lambda found: found.reschedule(SOON + HOUR, SOON + 2 * HOUR))
        changed = await desk.read(url, **{"If-None-Match": etag})
        assert (changed.status_code, events(changed.text)[0].dtstart.value) == (200, SOON + HOUR)

    async def test_a_new_name_changes_it(self, desk: Desk) -> None:
        await desk.book()
        url = await desk.link(desk.practitioner)
        etag = (await desk.read(url)).headers["etag"]
        await desk.run(update(Client).values(given_name="Zora"))
        again = await desk.read(url, **{"If-None-Match": etag})
        assert [event.summary.value for event in events(again.text)] == ["Z. C."]

    async def test_one_that_goes_and_one_that_comes_change_it_though_they_were_booked_at_once(self, desk: Desk) -> None:
        """F10.M9: a series is booked in one moment, so as days pass an occurrence is replaced by one just as old."""
        first, second = await desk.book(), await desk.book(datetime.now(UTC) + timedelta(days=400))
        await desk.run(update(Appointment).values(updated_at=SOON - timedelta(days=9)))
        url = await desk.link(desk.practitioner)
        etag = (await desk.read(url)).headers["etag"]
        times = {first: SOON - timedelta(days=100), second: SOON + timedelta(days=300)}
        for appointment_id, at in times.items():
            moved = {"starts_at": at, "ends_at": at + HOUR, "updated_at": SOON - timedelta(days=9)}
            await desk.run(update(Appointment).where(Appointment.id == appointment_id).values(**moved))
        again = await desk.read(url, **{"If-None-Match": etag})
        assert again.status_code == 200
        assert [event.dtstart.value for event in events(again.text)] == [times[second]]

    async def test_nothing_leads_the_secret_on(self, desk: Desk) -> None:
        answer = await desk.read(await desk.link(desk.practitioner))
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"].startswith("noindex")
        assert "set-cookie" not in answer.headers

    async def test_programs_that_ask_for_the_head_get_it(self, desk: Desk) -> None:
        url = await desk.link(desk.practitioner)
        answer = await desk.house.http.head(url)
        assert (answer.status_code, answer.content) == (200, b"")

    async def test_the_secret_is_in_no_log_and_no_metric(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A44"""
        url = await desk.link(desk.practitioner)
        with structlog.testing.capture_logs() as lines:
            for module in ("middleware", "problems"):
                monkeypatch.setattr(f"portal_api.web.{module}._log", structlog.get_logger())
            await desk.read(url)
            await desk.read(url.replace(".ics", "A.ics"))
        assert [line["route"] for line in lines] == ["/v1/calendar-feeds/{secret}.ics"] * 2
        secret = url.removesuffix(".ics").rpartition(".")[2]
        metrics = (await desk.house.http.get("/metrics")).text
        assert "/v1/calendar-feeds/{secret}.ics" in metrics
        assert secret not in metrics + repr(lines) + "".join(capfd.readouterr())

    async def test_a_reading_is_recorded_and_one_that_shows_nothing_is_not(self, desk: Desk) -> None:
        url = await desk.link(desk.practitioner)
        etag = (await desk.read(url)).headers["etag"]
        await desk.read(url, **{"If-None-Match": etag})
        await desk.read(url.replace(".ics", "A.ics"))
        assert (await types_of(desk)).count("calendar_feed.read") == 1

    async def test_it_is_limited(self, strict_app: FastAPI, strict_http: httpx.AsyncClient) -> None:
        house = await build(strict_app, strict_http)
        account = await house.account("staff")
        await house.member(account)
        caller = await house.sign_in(account)
        url = (await caller.post(FEED, {})).json()["url"]
        statuses = [(await strict_http.get(url)).status_code for _ in range(125)]
        assert statuses[:120] == [200] * 120
        assert 429 in statuses


async def guardian(desk: Desk, *permissions: str) -> tuple[Caller, UUID]:
    account = await desk.house.account("client")
    await grant(desk, account.id, desk.client_id, *permissions)
    return await desk.house.sign_in(account), account.id


async def grant(desk: Desk, account_id: UUID, client_id: UUID, *permissions: str) -> None:
    row = ClientGrant(
        id=new_id(),
        account_id=account_id,
        client_id=client_id,
        relationship="parent",
        permissions=list(permissions),
        source="guardian",
    )
    assert row.relationship != SELF
    async with desk.house.session() as session:
        session.add(row)


async def uid(desk: Desk, appointment_id: UUID) -> str:
    async with desk.house.session() as session:
        found = await session.execute(select(Appointment.uid).where(Appointment.id == appointment_id))
    return found.scalar_one()


async def types_of(desk: Desk) -> list[str]:
    async with desk.house.session() as session:
        return list(await session.scalars(select(Event.type).order_by(Event.id)))
