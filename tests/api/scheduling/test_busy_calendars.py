"""Practitioners' own calendars: asked for over HTTP, polled from a real server, read in a process of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from dirty_equals import IsPartialDict
from fastapi import FastAPI
from sqlalchemy import select, update

from portal_api.core.access import Role
from portal_api.integrations.mail import DevelopmentMailbox
from portal_api.jobs.calendars import due
from portal_api.models.audit import Event
from portal_api.models.scheduling import BusyCalendar, BusyTime, Schedule
from tests.cast import House, build
from tests.outside import Outside, outside
from tests.world import Caller, World

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
MONDAY = TODAY + timedelta(days=21 - TODAY.weekday())
"""Some weeks ahead: no test depends on the time of day."""


def ics(*events: str) -> str:
    inner = "".join(
        f"BEGIN:VEVENT\nUID:{n}@own\nDTSTAMP:20250101T000000Z\n{e}\nEND:VEVENT\n" for n, e in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Own//EN\n{inner}END:VCALENDAR\n".replace("\n", "\r\n")


def stamp(at: datetime | date) -> str:
    return f"{at:%Y%m%dT%H%M%S}" if isinstance(at, datetime) else f"{at:%Y%m%d}"


def lasting(start: datetime, **span: float) -> str:
    return f"DTSTART:{stamp(start)}Z\nDTEND:{stamp(start + timedelta(**span))}Z"


@dataclass
class Study:
    """A practitioner whose own calendar is on a server outside."""

    house: House
    world: World
    server: Outside
    practitioner_id: UUID
    practitioner: Caller

    @property
    def path(self) -> str:
        return f"/v1/practitioners/{self.practitioner_id}/busy-calendars"

    async def add(self, **fields: Any) -> dict[str, Any]:
        made = await self.practitioner.post(self.path, {"url": f"{self.server.url}/own.ics"} | fields)
        assert made.status_code == 201, made.text
        await self.world.run_jobs()
        return await self.one(made.json()["id"])

    async def one(self, id: str) -> dict[str, Any]:
        listed = (await self.practitioner.get(self.path)).json()["data"]
        return next(calendar for calendar in listed if calendar["id"] == id)

    async def again(self, id: str) -> dict[str, Any]:
        """Read it once more, as if its time had come."""
        answer = await self.practitioner.post(f"/v1/busy-calendars/{id}/refresh")
        assert answer.status_code == 202, answer.text
        await self.world.run_jobs()
        return await self.one(id)

    async def busy(self) -> list[tuple[datetime, datetime]]:
        async with self.house.session() as session:
            rows = await session.execute(select(BusyTime.starts_at, BusyTime.ends_at).order_by(BusyTime.starts_at))
            return [(starts_at, ends_at) for starts_at, ends_at in rows]

    async def run(self, statement: Any) -> None:
        async with self.house.session() as session:
            await session.execute(statement)


@pytest.fixture
async def study(app: FastAPI, http: httpx.AsyncClient, mailbox: DevelopmentMailbox) -> AsyncIterator[Study]:
    house = await build(app, http)
    practitioner_id, practitioner = await house.staff(Role.PRACTITIONER)
    async with outside() as server:
        yield Study(house, World(app, http, mailbox), server, practitioner_id, practitioner)


class TestReading:
    async def test_busy_times_are_there_as_soon_as_the_job_has_run(self, study: Study) -> None:
        """F10.M2"""
        study.server.answer(ics(lasting(MONDAY, hours=1), lasting(MONDAY + timedelta(days=2), hours=2)))
        calendar = await study.add(name="My own")
        assert calendar == IsPartialDict(name="My own", state="ok", failure=None, host=f"127.0.0.1:{study.server.port}")
        assert await study.busy() == [
            (MONDAY, MONDAY + timedelta(hours=1)),
            (MONDAY + timedelta(days=2), MONDAY + timedelta(days=2, hours=2)),
        ]
        line, headers = study.server.asked[0]
        assert line == "GET /own.ics HTTP/1.1"
        assert headers["accept"].startswith("text/calendar")

    async def test_no_slot_is_offered_in_them(self, study: Study) -> None:
        hours = {"time_zone": "UTC", "windows": [{"weekday": "monday", "start": "09:00", "end": "12:00"}]}
        put = await study.practitioner.put(f"/v1/practitioners/{study.practitioner_id}/availability", hours)
        assert put.status_code == 200, put.text
        service_id = await study.house.service(duration_minutes=60, slot_interval_minutes=60)
        study.server.answer(ics(lasting(MONDAY + timedelta(hours=10), minutes=30)))
        await study.add()
        day = f"{MONDAY:%Y-%m-%d}"
        query = {"practitioner_id": str(study.practitioner_id), "service_id": str(service_id), "from": day, "to": day}
        slots = (await study.practitioner.get("/v1/slots", params=query)).json()["data"]
        assert [slot["starts_at"][11:16] for slot in slots] == ["09:00", "11:00"]

    async def test_what_repeats_is_expanded_with_its_exceptions(self, study: Study) -> None:
        """RRULE, EXDATE, RDATE and RECURRENCE-ID, on the wall clock of the calendar's zone."""
        first = datetime.combine(MONDAY.date(), datetime.min.time()).replace(hour=9)
        weekly = (
            f"DTSTART;TZID=America/New_York:{stamp(first)}\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4\n"
            f"EXDATE;TZID=America/New_York:{stamp(first + timedelta(weeks=1))}\n"
            f"RDATE;TZID=America/New_York:{stamp(first + timedelta(days=1))}"
        )
        moved = (
            f"RECURRENCE-ID;TZID=America/New_York:{stamp(first + timedelta(weeks=2))}\n"
            f"DTSTART;TZID=America/New_York:{stamp(first + timedelta(weeks=2, hours=5))}\nDURATION:PT1H"
        )
        study.server.answer(ics(weekly, moved).replace("UID:1@own", "UID:0@own"))
        await study.add()
        starts = [
            starts_at.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None)
            for starts_at, _ in await study.busy()
        ]
        assert starts == [
            first,
            first + timedelta(days=1),
            first + timedelta(weeks=2, hours=5),
            first + timedelta(weeks=3),
        ]

    async def test_whole_days_and_floating_times_are_the_practitioners(self, study: Study) -> None:
        """RFC 5545 section 3.3.5: local to whoever reads it."""
        await study.run(update(Schedule).values(time_zone="UTC"))
        hours = {"time_zone": "Asia/Kathmandu", "windows": []}
        await study.practitioner.put(f"/v1/practitioners/{study.practitioner_id}/availability", hours)
        day = MONDAY.date()
        whole = f"DTSTART;VALUE=DATE:{stamp(day)}\nDTEND;VALUE=DATE:{stamp(day + timedelta(days=2))}"
        floating = f"DTSTART:{stamp(MONDAY + timedelta(days=3, hours=9))}\nDURATION:PT30M"
        study.server.answer(ics(whole, floating, f"DTSTART;VALUE=DATE:{stamp(day + timedelta(days=5))}"))
        await study.add()
        there = timedelta(hours=5, minutes=45)
        assert await study.busy() == [
            (MONDAY - there, MONDAY + timedelta(days=2) - there),
            (MONDAY + timedelta(days=3, hours=9) - there, MONDAY + timedelta(days=3, hours=9.5) - there),
            (MONDAY + timedelta(days=5) - there, MONDAY + timedelta(days=6) - there),
        ]

    async def test_what_is_transparent_or_cancelled_takes_no_time(self, study: Study) -> None:
        free = ("TRANSP:TRANSPARENT", "STATUS:CANCELLED", "X-MICROSOFT-CDO-BUSYSTATUS:FREE")
        study.server.answer(ics(*(f"{lasting(MONDAY, hours=1)}\n{line}" for line in free)))
        await study.add()
        assert await study.busy() == []

    async def test_what_overlaps_is_one_busy_time(self, study: Study) -> None:
        hour = timedelta(hours=1)
        study.server.answer(ics(lasting(MONDAY, hours=2), lasting(MONDAY + hour, hours=2), lasting(MONDAY, minutes=5)))
        await study.add()
        assert await study.busy() == [(MONDAY, MONDAY + 3 * hour)]

    async def test_one_bad_entry_does_not_hide_the_others(self, study: Study) -> None:
        bad = ("DTSTART:yesterday\nDTEND:tomorrow", f"{lasting(MONDAY, hours=1)}\nRRULE:FREQ=SOMETIMES", "SUMMARY:none")
        study.server.answer(ics(*bad, lasting(MONDAY + timedelta(days=1), hours=1)))
        assert (await study.add())["state"] == "ok"
        assert (MONDAY + timedelta(days=1), MONDAY + timedelta(days=1, hours=1)) in await study.busy()


class TestAgain:
    async def test_an_unchanged_calendar_is_asked_for_by_its_etag_and_not_read_again(self, study: Study) -> None:
        study.server.answer(ics(lasting(MONDAY, hours=1)), ETag='"one"', Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT")
        calendar = await study.add()
        study.server.answer(b"", "304 Not Modified")
        after = await study.again(calendar["id"])
        asked = study.server.asked[1][1]
        assert (asked["if-none-match"], asked["if-modified-since"]) == ('"one"', "Mon, 01 Jan 2024 00:00:00 GMT")
        assert after["state"] == "ok"
        assert after["read_at"] > calendar["read_at"]
        assert len(await study.busy()) == 1

    async def test_after_a_day_it_is_read_whether_or_not_it_has_changed(self, study: Study) -> None:
        """What repeats reaches a day farther by then."""
        study.server.answer(ics(lasting(MONDAY, hours=1)), ETag='"one"')
        calendar = await study.add()
        await study.run(update(BusyCalendar).values(expanded_at=TODAY - timedelta(days=2)))
        await study.again(calendar["id"])
        assert "if-none-match" not in study.server.asked[1][1]

    async def test_what_was_read_takes_the_place_of_what_was_read_before(self, study: Study) -> None:
        study.server.answer(ics(lasting(MONDAY, hours=1)))
        calendar = await study.add()
        study.server.answer(ics(lasting(MONDAY + timedelta(days=7), hours=1)))
        await study.again(calendar["id"])
        assert [starts_at for starts_at, _ in await study.busy()] == [MONDAY + timedelta(days=7)]

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows  # the job asks which practices there are
    async def test_whose_time_has_come_is_polled_by_the_clock(self, study: Study) -> None:
        study.server.answer(ics(lasting(MONDAY, hours=1)))
        calendar = await study.add()
        await due(study.world.jobs)
        await study.world.run_jobs()
        assert study.server.connections == 1
        await study.run(update(BusyCalendar).values(next_poll_at=TODAY))
        for _ in range(2):
            await due(study.world.jobs)
        await study.world.run_jobs()
        assert study.server.connections == 2
        assert (await study.one(calendar["id"]))["next_poll_at"] > calendar["next_poll_at"]


class TestFailing:
    @pytest.mark.parametrize(
        ("status", "body", "failure"),
        [
            ("404 Not Found", "", "not_found"),
            ("401 Unauthorized", "", "denied"),
            ("302 Found", "", "redirected"),
            ("500 Internal Server Error", "", "server_error"),
            ("304 Not Modified", "", "server_error"),
            ("200 OK", "<html>Sign in</html>", "not_a_calendar"),
            ("200 OK", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "not_a_calendar"),
        ],
    )
    async def test_the_owner_is_told_and_old_busy_times_stay(
        self, study: Study, status: str, body: str, failure: str
    ) -> None:
        study.server.answer(ics(lasting(MONDAY, hours=1)))
        calendar = await study.add()
        study.server.answer(body, status)
        after = await study.again(calendar["id"])
        assert (after["state"], after["failure"], after["read_at"]) == ("failing", failure, calendar["read_at"])
        assert len(await study.busy()) == 1
        await study.again(calendar["id"])
        study.server.answer(ics())
        recovered = await study.again(calendar["id"])
        assert (recovered["state"], recovered["failure"]) == ("ok", None)
        assert await study.busy() == []
        async with study.house.session() as session:
            told = list(await session.scalars(select(Event.reason).where(Event.type == "busy_calendar.failing")))
        assert told == [failure], "once, however often it fails in a row"

    async def test_it_is_tried_less_and_less_often(self, study: Study) -> None:
        study.server.answer("", "503 Service Unavailable")
        calendar, waits = await study.add(), []
        for _ in range(8):
            found = await study.again(calendar["id"])
            span = datetime.fromisoformat(found["next_poll_at"]) - datetime.fromisoformat(found["polled_at"])
            waits.append(span / timedelta(minutes=15))
        assert waits == [2, 4, 8, 16, 32, 32, 32, 32]

    async def test_a_server_that_is_not_there(self, study: Study) -> None:
        calendar = await study.add(url="http://127.0.0.1:9/own.ics")
        assert (calendar["state"], calendar["failure"]) == ("failing", "unreachable")

    async def test_a_private_address_behind_a_name_is_refused_when_it_is_polled(self, study: Study) -> None:
        """A32: `localhost` is on no list, whatever the address 127.0.0.1 may be."""
        calendar = await study.add(url=f"http://localhost:{study.server.port}/own.ics")
        assert (calendar["state"], calendar["failure"]) == ("failing", "private_address")
        assert study.server.connections == 0


class TestManaging:
    async def test_the_address_is_sealed_and_never_shown(self, study: Study, sql: Any) -> None:
        made = await study.add(url=f"{study.server.url}/private-5f2c/basic.ics")
        assert "5f2c" not in str(made)
        rows = sql("SELECT b::text FROM busy_calendar b WHERE id = %s", made["id"])
        assert "5f2c" not in str(rows)
        assert b"5f2c".hex() not in str(rows)
        jobs = sql("SELECT args::text FROM procrastinate_jobs WHERE task_name = 'calendars.poll'")
        assert "5f2c" not in str(jobs)

    async def test_webcal_is_https(self, study: Study) -> None:
        study.server.answer("")
        made = await study.add(url=f"webcal://127.0.0.1:{study.server.port}/own.ics")
        assert (made["failure"], study.server.asked) == ("unreachable", []), "it speaks no TLS"

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("http://10.0.0.1/own.ics", "private_address"),
            ("https://[::1]/own.ics", "private_address"),
            ("http://169.254.169.254/latest/meta-data", "private_address"),
            ("file:///etc/passwd", "invalid_url"),
            ("https://user:secret@calendar.example/own.ics", "invalid_url"),
            ("own.ics", "invalid_url"),
            ("https://93.184.216.34:22/own.ics", "port_not_allowed"),
        ],
    )
    async def test_what_can_never_be_read_is_refused_at_once(self, study: Study, url: str, code: str) -> None:
        answer = await study.practitioner.post(study.path, {"url": url})
        assert answer.status_code == 422
        assert answer.json()["errors"] == [IsPartialDict(pointer="/url", code=code)]
        assert "secret" not in answer.text

    async def test_the_same_one_twice_or_too_many_are_refused(self, study: Study) -> None:
        for n in range(10):
            assert (await study.practitioner.post(study.path, {"url": f"http://127.0.0.1:9/{n}"})).status_code == 201
        answer = await study.practitioner.post(study.path, {"url": "http://127.0.0.1:9/another"})
        assert (answer.status_code, answer.json()["code"]) == (409, "too_many_busy_calendars")
        listed = (await study.practitioner.get(study.path, params={"limit": 4})).json()
        second = (await study.practitioner.get(study.path, params={"cursor": listed["next_cursor"]})).json()
        assert [len(page["data"]) for page in (listed, second)] == [4, 6]
        await study.practitioner.delete(f"/v1/busy-calendars/{listed['data'][0]['id']}")
        answer = await study.practitioner.post(study.path, {"url": "http://127.0.0.1:9/5"})
        assert (answer.status_code, answer.json()["code"]) == (409, "busy_calendar_exists")

    async def test_a_removed_one_leaves_nothing(self, study: Study) -> None:
        study.server.answer(ics(lasting(MONDAY, hours=1)))
        calendar = await study.add()
        await study.practitioner.post(f"/v1/busy-calendars/{calendar['id']}/refresh")
        assert (await study.practitioner.delete(f"/v1/busy-calendars/{calendar['id']}")).status_code == 204
        await study.world.run_jobs()
        assert await study.busy() == []
        assert (await study.practitioner.get(study.path)).json()["data"] == []
        assert study.server.connections == 1
        assert (await study.practitioner.delete(f"/v1/busy-calendars/{calendar['id']}")).status_code == 404

    async def test_it_is_the_practitioners_own_business_and_that_of_who_manages_calendars(self, study: Study) -> None:
        study.server.answer(ics())
        calendar = await study.add()
        found = {}
        for role in (Role.OWNER, Role.SCHEDULER, Role.PRACTITIONER, Role.BILLER):
            _, caller = await study.house.staff(role)
            found[role] = (
                (await caller.get(study.path)).status_code,
                (await caller.post(f"/v1/busy-calendars/{calendar['id']}/refresh")).status_code,
                (await caller.post(study.path, {"url": f"http://127.0.0.1:9/{role}"})).status_code,
            )
        assert found == {
            Role.OWNER: (200, 202, 201),
            Role.SCHEDULER: (200, 202, 201),
            Role.PRACTITIONER: (403, 403, 403),
            Role.BILLER: (403, 403, 403),
        }

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows  # the job asks which practices there are
    async def test_nobody_polls_for_who_has_left(self, study: Study) -> None:
        study.server.answer(ics(lasting(MONDAY, hours=1)))
        calendar = await study.add()
        _, owner = await study.house.staff(Role.OWNER)
        await owner.post(f"/v1/busy-calendars/{calendar['id']}/refresh")
        await owner.delete(f"/v1/practice/staff/{study.practitioner_id}")
        await study.run(update(BusyCalendar).values(next_poll_at=TODAY))
        await due(study.world.jobs)
        await study.world.run_jobs()
        assert study.server.connections == 1
