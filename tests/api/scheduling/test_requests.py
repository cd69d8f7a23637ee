"""Asking for a time, and being answered."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from portal_api.core.access import Role
from tests.api.scheduling.desk import APPOINTMENTS, HOUR, MINUTE, instant, soon
from tests.api.scheduling.held_time import Sql
from tests.api.scheduling.reception import DAY, MINE, REQUESTS, TUESDAY, Reception, open_reception
from tests.people import colleague, grant
from tests.world import World


@pytest.fixture
async def reception(world: World) -> Reception:
    return await open_reception(world)


def let_expire(sql: Sql, request: dict[str, Any]) -> None:
    """Its time is over now; nothing has written so, but the job that would is due."""
    sql("UPDATE appointment_request SET expires_at = now() - interval '1 second' WHERE id = %s", request["id"])
    sql("UPDATE calendar_claim SET expires_at = now() - interval '1 second' WHERE request_id = %s", request["id"])


def make_jobs_due(sql: Sql, request: dict[str, Any]) -> None:
    sql(
        "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND args ->> 'request_id' = %s",
        request["id"],
    )


class TestAsking:
    async def test_a_request_waits_for_an_answer(self, reception: Reception) -> None:
        """F10.M3"""
        made = await reception.request(note="In the garden, please.")
        assert (made["state"], made["starts_at"], made["ends_at"]) == (
            "requested",
            instant(TUESDAY),
            instant(TUESDAY + 50 * MINUTE),
        )
        assert (made["client_id"], made["note"], made["counter_offer"]) == (
            reception.client_id,
            "In the garden, please.",
            None,
        )
        assert await reception.seen(made) == made
        listed = (await reception.client.get(MINE)).json()["data"]
        assert listed == [made]

    async def test_it_holds_its_time_against_other_clients_at_once(self, reception: Reception) -> None:
        """SH-417, A22: the second gets 409 and times that are free."""
        await reception.request()
        other = await reception.other_client()
        assert not await reception.free_at(TUESDAY, by=other)
        refused = await reception.wish(by=other)
        assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
        alternatives = refused.json()["alternatives"]
        assert [slot["starts_at"] for slot in alternatives] == sorted(slot["starts_at"] for slot in alternatives)
        assert len(alternatives) == 5
        taken = await reception.wish(TUESDAY + HOUR, by=other)
        assert taken.status_code == 201
        assert taken.json()["starts_at"] in {slot["starts_at"] for slot in alternatives}

    @pytest.mark.parametrize(
        ("hours", "minutes"), [(0, 1), (0, 30), (24 * 60, 0), (-24 * 11, 0), (24 * 365 * 5, 0)], ids=str
    )
    async def test_what_is_not_offered_cannot_be_asked_for(
        self, reception: Reception, hours: int, minutes: int
    ) -> None:
        """A23: off the grid, beyond the horizon, in the past; nothing is held."""
        at = TUESDAY + timedelta(hours=hours, minutes=minutes)
        refused = await reception.wish(at)
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0] | {"detail": ""} == {
            "pointer": "/starts_at",
            "code": "not_offered",
            "detail": "",
        }
        assert (await reception.client.get(MINE)).json()["data"] == []

    async def test_outside_of_the_hours_nothing_can_be_asked_for(self, reception: Reception) -> None:
        """A23"""
        morning = [{"weekday": f"{TUESDAY:%A}".lower(), "start": "09:00", "end": "12:00"}]
        await reception.hours(windows=morning)
        refused = await reception.wish()
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_offered")
        nearest = [slot["starts_at"] for slot in refused.json()["alternatives"]]
        assert instant(TUESDAY - HOUR) in nearest
        assert (await reception.wish(TUESDAY - HOUR)).status_code == 201

    async def test_somebody_elses_hours_and_services_are_not_offered(self, reception: Reception) -> None:
        """A23: a colleague without hours, a service that clients do not book, one that there is not."""
        other, _ = await reception.colleague()
        assert (await reception.wish(practitioner_id=other)).status_code == 422
        internal = await reception.add_service(client_bookable=False)
        assert (await reception.wish(service_id=internal)).json()["errors"][0]["code"] == "not_offered"
        for field in ("practitioner_id", "service_id"):
            unknown = await reception.wish(**{field: "0190a0a0-0000-7000-8000-000000000000"})
            assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, f"/{field}")

    async def test_a_way_that_the_hours_do_not_have_is_not_offered(self, reception: Reception) -> None:
        in_person = [
            {"weekday": f"{TUESDAY:%A}".lower(), "start": "00:00", "end": "24:00", "modes": ["in_person"]},
        ]
        await reception.hours(windows=in_person)
        assert (await reception.wish()).status_code == 422
        assert (await reception.wish(mode="in_person")).status_code == 201

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("starts_at", "2030-01-07T14:00:00"),
            ("starts_at", "2030-01-07T14:00:30Z"),
            ("starts_at", "soon"),
            ("mode", "by_post"),
            ("state", "accepted"),
            ("ends_at", "2030-01-07T15:00:00Z"),
            ("note", ""),
            ("note", "x" * 5000),
            ("practitioner_id", None),
        ],
    )
    async def test_input_that_makes_no_sense_is_refused(self, reception: Reception, field: str, value: Any) -> None:
        refused = await reception.wish(**{field: value})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{field}")

    async def test_with_the_feature_off_there_are_no_requests(self, reception: Reception) -> None:
        """F2.M5: what waits stays decidable by staff, and comes back with the feature."""
        made = await reception.request()
        await reception.switch(appointment_requests=False)
        for refused in (
            await reception.wish(TUESDAY + HOUR),
            await reception.client.get(MINE),
            await reception.client.get(f"{MINE}/{made['id']}"),
            await reception.reply("withdraw", made),
        ):
            assert (refused.status_code, refused.json()["code"]) == (403, "feature_disabled")
        assert await reception.listed(state="requested") == [made["id"]]
        assert (await reception.answered("accept", made))["state"] == "accepted"
        await reception.switch(appointment_requests=True)
        assert (await reception.seen(made))["state"] == "accepted"

    async def test_a_retry_asks_once(self, reception: Reception) -> None:
        headers = {"Idempotency-Key": "a-key-of-the-caller"}
        body = {
            "practitioner_id": reception.practice.staff_id,
            "service_id": reception.service_id,
            "starts_at": instant(TUESDAY),
            "mode": "video",
        }
        first = await reception.client.post(MINE, body, headers=headers)
        again = await reception.client.post(MINE, body, headers=headers)
        assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)


class TestHowMany:
    async def test_a_client_has_ten_at_most(self, reception: Reception) -> None:
        """A25: the eleventh is refused until one is answered or withdrawn."""
        made = [await reception.request(TUESDAY + n * HOUR) for n in range(10)]
        refused = await reception.wish(TUESDAY + 10 * HOUR)
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_pending_requests")
        assert refused.json()["limit"] == 10
        assert (await reception.reply("withdraw", made[0])).status_code == 200
        assert (await reception.wish(TUESDAY + 10 * HOUR)).status_code == 201

    async def test_a_practitioners_day_has_room_for_so_many(self, reception: Reception) -> None:
        """A25: however many clients ask, the rest of the day stays free until some are answered."""
        owner = reception.practice.owner
        assert (await owner.patch("/v1/practice/portal", {"pending_requests_per_day": 3})).status_code == 200
        made = [await reception.request(TUESDAY + n * HOUR) for n in range(3)]
        refused = await reception.wish(TUESDAY + 3 * HOUR)
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_pending_requests")
        assert refused.json()["limit"] == 3
        assert (await reception.wish(TUESDAY + DAY)).status_code == 201
        assert (await reception.reply("withdraw", made[1])).status_code == 200
        assert (await reception.wish(TUESDAY + 3 * HOUR)).status_code == 201

    async def test_whoever_asks_for_the_client(self, reception: Reception, world: World) -> None:
        """A25: a second account does not double it; an account has twenty, for however many clients."""
        for n in range(10):
            await reception.request(TUESDAY + n * HOUR)
        guardian = await reception.portal(relationship="parent", permissions=("appointments.book",))
        assert (await reception.wish(TUESDAY + DAY, by=guardian)).json()["code"] == "too_many_pending_requests"
        children = [await reception.add_client() for _ in range(3)]
        for child in children:
            await grant(world, reception.practice, guardian.account["id"], child, "parent", ("appointments.book",))
        for n in range(20):
            made = await reception.wish(TUESDAY + DAY + n * HOUR, by=guardian, client_id=children[n // 10])
            assert made.status_code == 201, made.text
        refused = await reception.wish(TUESDAY + 3 * DAY, by=guardian, client_id=children[2])
        assert (refused.status_code, refused.json()["limit"]) == (409, 20)

    async def test_the_services_own_cap_counts_requests(self, reception: Reception) -> None:
        reception.service_id = await reception.add_service(
            slot_interval_minutes=60, min_notice_minutes=0, max_open_per_client=1
        )
        await reception.request()
        assert (await reception.wish(TUESDAY + HOUR)).status_code == 422


class TestForWhom:
    async def test_who_acts_for_several_says_for_whom(self, reception: Reception, world: World) -> None:
        child, stranger = await reception.add_client(), await reception.add_client()
        account_id = reception.client.account["id"]
        await grant(world, reception.practice, account_id, child, "parent", ("appointments.book",))
        assert (await reception.wish()).json()["errors"][0]["code"] == "client_id_required"
        assert (await reception.wish(client_id=stranger)).status_code == 404
        for_child = await reception.request(client_id=child)
        own = await reception.request(TUESDAY + HOUR, client_id=reception.client_id)
        assert [r["id"] for r in (await reception.client.get(MINE)).json()["data"]] == [own["id"], for_child["id"]]
        of_child = (await reception.client.get(MINE, params={"client_id": child})).json()["data"]
        assert [r["id"] for r in of_child] == [for_child["id"]]
        assert (await reception.client.get(MINE, params={"client_id": stranger})).status_code == 404

    async def test_a_guardian_without_the_permission_does_not_ask(self, reception: Reception) -> None:
        """F6.M1"""
        guardian = await reception.portal(relationship="parent", permissions=("appointments.view",))
        assert (await reception.wish(by=guardian)).json()["code"] == "feature_disabled"

    async def test_another_clients_request_is_not_there(self, reception: Reception) -> None:
        made, other = await reception.request(), await reception.other_client()
        assert (await other.get(f"{MINE}/{made['id']}")).status_code == 404
        for verb in ("withdraw", "accept", "decline"):
            assert (await reception.reply(verb, made, by=other)).status_code == 404
        assert (await other.get(MINE)).json()["data"] == []


class TestAccepting:
    async def test_it_opens_the_appointment(self, reception: Reception, world: World) -> None:
        """F10.M5"""
        made = await reception.request()
        accepted = await reception.answered("accept", made)
        appointment = accepted["appointment"]
        assert (accepted["state"], accepted["appointment_id"]) == ("accepted", appointment["id"])
        assert {name: appointment[name] for name in ("state", "starts_at", "client_id", "request_id", "mode")} == {
            "state": "booked",
            "starts_at": made["starts_at"],
            "client_id": reception.client_id,
            "request_id": made["id"],
            "mode": "video",
        }
        assert (await reception.owner.get(f"{APPOINTMENTS}/{appointment['id']}")).json() == appointment
        seen = await reception.seen(made)
        assert (seen["state"], seen["appointment_id"]) == ("accepted", appointment["id"])
        mail = await world.mail(reception.client.account["email"], "accepted")
        assert f"{TUESDAY.day} {TUESDAY:%B %Y}" in " ".join(mail.text.split())

    async def test_a_second_time_says_what_it_is(self, reception: Reception) -> None:
        made = await reception.request()
        accepted = await reception.answered("accept", made)
        for verb, by in (("accept", None), ("decline", None)):
            again = await reception.answer(verb, made, by)
            assert (again.status_code, again.json()["code"], again.json()["state"]) == (
                409,
                "invalid_state",
                "accepted",
            )
        assert (await reception.answer("accept", made)).json()["appointment_id"] == accepted["appointment_id"]
        assert len((await reception.owner.get(APPOINTMENTS)).json()["data"]) == 1

    async def test_a_time_that_went_to_somebody_else_is_a_clash(self, reception: Reception) -> None:
        """SH-417, F10.M5: staff book over the hold; accepting then answers 409 with alternatives, or offers another."""
        made = await reception.request()
        booked = await reception.book(TUESDAY, client_id=await reception.add_client())
        (shown,) = (await reception.owner.get(REQUESTS)).json()["data"]
        assert (shown["state"], shown["displaced_at"] is not None) == ("requested", True)
        clash = await reception.answer("accept", made)
        assert (clash.status_code, clash.json()["code"]) == (409, "slot_taken")
        assert instant(TUESDAY + HOUR) in {slot["starts_at"] for slot in clash.json()["alternatives"]}
        assert (await reception.seen(made))["state"] == "requested"
        over = await reception.answered("accept", made, allow_overlap=True)
        assert over["appointment"]["allow_overlap"] is True
        assert (await reception.read(booked))["allow_overlap"] is False

    async def test_it_pushes_no_other_request_away(self, reception: Reception) -> None:
        """The time was given up for an appointment that was cancelled since; another client has asked for it."""
        made = await reception.request()
        booked = await reception.book(TUESDAY, client_id=await reception.add_client())
        await reception.done("cancel", booked)
        second = await reception.request(by=await reception.other_client())
        assert (await reception.answer("accept", made)).json()["code"] == "slot_taken"
        assert (await reception.answered("accept", second))["state"] == "accepted"

    async def test_the_place_can_be_chosen(self, reception: Reception) -> None:
        location_id, room_id = await reception.add_room()
        made = await reception.request(mode="in_person")
        accepted = await reception.answered("accept", made, room_id=room_id)
        place = accepted["appointment"]["location_id"], accepted["appointment"]["room_id"]
        assert place == (location_id, room_id)

    async def test_a_room_that_is_taken_is_a_clash(self, reception: Reception) -> None:
        _, room_id = await reception.add_room()
        other, _ = await reception.colleague()
        await reception.book(TUESDAY, practitioner_id=other, room_id=room_id, mode="in_person")
        made = await reception.request(mode="in_person")
        clash = await reception.answer("accept", made, room_id=room_id)
        assert (clash.status_code, clash.json()["code"]) == (409, "slot_taken")
        assert (await reception.seen(made))["state"] == "requested"
        assert not await reception.free_at(TUESDAY)


class TestRefusing:
    async def test_a_refusal_frees_the_time_and_tells_the_client(self, reception: Reception, world: World) -> None:
        made = await reception.request()
        declined = await reception.answered("decline", made, message="I am away that week.")
        assert (declined["state"], declined["decision_message"]) == ("declined", "I am away that week.")
        assert (await reception.seen(made))["decision_message"] == "I am away that week."
        assert await reception.free_at(TUESDAY)
        mail = await world.mail(reception.client.account["email"], "cannot offer you the time")
        assert "away" not in mail.text

    async def test_without_a_message_too(self, reception: Reception) -> None:
        made = await reception.request()
        assert (await reception.answered("decline", made))["decision_message"] is None


class TestWithdrawing:
    async def test_it_frees_the_time_and_tells_the_practitioner(self, reception: Reception, world: World) -> None:
        made = await reception.request()
        withdrawn = await reception.reply("withdraw", made)
        assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")
        assert await reception.free_at(TUESDAY)
        await world.mail(reception.practice.owner_email, "taken back")
        again = await reception.reply("withdraw", made)
        assert (again.status_code, again.json()["state"]) == (409, "withdrawn")
        assert (await reception.answer("accept", made)).json()["state"] == "withdrawn"


class TestCounterOffers:
    async def test_another_time_is_held_in_place_of_the_first(self, reception: Reception, world: World) -> None:
        made = await reception.request()
        at = TUESDAY + 3 * HOUR
        offered = await reception.answered("counter-offer", made, starts_at=instant(at), message="A bit later?")
        offer = offered["counter_offer"]
        assert (offered["state"], offer["starts_at"], offer["message"]) == ("requested", instant(at), "A bit later?")
        assert await reception.free_at(TUESDAY)
        assert not await reception.free_at(at)
        mail = await world.mail(reception.client.account["email"], "offers you")
        assert f"{TUESDAY.day} {TUESDAY:%B %Y}" in " ".join(mail.text.split())
        assert "A bit later" not in mail.text

    async def test_the_client_takes_it(self, reception: Reception, world: World) -> None:
        made = await reception.request()
        at = TUESDAY + 3 * HOUR
        await reception.answered("counter-offer", made, starts_at=instant(at))
        taken = await reception.reply("accept", made)
        assert (taken.status_code, taken.json()["state"]) == (200, "accepted")
        (appointment,) = (await reception.owner.get(APPOINTMENTS)).json()["data"]
        assert (appointment["id"], appointment["starts_at"]) == (taken.json()["appointment_id"], instant(at))
        assert (appointment["client_id"], appointment["request_id"]) == (reception.client_id, made["id"])
        await world.mail(reception.practice.owner_email, "answered or taken back")
        assert (await reception.reply("accept", made)).json()["state"] == "accepted"

    async def test_the_client_turns_it_down(self, reception: Reception) -> None:
        made = await reception.request()
        at = TUESDAY + 3 * HOUR
        await reception.answered("counter-offer", made, starts_at=instant(at))
        refused = await reception.reply("decline", made, message="Too late for me.")
        assert (refused.status_code, refused.json()["state"]) == (200, "declined")
        assert await reception.free_at(at)
        (shown,) = (await reception.owner.get(REQUESTS)).json()["data"]
        assert (shown["decision_message"], shown["decided_by"]) == (
            "Too late for me.",
            reception.client.account["id"],
        )

    async def test_without_an_offer_there_is_nothing_to_answer(self, reception: Reception) -> None:
        made = await reception.request()
        for verb in ("accept", "decline"):
            refused = await reception.reply(verb, made)
            assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (
                409,
                "invalid_state",
                "requested",
            )

    async def test_staff_may_still_accept_the_first_time(self, reception: Reception) -> None:
        made = await reception.request()
        at = TUESDAY + 3 * HOUR
        await reception.answered("counter-offer", made, starts_at=instant(at))
        accepted = await reception.answered("accept", made)
        assert accepted["appointment"]["starts_at"] == instant(TUESDAY)
        assert await reception.free_at(at)

    async def test_a_time_that_is_taken_cannot_be_offered(self, reception: Reception) -> None:
        made = await reception.request()
        await reception.book(TUESDAY + HOUR, client_id=await reception.add_client())
        clash = await reception.answer("counter-offer", made, starts_at=instant(TUESDAY + HOUR))
        assert (clash.status_code, clash.json()["code"]) == (409, "slot_taken")
        assert clash.json()["alternatives"]
        seen = await reception.seen(made)
        assert (seen["counter_offer"], seen["version"]) == (None, made["version"])
        assert not await reception.free_at(TUESDAY)

    async def test_an_offer_that_was_booked_over_is_a_clash_for_the_client(self, reception: Reception) -> None:
        made = await reception.request()
        at = TUESDAY + 3 * HOUR
        await reception.answered("counter-offer", made, starts_at=instant(at))
        await reception.book(at, client_id=await reception.add_client())
        clash = await reception.reply("accept", made)
        assert (clash.status_code, clash.json()["code"]) == (409, "slot_taken")
        assert instant(TUESDAY) in {slot["starts_at"] for slot in clash.json()["alternatives"]}
        later = await reception.answered("counter-offer", made, starts_at=instant(at + HOUR))
        assert later["displaced_at"] is None
        assert (await reception.reply("accept", made)).status_code == 200

    @pytest.mark.parametrize(("at", "code"), [(TUESDAY, "same_time"), (soon(hours=-2), "past")])
    async def test_it_is_another_time_and_lies_ahead(self, reception: Reception, at: Any, code: str) -> None:
        made = await reception.request()
        refused = await reception.answer("counter-offer", made, starts_at=instant(at))
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code)


class TestExpiry:
    async def test_it_lasts_as_long_as_the_practice_says(self, reception: Reception) -> None:
        """72 hours unless it says otherwise, and never past its start."""
        made = await reception.request()
        assert _hours(made) == pytest.approx(72, abs=0.1)
        await reception.set_portal(request_ttl_hours=5)
        assert _hours(await reception.request(TUESDAY + HOUR)) == pytest.approx(5, abs=0.1)
        soonest = (soon() + HOUR).replace(minute=0)
        assert (await reception.request(soonest))["expires_at"] == instant(soonest)

    async def test_the_clock_ends_it_before_any_job_has_written_so(self, reception: Reception, sql: Sql) -> None:
        made = await reception.request()
        let_expire(sql, made)
        assert (await reception.seen(made))["state"] == "expired"
        assert await reception.listed(state="requested") == []
        assert await reception.listed(state="expired") == [made["id"]]
        for response in (await reception.answer("accept", made), await reception.answer("decline", made)):
            assert (response.status_code, response.json()["state"]) == (409, "expired")
        assert (await reception.reply("withdraw", made)).json()["state"] == "expired"
        other = await reception.other_client()
        assert await reception.free_at(TUESDAY, by=other)
        assert (await reception.wish(by=other)).status_code == 201

    async def test_the_job_writes_it_down_and_tells_the_client(
        self, reception: Reception, world: World, sql: Sql
    ) -> None:
        made = await reception.request()
        let_expire(sql, made)
        make_jobs_due(sql, made)
        await world.mail(reception.client.account["email"], "has expired")
        assert sql("SELECT state FROM appointment_request WHERE id = %s", made["id"]) == [("expired",)]
        assert sql("SELECT count(*) FROM calendar_claim WHERE request_id = %s", made["id"]) == [(0,)]

    async def test_a_counter_offer_gives_it_more_time(self, reception: Reception, world: World, sql: Sql) -> None:
        """The job comes at the first time, looks, and comes again at the later one."""
        made = await reception.request()
        make_jobs_due(sql, made)
        await world.run_jobs()
        assert (await reception.seen(made))["state"] == "requested"
        jobs = "SELECT scheduled_at FROM procrastinate_jobs WHERE status = 'todo' AND args ->> 'request_id' = %s"
        ((at,),) = sql(jobs, made["id"])
        assert at == datetime.fromisoformat(made["expires_at"])


class TestWhoSeesThem:
    async def test_practitioners_their_own_schedulers_all(self, reception: Reception, world: World) -> None:
        other_id, other = await reception.colleague()
        await reception.hours(other_id)
        mine, theirs = await reception.request(), await reception.request(practitioner_id=other_id)
        scheduler, _ = await colleague(world, reception.practice, Role.SCHEDULER)
        assert await reception.listed(scheduler) == [theirs["id"], mine["id"]]
        assert await reception.listed(scheduler, practitioner_id=other_id) == [theirs["id"]]
        assert await reception.listed(other) == [theirs["id"]]
        assert (await other.get(f"{REQUESTS}/{mine['id']}")).status_code == 404
        for verb in ("accept", "decline"):
            assert (await reception.answer(verb, mine, other)).status_code == 404
        assert (await reception.answer("accept", theirs, other)).status_code == 200
        assert (await reception.answer("accept", mine, scheduler)).status_code == 200

    async def test_a_supervisor_reads_and_does_not_decide(self, reception: Reception) -> None:
        made = await reception.request()
        supervisor_id, supervisor = await reception.colleague("supervisor", "practitioner")
        await reception.owner.patch(
            f"/v1/practice/staff/{supervisor_id}", {"supervises": [reception.practice.staff_id]}
        )
        assert await reception.listed(supervisor) == [made["id"]]
        assert (await reception.answer("accept", made, supervisor)).status_code == 403

    async def test_billers_see_none(self, reception: Reception, world: World) -> None:
        made = await reception.request()
        biller, _ = await colleague(world, reception.practice, Role.BILLER)
        assert await reception.listed(biller) == []
        assert (await biller.get(f"{REQUESTS}/{made['id']}")).status_code == 404
        assert (await reception.answer("accept", made, biller)).status_code == 403

    async def test_whoever_looks_is_on_record(self, reception: Reception, world: World) -> None:
        """S42"""
        made = await reception.request()
        await reception.owner.get(f"{REQUESTS}/{made['id']}")
        events = (await reception.owner.get("/v1/audit-events", params={"limit": 100})).json()["data"]
        seen = [event for event in events if event["type"] == "appointment_request.viewed"]
        assert [event["client_ids"] for event in seen] == [[reception.client_id]]

    async def test_the_practitioner_is_told_and_nothing_is_said(self, reception: Reception, world: World) -> None:
        await reception.request(note="About my divorce.")
        mail = await world.mail(reception.practice.owner_email, "appointment request")
        assert "divorce" not in mail.text
        assert "Grace" not in mail.text

    async def test_lists_go_on_page_by_page(self, reception: Reception) -> None:
        made = [(await reception.request(TUESDAY + n * HOUR))["id"] for n in range(3)][::-1]
        for caller, path in ((reception.owner, REQUESTS), (reception.client, MINE)):
            first = (await caller.get(path, params={"limit": 2})).json()
            second = (await caller.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()
            assert [row["id"] for row in first["data"] + second["data"]] == made
            assert second["next_cursor"] is None


def _hours(request: dict[str, Any]) -> float:
    created, expires = (datetime.fromisoformat(request[name]) for name in ("created_at", "expires_at"))
    return (expires - created) / timedelta(hours=1)
