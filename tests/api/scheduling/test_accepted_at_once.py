"""Requests that the rule of their service accepts without an answer (F10.B2)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.scheduling.desk import APPOINTMENTS, HOUR
from tests.api.scheduling.held_time import Sql
from tests.api.scheduling.reception import DAY, TUESDAY, Reception, open_reception
from tests.world import World

WEEK = timedelta(weeks=1)


@pytest.fixture
async def reception(world: World) -> Reception:
    return await open_reception(world)


async def allow(reception: Reception, rule: str) -> None:
    response = await reception.owner.patch(f"/v1/services/{reception.service_id}", {"auto_accept": rule})
    assert (response.status_code, response.json()["auto_accept"]) == (200, rule)


async def came(reception: Reception, sql: Sql, before: timedelta, state: str = "attended") -> None:
    """The client was there, so long before the wished time."""
    made = await reception.book(TUESDAY + HOUR)
    at = TUESDAY - before
    statement = "UPDATE {} SET starts_at = %s{} WHERE practice_id = %s AND {} = %s"
    appointment = statement.format("appointment", ", ends_at = %s, state = %s, cancelled_at = %s", "id")
    cancelled_at = at - DAY if state.endswith("cancelled") else None
    sql(appointment, at, at + HOUR, state, cancelled_at, reception.practice.id, made["id"])
    sql(statement.format("appointment_attendee", "", "appointment_id"), at, reception.practice.id, made["id"])
    sql("DELETE FROM calendar_claim WHERE practice_id = %s AND appointment_id = %s", reception.practice.id, made["id"])


class TestOff:
    async def test_it_is_off_unless_the_practice_says_so(self, reception: Reception) -> None:
        service = (await reception.owner.get(f"/v1/services/{reception.service_id}")).json()
        assert service["auto_accept"] == "none"
        assert (await reception.request())["state"] == "requested"

    @pytest.mark.parametrize(("rule", "code"), [("always", "enum"), (None, "null_not_allowed")])
    async def test_a_rule_that_is_none_is_refused(self, reception: Reception, rule: Any, code: str) -> None:
        response = await reception.owner.patch(f"/v1/services/{reception.service_id}", {"auto_accept": rule})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/auto_accept")
        assert response.json()["errors"][0]["code"] == code


class TestExisting:
    async def test_a_clients_request_is_an_appointment_at_once(self, reception: Reception) -> None:
        await allow(reception, "existing")
        made = await reception.request()
        assert (made["state"], made["decision_message"]) == ("accepted", None)
        assert await reception.listed(state="requested") == []
        booked = (await reception.owner.get(f"{APPOINTMENTS}/{made['appointment_id']}")).json()
        assert {name: booked[name] for name in ("state", "starts_at", "client_id", "request_id")} == {
            "state": "booked",
            "starts_at": made["starts_at"],
            "client_id": reception.client_id,
            "request_id": made["id"],
        }
        assert not await reception.free_at(TUESDAY)
        refused = await reception.wish(by=await reception.other_client())
        assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")

    async def test_nothing_of_it_can_be_decided_again(self, reception: Reception) -> None:
        await allow(reception, "existing")
        made = await reception.request()
        assert (await reception.answer("accept", made)).json()["code"] == "invalid_state"
        assert (await reception.answer("decline", made)).json()["code"] == "invalid_state"
        assert (await reception.reply("withdraw", made)).json()["code"] == "invalid_state"
        mine = await reception.client.post(f"/v1/me/appointments/{made['appointment_id']}/cancel")
        assert mine.status_code in (200, 403), mine.text

    async def test_a_guardian_asks_for_the_child(self, reception: Reception) -> None:
        await allow(reception, "existing")
        guardian = await reception.portal(relationship="parent", permissions=("appointments.book",))
        made = await reception.request(by=guardian)
        assert (made["state"], made["client_id"]) == ("accepted", reception.client_id)

    async def test_who_has_ten_to_come_waits_for_an_answer(self, reception: Reception) -> None:
        """A25"""
        await allow(reception, "existing")
        made = [await reception.request(TUESDAY + n * HOUR) for n in range(11)]
        assert [request["state"] for request in made] == ["accepted"] * 10 + ["requested"]

    async def test_it_is_recorded_who_booked_and_what_accepted(self, reception: Reception, sql: Sql) -> None:
        await allow(reception, "existing")
        made = await reception.request()
        events = sql(
            "SELECT type, actor_kind FROM event WHERE practice_id = %s AND resource_id IN (%s, %s) ORDER BY type",
            reception.practice.id,
            made["id"],
            made["appointment_id"],
        )
        assert [tuple(event) for event in events] == [
            ("appointment.booked", "client"),
            ("appointment_request.accepted_at_once", "system"),
        ]

    async def test_client_and_practitioner_are_told_once_each(self, reception: Reception, world: World) -> None:
        """F14.M1: the practitioner of a booking, not of a request that waits for an answer."""
        await allow(reception, "existing")
        await reception.request()
        for account in (reception.client.account, reception.owner.account):
            subjects = [mail.subject for mail in await world.mails(account["email"])]
            assert sum("appointment with" in subject.lower() for subject in subjects) == 1, subjects
            assert not any("request" in subject.lower() for subject in subjects), subjects


class TestUsualTime:
    @pytest.mark.parametrize("weeks", [2, 8])
    async def test_the_weekday_and_time_at_which_they_come(self, reception: Reception, sql: Sql, weeks: int) -> None:
        await came(reception, sql, weeks * WEEK)
        await allow(reception, "usual_time")
        assert (await reception.request())["state"] == "accepted"
        assert (await reception.request(TUESDAY + HOUR))["state"] == "requested"
        assert (await reception.request(TUESDAY + DAY))["state"] == "requested"

    @pytest.mark.parametrize(
        ("before", "state"),
        [(9 * WEEK, "attended"), (2 * WEEK, "no_show"), (2 * WEEK, "late_cancelled"), (2 * WEEK, "cancelled")],
    )
    async def test_what_is_long_ago_or_did_not_take_place_is_none(
        self, reception: Reception, sql: Sql, before: timedelta, state: str
    ) -> None:
        await came(reception, sql, before, state)
        await allow(reception, "usual_time")
        assert (await reception.request())["state"] == "requested"

    async def test_somebody_elses_usual_time_is_not_theirs(self, reception: Reception, sql: Sql) -> None:
        await came(reception, sql, 2 * WEEK)
        await allow(reception, "usual_time")
        assert (await reception.request(by=await reception.other_client()))["state"] == "requested"
