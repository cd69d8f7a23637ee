"""When practitioners can be booked, and when they are away (F10.M1)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.entry import add_staff, staff
from tests.world import World

MONDAY = {"weekday": "monday", "start": "09:00", "end": "17:00"}
UNRESTRICTED = {"location_id": None, "service_ids": None, "modes": None, "audience": "all"}


def availability(practitioner_id: str) -> str:
    return f"/v1/practitioners/{practitioner_id}/availability"


def time_off(practitioner_id: str) -> str:
    return f"/v1/practitioners/{practitioner_id}/time-off"


def at(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:00Z")


class TestHours:
    async def test_before_anybody_said_any_there_are_none(self, world: World) -> None:
        practice = await world.practice()
        found = (await practice.owner.get(availability(practice.staff_id))).json()
        assert (found["time_zone"], found["windows"], found["overrides"]) == ("America/New_York", [], [])
        assert (found["version"], found["updated_at"]) == (0, None)

    async def test_what_is_put_is_what_is_read(self, world: World) -> None:
        practice = await world.practice()
        place = (await practice.owner.post("/v1/locations", {"name": "Main office"})).json()["id"]
        service = {"name": "Session", "duration_minutes": 50, "modes": ["video"]}
        service_id = (await practice.owner.post("/v1/services", service)).json()["id"]
        narrow = {"location_id": place, "service_ids": [service_id], "modes": ["in_person"], "audience": "new"}
        body = {
            "time_zone": "Europe/London",
            "windows": [MONDAY | UNRESTRICTED, {"weekday": "sunday", "start": "22:00", "end": "24:00"} | narrow],
            "overrides": [
                {"date": "2027-12-24", "windows": [{"start": "09:00", "end": "12:00"} | UNRESTRICTED]},
                {"date": "2027-12-25", "windows": []},
            ],
            "max_per_day": 6,
        }
        put = await practice.owner.put(availability(practice.staff_id), body)
        assert put.status_code == 200, put.text
        assert body.items() <= put.json().items()
        read = await practice.owner.get(availability(practice.staff_id))
        assert read.json() == put.json()
        assert read.headers["etag"] == '"v1"'

    async def test_it_is_replaced_as_a_whole(self, world: World) -> None:
        practice = await world.practice()
        await practice.owner.put(availability(practice.staff_id), {"windows": [MONDAY], "max_per_day": 3})
        second = (await practice.owner.put(availability(practice.staff_id), {"windows": []})).json()
        assert (second["windows"], second["max_per_day"], second["version"]) == ([], None, 2)

    async def test_a_stale_copy_replaces_nothing(self, world: World) -> None:
        practice = await world.practice()
        path = availability(practice.staff_id)
        first = await practice.owner.put(path, {"windows": [MONDAY]}, headers={"If-Match": '"v0"'})
        assert first.status_code == 200
        stale = await practice.owner.put(path, {"windows": []}, headers={"If-Match": '"v0"'})
        assert stale.status_code == 412
        assert len(stale.json()["current"]["windows"]) == 1

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"windows": [MONDAY | {"end": "09:00"}]}, "/windows/0"),
            ({"windows": [MONDAY | {"start": "22:00", "end": "02:00"}]}, "/windows/0"),
            ({"windows": [MONDAY | {"start": "24:00"}]}, "/windows/0/start"),
            ({"windows": [MONDAY | {"start": "9:00"}]}, "/windows/0/start"),
            ({"windows": [MONDAY | {"weekday": "funday"}]}, "/windows/0/weekday"),
            ({"windows": [], "time_zone": "Mars/Olympus"}, "/time_zone"),
            ({"windows": [], "overrides": [{"date": "1577836800", "windows": []}]}, "/overrides/0/date"),
            ({"windows": [], "overrides": [{"date": "2027-01-01", "windows": []}] * 2}, ""),
            ({"windows": [MONDAY | {"location_id": str(uuid4())}]}, "/windows"),
            ({"windows": [MONDAY | {"service_ids": [str(uuid4())]}]}, "/windows"),
            ({}, "/windows"),
        ],
    )
    async def test_hours_that_make_no_sense_are_refused(self, world: World, body: dict[str, Any], pointer: str) -> None:
        practice = await world.practice()
        response = await practice.owner.put(availability(practice.staff_id), body)
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer), response.text
        assert (await practice.owner.get(availability(practice.staff_id))).json()["version"] == 0

    async def test_practitioners_set_their_own_and_schedulers_everybodys(self, world: World) -> None:
        practice = await world.practice()
        own_id, practitioner = await staff(world, practice, "practitioner")
        _, scheduler = await staff(world, practice, "scheduler")
        _, biller = await staff(world, practice, "biller")
        body = {"windows": [MONDAY]}
        assert (await practitioner.put(availability(own_id), body)).status_code == 200
        assert (await practitioner.put(availability(practice.staff_id), body)).status_code == 403
        assert (await scheduler.put(availability(own_id), body)).status_code == 200
        assert (await biller.put(availability(own_id), body)).status_code == 403
        assert (await biller.get(availability(own_id))).status_code == 200

    async def test_only_who_practises_has_hours(self, world: World) -> None:
        practice = await world.practice()
        biller_id, _ = await staff(world, practice, "biller")
        invited_id, _ = await add_staff(world, practice, "practitioner")
        for nobody in (biller_id, invited_id):
            response = await practice.owner.put(availability(nobody), {"windows": []})
            assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "unknown_practitioner")
        assert (await practice.owner.get(availability(str(uuid4())))).status_code == 404


class TestTimeOff:
    async def test_it_is_entered_listed_and_taken_back(self, world: World) -> None:
        practice = await world.practice()
        path = time_off(practice.staff_id)
        later = (await practice.owner.post(path, {"starts_at": at(days=9), "ends_at": at(days=10)})).json()
        body = {"starts_at": at(days=1), "ends_at": at(days=2), "reason": "Conference"}
        sooner = await practice.owner.post(path, body)
        assert sooner.status_code == 201, sooner.text
        assert body.items() <= sooner.json().items()
        assert sooner.json()["conflicts"] == 0
        first = (await practice.owner.get(f"{path}?limit=1")).json()
        rest = (await practice.owner.get(f"{path}?limit=1&cursor={first['next_cursor']}")).json()
        assert [each["id"] for each in (*first["data"], *rest["data"])] == [sooner.json()["id"], later["id"]]
        gone = f"/v1/time-off/{later['id']}"
        assert (await practice.owner.delete(gone)).status_code == 204
        assert (await practice.owner.delete(gone)).status_code == 404
        assert len((await practice.owner.get(path)).json()["data"]) == 1

    async def test_what_is_over_is_listed_apart(self, world: World) -> None:
        practice = await world.practice()
        path = time_off(practice.staff_id)
        for days in (3, 2):
            await practice.owner.post(path, {"starts_at": at(days=-days), "ends_at": at(days=-days, hours=1)})
        assert (await practice.owner.get(path)).json()["data"] == []
        past = (await practice.owner.get(f"{path}?past=true")).json()["data"]
        assert len(past) == 2
        assert past[0]["ends_at"] > past[1]["ends_at"]

    @pytest.mark.parametrize(
        "body",
        [
            {"starts_at": "2027-01-02T09:00:00Z", "ends_at": "2027-01-02T09:00:00Z"},
            {"starts_at": "2027-01-02T09:00:00Z", "ends_at": "2030-01-02T09:00:00Z"},
            {"starts_at": "2027-01-02T09:00:30Z", "ends_at": "2027-01-02T10:00:00Z"},
            {"starts_at": "2027-01-02T09:00:00", "ends_at": "2027-01-02T10:00:00Z"},
            {"starts_at": "0001-01-01T00:00:00+14:00", "ends_at": "2027-01-02T10:00:00Z"},
        ],
    )
    async def test_times_that_make_no_sense_are_refused(self, world: World, body: dict[str, str]) -> None:
        """A24: a time without a zone is none."""
        practice = await world.practice()
        assert (await practice.owner.post(time_off(practice.staff_id), body)).status_code == 422

    async def test_practitioners_enter_their_own_and_schedulers_everybodys(self, world: World) -> None:
        practice = await world.practice()
        own_id, practitioner = await staff(world, practice, "practitioner")
        _, scheduler = await staff(world, practice, "scheduler")
        body = {"starts_at": at(days=1), "ends_at": at(days=2)}
        assert (await practitioner.post(time_off(own_id), body)).status_code == 201
        theirs = await scheduler.post(time_off(practice.staff_id), body)
        assert theirs.status_code == 201
        assert (await practitioner.post(time_off(practice.staff_id), body)).status_code == 403
        assert (await practitioner.delete(f"/v1/time-off/{theirs.json()['id']}")).status_code == 403
