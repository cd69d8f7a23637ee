"""Series: the same time of the day, whatever the clocks do, and each appointment a row of its own."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.api.scheduling.desk import APPOINTMENTS, DAY, HOUR, Desk, instant, open_desk
from tests.world import World

SERIES = "/v1/appointment-series"
NEW_YORK = "America/New_York"


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


def local(day: date, hour: int, minute: int = 0, zone: str = NEW_YORK) -> datetime:
    return datetime.combine(day, time(hour, minute), ZoneInfo(zone)).astimezone(UTC)


TUESDAY = date(2031, 2, 25)
"""Two weeks before New York puts its clocks forward, on the 9th of March."""
THREE = local(TUESDAY, 15)


async def ask(desk: Desk, at: datetime = THREE, rrule: str = "FREQ=WEEKLY;COUNT=6", **fields: Any) -> httpx.Response:
    return await desk.owner.post(SERIES, desk.body(at, rrule=rrule, **fields))


async def book(desk: Desk, at: datetime = THREE, rrule: str = "FREQ=WEEKLY;COUNT=6", **fields: Any) -> dict[str, Any]:
    response = await ask(desk, at, rrule, **fields)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def times(desk: Desk, series: dict[str, Any], zone: str = NEW_YORK, **query: Any) -> list[str]:
    """What is booked of it, as the wall shows it."""
    asked = {"series_id": series["id"], "state": "booked", "limit": 100} | query
    found = (await desk.owner.get(APPOINTMENTS, params=asked)).json()["data"]
    return [f"{datetime.fromisoformat(each['starts_at']).astimezone(ZoneInfo(zone)):%m-%d %H:%M}" for each in found]


class TestRule:
    async def test_every_tuesday_at_three_six_times(self, desk: Desk) -> None:
        """F10.B3, F10.M11: the hour stays on the wall, the instants move when the clocks do."""
        made = await book(desk)
        assert (made["rrule"], made["time_zone"], made["start_time"]) == ("FREQ=WEEKLY;COUNT=6", NEW_YORK, "15:00")
        assert (made["first_date"], made["skipped"]) == ("2031-02-25", [])
        wall = ["02-25 15:00", "03-04 15:00", "03-11 15:00", "03-18 15:00", "03-25 15:00", "04-01 15:00"]
        assert await times(desk, made) == wall
        starts = [datetime.fromisoformat(each["starts_at"]) for each in made["appointments"]]
        assert {b - a for a, b in itertools.pairwise(starts)} == {7 * DAY, 7 * DAY - HOUR}
        assert len({each["uid"] for each in made["appointments"]}) == 6
        assert {each["series_id"] for each in made["appointments"]} == {made["id"]}
        found = (await desk.owner.get(f"{SERIES}/{made['id']}")).json()
        assert found == {name: value for name, value in made.items() if name != "skipped"}

    @pytest.mark.parametrize(
        ("rrule", "expected"),
        [
            ("FREQ=DAILY;COUNT=3", ["02-25", "02-26", "02-27"]),
            ("FREQ=WEEKLY;INTERVAL=2;UNTIL=20310325", ["02-25", "03-11", "03-25"]),
            ("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4", ["02-25", "02-27", "03-04", "03-06"]),
            ("RRULE:FREQ=MONTHLY;COUNT=3", ["02-25", "03-25", "04-25"]),
            ("FREQ=MONTHLY;BYDAY=-1TU;COUNT=3", ["02-25", "03-25", "04-29"]),
            ("FREQ=MONTHLY;BYDAY=4TU;COUNT=3", ["02-25", "03-25", "04-22"]),
            ("FREQ=MONTHLY;BYMONTHDAY=25;COUNT=2", ["02-25", "03-25"]),
            ("freq=daily;interval=10;count=2", ["02-25", "03-07"]),
        ],
    )
    async def test_rules(self, desk: Desk, rrule: str, expected: list[str]) -> None:
        assert await times(desk, await book(desk, rrule=rrule)) == [f"{day} 15:00" for day in expected]

    @pytest.mark.parametrize(
        "rrule",
        [
            "FREQ=WEEKLY",
            "FREQ=HOURLY;COUNT=3",
            "FREQ=YEARLY;COUNT=3",
            "FREQ=WEEKLY;COUNT=0",
            "FREQ=WEEKLY;COUNT=105",
            "FREQ=WEEKLY;COUNT=3;UNTIL=20310325",
            "FREQ=WEEKLY;COUNT=3;COUNT=4",
            "FREQ=WEEKLY;BYDAY=1TU;COUNT=3",
            "FREQ=MONTHLY;BYDAY=6TU;COUNT=3",
            "FREQ=MONTHLY;BYDAY=5TU;BYMONTHDAY=1;COUNT=3",
            "FREQ=DAILY;BYMONTHDAY=30;BYMONTH=2;COUNT=3",
            "FREQ=DAILY;BYSECOND=0;COUNT=3",
            "FREQ=WEEKLY;COUNT=3\nDTSTART:20310101",
            "FREQ=WEEKLY;UNTIL=20310230",
            "COUNT=3",
            "",
        ],
    )
    async def test_rules_without_an_end_or_a_sense_are_refused(self, desk: Desk, rrule: str) -> None:
        response = await ask(desk, rrule=rrule)
        assert response.status_code == 422, response.text
        assert response.json()["errors"][0]["pointer"] == "/rrule"

    @pytest.mark.parametrize(
        ("rrule", "pointer"),
        [
            ("FREQ=WEEKLY;BYDAY=WE;COUNT=3", "/starts_at"),
            ("FREQ=WEEKLY;UNTIL=20310101", "/starts_at"),
            ("FREQ=DAILY;UNTIL=20320101", "/rrule"),
            ("FREQ=MONTHLY;COUNT=100", "/rrule"),
            ("FREQ=MONTHLY;INTERVAL=99;COUNT=104", "/rrule"),
        ],
    )
    async def test_it_begins_with_its_first_and_is_no_longer_than_three_years(
        self, desk: Desk, rrule: str, pointer: str
    ) -> None:
        response = await ask(desk, rrule=rrule)
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)

    async def test_a_reading_that_is_skipped_counts_from_before_and_one_that_comes_twice_is_the_first(
        self, desk: Desk
    ) -> None:
        """RFC 5545 section 3.3.5; Lord Howe moves by half an hour."""
        for zone, first, hour, minute in (
            (NEW_YORK, date(2031, 3, 8), 2, 30),
            (NEW_YORK, date(2031, 11, 1), 1, 30),
            ("Australia/Lord_Howe", date(2031, 10, 4), 2, 15),
        ):
            made = await book(desk, local(first, hour, minute, zone), "FREQ=DAILY;COUNT=3", time_zone=zone)
            starts = [datetime.fromisoformat(each["starts_at"]) for each in made["appointments"]]
            days = [first + n * timedelta(days=1) for n in range(3)]
            assert starts == [local(day, hour, minute, zone) for day in days]
            wall = await times(desk, made, zone)
            assert [reading[-5:] for reading in (wall[0], wall[2])] == [f"{hour:02}:{minute:02}"] * 2

    async def test_the_zone_may_be_the_clients(self, desk: Desk) -> None:
        """F10.M11: London changes three weeks after New York."""
        made = await book(desk, local(TUESDAY, 15, zone="Europe/London"), time_zone="Europe/London")
        assert {reading[-5:] for reading in await times(desk, made, "Europe/London")} == {"15:00"}
        assert {reading[-5:] for reading in await times(desk, made)} == {"10:00", "11:00"}


class TestClashes:
    async def test_all_or_none_with_every_clash(self, desk: Desk) -> None:
        taken = [THREE + 7 * DAY, local(date(2031, 3, 18), 15)]
        for at in taken:
            await desk.book(at)
        refused = await ask(desk)
        assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
        assert refused.json()["clashes"] == [instant(at) for at in taken]
        assert len((await desk.owner.get(APPOINTMENTS)).json()["data"]) == 2

    async def test_what_is_free_when_asked_so(self, desk: Desk) -> None:
        await desk.book(THREE + 7 * DAY)
        made = await book(desk, on_clash="skip")
        assert (made["skipped"], len(made["appointments"])) == ([instant(THREE + 7 * DAY)], 5)
        nothing = await ask(desk, THREE + 7 * DAY, "FREQ=DAILY;COUNT=1", on_clash="skip")
        assert nothing.status_code == 409

    async def test_over_it_when_meant(self, desk: Desk) -> None:
        await desk.book(THREE + 7 * DAY)
        made = await book(desk, allow_overlap=True)
        assert [each["allow_overlap"] for each in made["appointments"]] == [False, True, False, False, False, False]

    async def test_occurrences_that_run_into_each_other_clash_too(self, desk: Desk) -> None:
        service_id = await desk.add_service(duration_minutes=1440)
        refused = await ask(desk, rrule="FREQ=DAILY;COUNT=3", service_id=service_id)
        assert refused.json()["clashes"] == [instant(THREE + DAY)]


class TestFollowing:
    async def test_this_one_alone(self, desk: Desk) -> None:
        made = await book(desk)
        second = made["appointments"][1]
        await desk.done("cancel", second)
        assert await times(desk, made) == [
            "02-25 15:00",
            "03-11 15:00",
            "03-18 15:00",
            "03-25 15:00",
            "04-01 15:00",
        ]
        await desk.done("reschedule", made["appointments"][2], starts_at=instant(local(date(2031, 3, 12), 9)))
        assert (await times(desk, made))[1:3] == ["03-12 09:00", "03-18 15:00"]

    async def test_this_and_those_that_follow_are_cancelled(self, desk: Desk) -> None:
        made = await book(desk)
        await desk.done("attended", made["appointments"][4])
        cancelled = await desk.done("cancel", made["appointments"][3], following=True, reason="Moving away.")
        assert (cancelled["state"], cancelled["cancellation_reason"]) == ("cancelled", "Moving away.")
        assert await times(desk, made) == ["02-25 15:00", "03-04 15:00", "03-11 15:00"]
        assert await times(desk, made, state="attended") == ["03-25 15:00"]
        await book(desk, local(date(2031, 3, 18), 15), "FREQ=DAILY;COUNT=1")

    async def test_this_and_those_that_follow_are_moved_on_the_wall(self, desk: Desk) -> None:
        """From Tuesdays at three to Wednesdays at nine, over the change of the clocks; each in one step."""
        made = await book(desk)
        await desk.done(
            "reschedule", made["appointments"][1], starts_at=instant(local(date(2031, 3, 5), 9)), following=True
        )
        assert await times(desk, made) == [
            "02-25 15:00",
            "03-05 09:00",
            "03-12 09:00",
            "03-19 09:00",
            "03-26 09:00",
            "04-02 09:00",
        ]

    async def test_a_series_moves_over_its_own_times(self, desk: Desk) -> None:
        made = await book(desk)
        first, second = made["appointments"][:2]
        await desk.done("reschedule", first, starts_at=second["starts_at"], following=True)
        assert (await times(desk, made))[0] == "03-04 15:00"
        assert (await times(desk, made))[-1] == "04-08 15:00"

    async def test_where_one_clashes_none_is_moved(self, desk: Desk) -> None:
        made = await book(desk)
        before = await times(desk, made)
        clash = local(date(2031, 3, 19), 9)
        await desk.book(clash)
        move = {"starts_at": instant(local(date(2031, 3, 5), 9)), "following": True}
        refused = await desk.do("reschedule", made["appointments"][1], **move)
        assert (refused.status_code, refused.json()["clashes"]) == (409, [instant(clash)])
        assert await times(desk, made) == before

    async def test_this_and_those_that_follow_go_by_video(self, desk: Desk) -> None:
        _, room_id = await desk.add_room()
        made = await book(desk, mode="in_person", room_id=room_id)
        path = f"{APPOINTMENTS}/{made['appointments'][3]['id']}"
        patch = {"mode": "video", "room_id": None}
        changed = await desk.owner.patch(path, patch, params={"following": True})
        assert changed.status_code == 200, changed.text
        found = (await desk.owner.get(f"{SERIES}/{made['id']}")).json()["appointments"]
        assert [each["mode"] for each in found] == ["in_person"] * 3 + ["video"] * 3
        assert [each["room_id"] for each in found] == [room_id] * 3 + [None] * 3

    async def test_what_is_in_no_series_has_none_that_follow(self, desk: Desk) -> None:
        refused = await desk.do("cancel", await desk.book(), following=True)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_in_a_series")


async def test_a_series_is_seen_by_whose_calendar_it_is_on(desk: Desk) -> None:
    """A12, A16"""
    staff_id, practitioner = await desk.colleague()
    _, stranger = await desk.colleague()
    assert (await practitioner.post(SERIES, desk.body(THREE, rrule="FREQ=DAILY;COUNT=2"))).status_code == 403
    made = await book(desk, practitioner_id=staff_id)
    assert (await practitioner.get(f"{SERIES}/{made['id']}")).status_code == 200
    for path in (f"{SERIES}/{made['id']}", f"{SERIES}/{uuid4()}"):
        assert (await stranger.get(path)).status_code == 404
