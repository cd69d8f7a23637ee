"""What can be booked when: the same rules for staff, clients and newcomers, each with their own share of them."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from portal_api.services.scheduling import slots
from tests.cast import House
from tests.entry import client_login, open_practice, set_portal, staff
from tests.world import Caller, Practice, World

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = datetime.now(BERLIN).date()
MONDAY = TODAY + timedelta(days=21 - TODAY.weekday())
"""Two weeks away or three: no clock changes on it."""
EVERY_DAY = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
SESSION: dict[str, Any] = {
    "name": "Session",
    "duration_minutes": 60,
    "modes": ["in_person", "video"],
    "min_notice_minutes": 0,
    "horizon_days": 730,
    "slot_interval_minutes": 60,
    "client_bookable": True,
}


def windows(
    start: str = "09:00", end: str = "12:00", days: list[str] = EVERY_DAY, **scope: Any
) -> list[dict[str, Any]]:
    return [{"weekday": day, "start": start, "end": end} | scope for day in days]


def berlin(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), BERLIN)


class Clinic:
    """A practice in Berlin whose owner practises, with one service and a client."""

    def __init__(self, world: World, practice: Practice, client: dict[str, Any], portal: Caller) -> None:
        self.world, self.practice, self.client, self.portal = world, practice, client, portal
        self.house = House(world.app, world.http, UUID(practice.id))
        self.owner = practice.owner
        self.service: dict[str, Any] = {}
        self.days = (MONDAY, MONDAY)

    async def hours(self, practitioner_id: str | None = None, **body: Any) -> None:
        path = f"/v1/practitioners/{practitioner_id or self.practice.staff_id}/availability"
        response = await self.owner.put(path, {"time_zone": "Europe/Berlin", "windows": windows()} | body)
        assert response.status_code == 200, response.text

    async def add_service(self, **fields: Any) -> str:
        response = await self.owner.post("/v1/services", SESSION | {"name": f"Session {uuid4()}"} | fields)
        assert response.status_code == 201, response.text
        made: str = response.json()["id"]
        return made

    async def change(self, **fields: Any) -> None:
        response = await self.owner.patch(f"/v1/services/{self.service['id']}", fields)
        assert response.status_code == 200, response.text

    async def colleague(self) -> str:
        return (await staff(self.world, self.practice, "practitioner"))[0]

    async def book(self, at: datetime, **options: Any) -> UUID:
        service_id = UUID(options.pop("service_id", self.service["id"]))
        client_id = UUID(options.pop("client_id", self.client["id"]))
        return await self.house.appointment(UUID(self.practice.staff_id), service_id, client_id, at, **options)

    async def ask(self, at: datetime, **options: Any) -> UUID:
        ids = UUID(self.practice.staff_id), UUID(self.service["id"]), await self.house.client()
        return await self.house.request(*ids, at, **options)

    def query(self, **query: Any) -> dict[str, Any]:
        first, last = self.days
        named = {"practitioner_id": self.practice.staff_id, "service_id": self.service["id"]}
        whole = named | {"from": first.isoformat(), "to": last.isoformat()} | query
        return {name: value for name, value in whole.items() if value is not None}

    async def slots(self, caller: Caller | None = None, **query: Any) -> list[dict[str, Any]]:
        """What the client is offered; what staff are, if they are the caller."""
        path = "/v1/me/slots" if caller in (None, self.portal) else "/v1/slots"
        response = await (caller or self.portal).get(path, params=self.query(**query))
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["data"]
        return found

    async def times(self, caller: Caller | None = None, **query: Any) -> list[str]:
        """The starts, as a clock in Berlin shows them."""
        return [_clock(slot["starts_at"]) for slot in await self.slots(caller, **query)]


def _clock(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(BERLIN):%H:%M}"


@pytest.fixture
async def clinic(world: World) -> Clinic:
    practice = await open_practice(world)
    await practice.owner.patch("/v1/practice/features", {"appointment_requests": True})
    client, portal = await client_login(world, practice)
    clinic = Clinic(world, practice, client, portal)
    clinic.service = {"id": await clinic.add_service()}
    await clinic.hours()
    return clinic


class TestShape:
    async def test_a_slot_is_a_time_with_somebody_for_something(self, clinic: Clinic) -> None:
        first, *_ = await clinic.slots()
        assert first == {
            "starts_at": berlin(9).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ends_at": berlin(10).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "practitioner_id": clinic.practice.staff_id,
            "service_id": clinic.service["id"],
            "location_id": None,
            "modes": ["in_person", "video"],
        }
        assert await clinic.times() == ["09:00", "10:00", "11:00"]

    async def test_days_are_the_practitioners_and_both_ends_count(self, clinic: Clinic) -> None:
        """F10.M11: a client elsewhere gets the same instants."""
        await clinic.hours(windows=windows("00:00", "24:00"))
        clinic.days = (MONDAY, MONDAY + timedelta(days=1))
        found = [datetime.fromisoformat(slot["starts_at"]) for slot in await clinic.slots()]
        assert (found[0], found[-1], len(found)) == (berlin(0), berlin(23, day=clinic.days[1]), 48)

    async def test_at_most_thirty_one_days_a_call(self, clinic: Clinic) -> None:
        for days, status in ((31, 200), (32, 422), (-1, 422)):
            query = clinic.query(to=(MONDAY + timedelta(days=days)).isoformat())
            response = await clinic.owner.get("/v1/slots", params=query)
            assert response.status_code == status, response.text

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"from": "yesterday"}, "/query/from"),
            ({"from": None}, "/query/from"),
            ({"from": "0001-01-01"}, "/query/from"),
            ({"to": "9999-12-31"}, "/query/to"),
            ({"service_id": None}, "/query/service_id"),
            ({"practitioner_id": "me"}, "/query/practitioner_id/0"),
            ({"mode": "by_post"}, "/query/mode"),
            ({"limit": 0}, "/query/limit"),
            ({"until": "2027-01-01"}, "/query/until"),
        ],
    )
    async def test_questions_that_make_no_sense_are_refused(
        self, clinic: Clinic, change: dict[str, Any], pointer: str
    ) -> None:
        response = await clinic.owner.get("/v1/slots", params=clinic.query(**change))
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)

    async def test_only_practitioners_may_be_repeated(self, clinic: Clinic) -> None:
        params = [*clinic.query().items(), ("service_id", clinic.service["id"])]
        response = await clinic.owner.get("/v1/slots", params=params)
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "repeated")

    async def test_what_nobody_knows_is_not_found(self, clinic: Clinic, world: World) -> None:
        other = await world.practice()
        theirs = (await other.owner.post("/v1/services", SESSION)).json()["id"]
        for unknown in (
            {"service_id": str(uuid4())},
            {"service_id": theirs},
            {"practitioner_id": str(uuid4())},
            {"practitioner_id": other.staff_id},
            {"practitioner_id": [clinic.practice.staff_id, other.staff_id]},
        ):
            response = await clinic.portal.get("/v1/me/slots", params=clinic.query(**unknown))
            assert response.status_code == 404, unknown

    async def test_who_has_no_hours_has_no_slots(self, clinic: Clinic) -> None:
        assert await clinic.slots(practitioner_id=await clinic.colleague()) == []


class TestTaken:
    async def test_appointments_and_their_buffers_are_not_offered(self, clinic: Clinic) -> None:
        """F10.M2"""
        buffered = await clinic.add_service(duration_minutes=20, buffer_before_minutes=30, buffer_after_minutes=10)
        await clinic.hours(windows=windows("09:00", "18:00"))
        await clinic.book(berlin(13), service_id=buffered)
        for caller in (clinic.portal, clinic.owner):
            assert await clinic.times(caller) == ["09:00", "10:00", "11:00", "14:00", "15:00", "16:00", "17:00"]
        await clinic.change(buffer_after_minutes=31)
        assert "11:00" not in await clinic.times()

    async def test_buffers_reach_beyond_the_hours(self, clinic: Clinic) -> None:
        await clinic.change(buffer_before_minutes=30, buffer_after_minutes=30)
        assert await clinic.times() == ["09:00", "10:00", "11:00"]

    async def test_pending_requests_are_held_and_expired_ones_are_not(self, clinic: Clinic) -> None:
        """CC#29967"""
        await clinic.ask(berlin(10))
        await clinic.ask(berlin(11), expires_in=timedelta(seconds=-1))
        for caller in (clinic.portal, clinic.owner):
            assert await clinic.times(caller) == ["09:00", "11:00"]

    async def test_time_off_is_not_offered(self, clinic: Clinic) -> None:
        body = {"starts_at": berlin(10, 30).isoformat(), "ends_at": berlin(11).isoformat()}
        response = await clinic.owner.post(f"/v1/practitioners/{clinic.practice.staff_id}/time-off", body)
        assert response.status_code == 201
        assert await clinic.times() == ["09:00", "11:00"]
        await clinic.owner.delete(f"/v1/time-off/{response.json()['id']}")
        assert await clinic.times() == ["09:00", "10:00", "11:00"]

    async def test_what_an_outside_calendar_says_is_not_offered(self, clinic: Clinic) -> None:
        """Seconds of other calendars take the whole minute."""
        await clinic.house.busy(UUID(clinic.practice.staff_id), berlin(9, 59), berlin(10) + timedelta(seconds=5))
        assert await clinic.times() == ["11:00"]

    async def test_others_appointments_do_not_matter(self, clinic: Clinic, world: World) -> None:
        colleague = UUID(await clinic.colleague())
        ids = UUID(clinic.service["id"]), UUID(clinic.client["id"])
        await clinic.house.appointment(colleague, *ids, berlin(9))
        assert await clinic.times() == ["09:00", "10:00", "11:00"]

    async def test_released_time_is_offered_again(self, clinic: Clinic) -> None:
        booked = await clinic.book(berlin(10))
        assert await clinic.times() == ["09:00", "11:00"]
        await clinic.house.release(booked)
        assert await clinic.times() == ["09:00", "10:00", "11:00"]


class TestRulesForClients:
    """Those that staff are free of."""

    async def test_notice(self, clinic: Clinic) -> None:
        await clinic.hours(windows=windows("00:00", "24:00"))
        await clinic.change(min_notice_minutes=1440)
        clinic.days = (TODAY, TODAY + timedelta(days=2))
        first = datetime.fromisoformat((await clinic.slots())[0]["starts_at"])
        ahead = first - datetime.now(UTC)
        assert timedelta(hours=23, minutes=58) < ahead < timedelta(hours=25, minutes=1)
        first_of_staff = datetime.fromisoformat((await clinic.slots(clinic.owner))[0]["starts_at"])
        assert timedelta(minutes=-1) < first_of_staff - datetime.now(UTC) < timedelta(hours=1, minutes=1)

    async def test_horizon_in_the_practitioners_dates(self, clinic: Clinic) -> None:
        """CC#14204: a day is a date."""
        await clinic.hours(windows=windows("00:00", "24:00"))
        await clinic.change(horizon_days=1)
        clinic.days = (TODAY, TODAY + timedelta(days=5))
        found = {datetime.fromisoformat(s["starts_at"]).astimezone(BERLIN).date() for s in await clinic.slots()}
        today = datetime.now(BERLIN).date()
        assert found <= {today, today + timedelta(days=1)}
        assert today + timedelta(days=1) in found
        assert len({slot["starts_at"][:10] for slot in await clinic.slots(clinic.owner)}) >= 5

    async def test_so_many_a_day(self, clinic: Clinic) -> None:
        await clinic.hours(windows=windows(), max_per_day=2)
        await clinic.book(berlin(9))
        assert await clinic.times() == ["10:00", "11:00"]
        await clinic.ask(berlin(10))
        assert await clinic.times() == []
        assert await clinic.times(clinic.owner) == ["11:00"]
        next_day = (MONDAY + timedelta(days=1)).isoformat()
        assert len(await clinic.times(**{"from": next_day, "to": next_day})) == 3

    async def test_so_many_of_a_service_a_day(self, clinic: Clinic) -> None:
        other = await clinic.add_service()
        await clinic.change(max_per_day=1)
        await clinic.book(berlin(9), service_id=other)
        assert await clinic.times() == ["10:00", "11:00"]
        await clinic.book(berlin(11))
        assert await clinic.times() == []
        assert await clinic.times(service_id=other) == ["10:00"]

    async def test_so_many_to_come_a_client(self, clinic: Clinic) -> None:
        await clinic.change(max_open_per_client=1)
        await clinic.book(berlin(9), client_id=str(await clinic.house.client()))
        assert await clinic.times() == ["10:00", "11:00"]
        await clinic.book(berlin(10))
        assert await clinic.times() == []
        assert await clinic.times(clinic.owner) == ["11:00"]

    async def test_only_what_clients_may_book(self, clinic: Clinic) -> None:
        for closed in ({"client_bookable": False}, {"client_bookable": True, "audience": "new"}):
            await clinic.change(**closed)
            assert await clinic.times() == []
            assert len(await clinic.times(clinic.owner)) == 3

    async def test_windows_for_others_are_not_offered(self, clinic: Clinic) -> None:
        other = await clinic.add_service()
        await clinic.hours(
            windows=[
                *windows("09:00", "10:00", audience="new"),
                *windows("10:00", "11:00", audience="existing"),
                *windows("11:00", "12:00", service_ids=[other]),
            ]
        )
        assert await clinic.times() == ["10:00"]
        assert await clinic.times(clinic.owner) == ["09:00", "10:00"]
        assert await clinic.times(service_id=other) == ["10:00", "11:00"]

    async def test_who_takes_no_requests_offers_nothing(self, clinic: Clinic) -> None:
        """A practitioner may narrow (F2.M6)."""
        colleague = await clinic.colleague()
        await clinic.hours(colleague)
        path = f"/v1/practitioners/{clinic.practice.staff_id}/features"
        await clinic.owner.patch(path, {"appointment_requests": False})
        assert await clinic.times(practitioner_id=[clinic.practice.staff_id, colleague]) == ["09:00", "10:00", "11:00"]
        assert await clinic.times() == []
        assert len(await clinic.times(clinic.owner)) == 3

    async def test_with_the_feature_off_there_is_nothing_to_ask(self, clinic: Clinic) -> None:
        """F2.M3"""
        await clinic.owner.patch("/v1/practice/features", {"appointment_requests": False})
        response = await clinic.portal.get("/v1/me/slots", params=clinic.query())
        assert (response.status_code, response.json()["code"]) == (403, "feature_disabled")
        assert len(await clinic.times(clinic.owner)) == 3


class TestWho:
    async def test_the_first_free_among_several(self, clinic: Clinic) -> None:
        colleague = await clinic.colleague()
        await clinic.hours(colleague, windows=windows("08:00", "10:00"))
        both = [clinic.practice.staff_id, colleague]
        found = await clinic.slots(practitioner_id=both)
        assert found == sorted(found, key=lambda slot: slot["starts_at"])
        assert [(_clock(s["starts_at"]), s["practitioner_id"] == colleague) for s in found[:2]] == [
            ("08:00", True),
            *([("09:00", found[1]["practitioner_id"] == colleague)]),
        ]
        assert len(found) == 5
        response = await clinic.portal.get("/v1/me/slots", params=clinic.query(practitioner_id=both, limit=1))
        assert response.json() == {"data": found[:1], "more": True}

    async def test_practitioners_of_several_zones_come_in_one_order(self, clinic: Clinic) -> None:
        """F10.M11: days are each practitioner's own."""
        colleague = await clinic.colleague()
        await clinic.hours(windows=windows("00:00", "24:00"))
        await clinic.hours(colleague, time_zone="Asia/Tokyo", windows=windows("00:00", "24:00"))
        found = await clinic.slots(practitioner_id=[clinic.practice.staff_id, colleague])
        theirs = [slot["starts_at"] for slot in found if slot["practitioner_id"] == colleague]
        assert [slot["starts_at"] for slot in found] == sorted(slot["starts_at"] for slot in found)
        midnight = datetime.combine(MONDAY, time(), ZoneInfo("Asia/Tokyo"))
        assert (datetime.fromisoformat(theirs[0]), len(theirs), len(found)) == (midnight, 24, 48)

    async def test_without_a_name_it_is_everybody_who_offers_the_service(self, clinic: Clinic) -> None:
        colleague, outsider = await clinic.colleague(), await clinic.colleague()
        await clinic.hours(colleague)
        await clinic.hours(outsider)
        await clinic.change(practitioner_ids=[colleague, clinic.practice.staff_id])
        found = await clinic.slots(practitioner_id=None)
        assert {slot["practitioner_id"] for slot in found} == {colleague, clinic.practice.staff_id}
        assert await clinic.slots(practitioner_id=outsider) == []

    async def test_who_has_left_or_is_suspended_is_not_offered(self, clinic: Clinic) -> None:
        colleague = await clinic.colleague()
        await clinic.hours(colleague)
        await clinic.owner.post(f"/v1/practice/staff/{colleague}/suspend")
        assert await clinic.slots(practitioner_id=colleague) == []
        assert {s["practitioner_id"] for s in await clinic.slots(practitioner_id=None)} == {clinic.practice.staff_id}

    async def test_a_service_that_nobody_offers_has_no_slots(self, clinic: Clinic) -> None:
        await clinic.change(practitioner_ids=[await clinic.colleague()])
        assert await clinic.slots(practitioner_id=None) == []
        await clinic.owner.post(f"/v1/services/{clinic.service['id']}/archive")
        assert await clinic.slots(clinic.owner) == []


class TestWhere:
    async def test_ways_and_places_of_windows_add_up(self, clinic: Clinic) -> None:
        place = (await clinic.owner.post("/v1/locations", {"name": "Main office"})).json()["id"]
        await clinic.hours(
            windows=[
                *windows("09:00", "11:00", location_id=place, modes=["in_person"]),
                *windows("10:00", "12:00", modes=["video"]),
            ]
        )
        found = {_clock(slot["starts_at"]): (slot["location_id"], slot["modes"]) for slot in await clinic.slots()}
        assert found == {
            "09:00": (place, ["in_person"]),
            "10:00": (place, ["in_person", "video"]),
            "11:00": (None, ["video"]),
        }
        assert await clinic.times(mode="video") == ["10:00", "11:00"]
        assert await clinic.times(location_id=place) == ["09:00", "10:00"]
        assert await clinic.times(location_id=str(uuid4())) == []
        await clinic.change(modes=["video"])
        assert await clinic.times() == ["10:00", "11:00"]
        assert await clinic.times(mode="in_person") == []


class TestHours:
    async def test_a_date_may_have_hours_of_its_own(self, clinic: Clinic) -> None:
        tuesday, wednesday = (MONDAY + timedelta(days=n) for n in (1, 2))
        special = {"start": "14:00", "end": "15:00"}
        overrides = [
            {"date": tuesday.isoformat(), "windows": [special]},
            {"date": wednesday.isoformat(), "windows": []},
        ]
        await clinic.hours(overrides=overrides)
        clinic.days = (MONDAY, MONDAY + timedelta(days=3))
        assert await clinic.times() == ["09:00", "10:00", "11:00", "14:00", "09:00", "10:00", "11:00"]

    async def test_starts_on_the_half_hour(self, clinic: Clinic) -> None:
        """OW-obs: session start on time."""
        await clinic.change(fixed_start_minute=30, slot_interval_minutes=None)
        assert await clinic.times() == ["09:30", "10:30"]

    async def test_one_after_the_other(self, clinic: Clinic) -> None:
        """OW-obs: time between sessions."""
        await clinic.change(slot_interval_minutes=None, duration_minutes=50, buffer_after_minutes=5)
        assert await clinic.times() == ["09:00", "09:55", "10:50"]


class TestNewcomers:
    @pytest.fixture
    async def link(self, clinic: Clinic) -> str:
        await set_portal(clinic.practice, allow_new_client_requests=True)
        link: str = (await clinic.owner.get("/v1/practice/portal")).json()["slug"]
        return link

    async def _get(self, clinic: Clinic, link: str, what: str = "slots") -> Any:
        params = clinic.query() if what == "slots" else {}
        return await clinic.world.http.get(f"/v1/portals/{link}/{what}", params=params)

    async def test_they_see_what_is_open_for_them(self, clinic: Clinic, link: str) -> None:
        await clinic.hours(
            windows=[*windows("09:00", "10:00", audience="new"), *windows("10:00", "12:00", audience="existing")]
        )
        response = await self._get(clinic, link)
        assert [_clock(slot["starts_at"]) for slot in response.json()["data"]] == ["09:00"]
        await clinic.change(audience="existing")
        assert (await self._get(clinic, link)).json() == {"data": [], "more": False}

    async def test_a_closed_door_looks_like_no_door(self, clinic: Clinic, link: str) -> None:
        """A02"""
        unknown = await self._get(clinic, "no-such-practice")
        doors: list[tuple[str, dict[str, Any]]] = [
            ("/v1/practice/portal", {"allow_new_client_requests": False}),
            ("/v1/practice/portal", {"allow_new_client_requests": True}),
            ("/v1/practice/features", {"appointment_requests": False}),
        ]
        for path, change in doors:
            assert (await clinic.owner.patch(path, change)).status_code == 200
            expected = 200 if change == {"allow_new_client_requests": True} else 404
            for what in ("slots", "services"):
                response = await self._get(clinic, link, what)
                assert response.status_code == expected
                if expected == 404:
                    assert response.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}

    async def test_they_see_services_and_with_whom(self, clinic: Clinic, link: str) -> None:
        await clinic.add_service(audience="existing")
        await clinic.add_service(client_bookable=False)
        (only,) = (await self._get(clinic, link, "services")).json()["data"]
        assert only["id"] == clinic.service["id"]
        owner = {"id": clinic.practice.staff_id, "display_name": "Ada Harbor", "credentials": None}
        assert only["practitioners"] == [owner]

    async def test_the_profile_says_whether_they_can_book(self, clinic: Clinic, link: str) -> None:
        """F1.M3, SH-29"""

        async def told() -> bool:
            profile = (await clinic.world.http.get(f"/v1/portals/{link}")).json()
            can: bool = profile["booking_for_new_clients"]
            return can

        assert await told()
        for hours in ({"windows": []}, {"windows": windows(audience="existing")}):
            await clinic.hours(**hours)
            assert not await told()
        one_date = [{"date": MONDAY.isoformat(), "windows": [{"start": "09:00", "end": "10:00"}]}]
        await clinic.hours(windows=[], overrides=one_date)
        assert await told()
        await clinic.hours(windows=[], overrides=[one_date[0] | {"date": "2020-01-06"}])
        assert not await told()
        await clinic.hours()
        await clinic.change(audience="existing")
        assert not await told()
        await clinic.change(audience="new")
        assert await told()
        path = f"/v1/practitioners/{clinic.practice.staff_id}/features"
        await clinic.owner.patch(path, {"appointment_requests": False})
        assert not await told()
        await clinic.owner.patch(path, {"appointment_requests": None})
        await set_portal(clinic.practice, allow_new_client_requests=False)
        assert not await told()


class TestExplain:
    """F10.B6"""

    async def rules(self, clinic: Clinic, at: datetime, **query: Any) -> dict[str, Any]:
        params = {"practitioner_id": clinic.practice.staff_id, "service_id": clinic.service["id"]}
        params |= {"starts_at": at.astimezone(UTC).isoformat()} | query
        response = await clinic.owner.get("/v1/slots/explain", params=params)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def hidden_by(self, clinic: Clinic, at: datetime, **query: Any) -> list[str]:
        found = await self.rules(clinic, at, **query)
        hiding = [rule["rule"] for rule in found["rules"] if not rule["passed"]]
        assert found["offered"] is (hiding == [])
        return hiding

    async def test_a_time_that_is_offered_passes_every_rule(self, clinic: Clinic) -> None:
        found = await self.rules(clinic, berlin(10), client_id=clinic.client["id"])
        assert found["offered"] is True
        shown = found["time_zone"], found["local_date"], found["local_time"]
        assert shown == ("Europe/Berlin", MONDAY.isoformat(), "10:00")
        assert len(found["rules"]) == len({rule["rule"] for rule in found["rules"]}) == 20

    async def test_it_names_what_is_there(self, clinic: Clinic) -> None:
        await clinic.change(buffer_after_minutes=10)
        await clinic.book(berlin(11))
        found = await self.rules(clinic, berlin(10))
        (hiding,) = [rule for rule in found["rules"] if not rule["passed"]]
        assert hiding["rule"] == "appointment"
        assert f"{MONDAY} 11:00" in hiding["detail"]
        assert "Grace" not in str(found)

    async def test_each_rule_of_the_calendar_is_told_apart(self, clinic: Clinic) -> None:
        own_id = clinic.practice.staff_id
        assert await self.hidden_by(clinic, berlin(10, 15)) == ["grid"]
        whole = ["hours", "mode", "location", "window_audience", "grid"]
        assert await self.hidden_by(clinic, berlin(11, 30)) == whole
        await clinic.ask(berlin(9))
        assert await self.hidden_by(clinic, berlin(9)) == ["request"]
        await clinic.house.busy(UUID(own_id), berlin(9), berlin(10))
        body = {"starts_at": berlin(9).isoformat(), "ends_at": berlin(10).isoformat()}
        await clinic.owner.post(f"/v1/practitioners/{own_id}/time-off", body)
        assert await self.hidden_by(clinic, berlin(9)) == ["time_off", "busy", "request"]
        await clinic.change(min_notice_minutes=60 * 24 * 60)
        assert await self.hidden_by(clinic, berlin(10)) == ["notice"]
        await clinic.change(min_notice_minutes=0, horizon_days=3)
        assert await self.hidden_by(clinic, berlin(10)) == ["horizon"]
        await clinic.change(horizon_days=730, max_per_day=1)
        await clinic.book(berlin(11))
        assert await self.hidden_by(clinic, berlin(10)) == ["day_cap"]
        await clinic.change(max_per_day=None, max_open_per_client=1)
        assert await self.hidden_by(clinic, berlin(10)) == []
        assert await self.hidden_by(clinic, berlin(10), client_id=clinic.client["id"]) == ["client_cap"]

    async def test_each_rule_of_the_practice_is_told_apart(self, clinic: Clinic) -> None:
        owner, own_id = clinic.owner, clinic.practice.staff_id
        await clinic.change(client_bookable=False)
        assert await self.hidden_by(clinic, berlin(10)) == ["client_bookable"]
        await clinic.change(client_bookable=True, audience="new")
        assert await self.hidden_by(clinic, berlin(10)) == ["audience"]
        await clinic.change(audience="all", practitioner_ids=[await clinic.colleague()])
        assert await self.hidden_by(clinic, berlin(10)) == ["practitioner"]
        await clinic.change(practitioner_ids=None)
        await owner.patch(f"/v1/practitioners/{own_id}/features", {"appointment_requests": False})
        assert await self.hidden_by(clinic, berlin(10)) == ["practitioner_feature"]
        await owner.patch(f"/v1/practitioners/{own_id}/features", {"appointment_requests": None})
        await owner.patch("/v1/practice/features", {"appointment_requests": False})
        assert await self.hidden_by(clinic, berlin(10)) == ["feature"]
        await owner.patch("/v1/practice/features", {"appointment_requests": True})
        await owner.post(f"/v1/services/{clinic.service['id']}/archive")
        assert await self.hidden_by(clinic, berlin(10)) == ["service"]
        await owner.post(f"/v1/services/{clinic.service['id']}/restore")
        await owner.post("/v1/practice/portal/disable")
        assert await self.hidden_by(clinic, berlin(10)) == ["portal"]

    async def test_windows_for_others_are_told_apart(self, clinic: Clinic) -> None:
        await clinic.hours(windows=windows(audience="new", modes=["video"]))
        assert await self.hidden_by(clinic, berlin(10)) == ["window_audience", "grid"]
        in_person = await self.hidden_by(clinic, berlin(10), mode="in_person")
        assert in_person == ["mode", "location", "window_audience", "grid"]
        assert await self.hidden_by(clinic, berlin(10), audience="new") == ["portal"]

    async def test_it_says_what_the_search_says(self, clinic: Clinic) -> None:
        await clinic.hours(windows=windows("09:00", "13:00"))
        await clinic.change(duration_minutes=50, buffer_after_minutes=10, slot_interval_minutes=20)
        await clinic.book(berlin(10, 40))
        listed = {datetime.fromisoformat(slot["starts_at"]) for slot in await clinic.slots()}
        tried = [berlin(8, 40) + timedelta(minutes=10 * n) for n in range(30)]
        told = {at for at in tried if (await self.rules(clinic, at))["offered"]}
        assert told == listed
        assert 2 < len(listed) < 10

    async def test_of_clients_whom_one_does_not_see_nothing_is_told(self, clinic: Clinic, world: World) -> None:
        _, practitioner = await staff(world, clinic.practice, "practitioner")
        params = {"practitioner_id": clinic.practice.staff_id, "service_id": clinic.service["id"]}
        params |= {"starts_at": berlin(10).astimezone(UTC).isoformat(), "client_id": clinic.client["id"]}
        assert (await practitioner.get("/v1/slots/explain", params=params)).status_code == 404
        assert (await clinic.portal.get("/v1/slots/explain", params=params)).status_code == 403


class TestForRequests:
    """What requests ask before they take a time (A23)."""

    async def test_a_start_is_offered_or_not(self, clinic: Clinic) -> None:
        ids = UUID(clinic.service["id"]), [UUID(clinic.practice.staff_id)]
        wish = slots.Wish(*ids, MONDAY, MONDAY)
        client = slots.Asker("existing", UUID(clinic.client["id"]))
        await clinic.book(berlin(9))
        async with clinic.house.session() as session:
            free = await slots.offered(session, client, wish, berlin(10))
            assert free is not None and free["starts_at"] == berlin(10)
            for hour, minute in ((9, 0), (10, 1), (12, 0), (8, 0)):
                assert await slots.offered(session, client, wish, berlin(hour, minute)) is None
            in_the_past = berlin(10, day=TODAY - timedelta(days=7))
            assert await slots.offered(session, client, wish, in_the_past) is None

    async def test_alternatives_are_the_nearest(self, clinic: Clinic) -> None:
        ids = UUID(clinic.service["id"]), [UUID(clinic.practice.staff_id)]
        wish = slots.Wish(*ids, MONDAY, MONDAY)
        await clinic.book(berlin(10))
        async with clinic.house.session() as session:
            found = await slots.alternatives(session, slots.NEWCOMER, wish, berlin(10), 3)
        nearest = [berlin(9), berlin(11), berlin(11, day=MONDAY - timedelta(days=1))]
        assert sorted(slot["starts_at"] for slot in found) == sorted(nearest)
