"""Clients and staff at the same moment: one gets the time, everybody gets an answer, nothing waits in a circle."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.api.scheduling.desk import HOUR, instant
from tests.api.scheduling.held_time import Sql, must_hold
from tests.api.scheduling.reception import DAY, TUESDAY, Reception, open_reception
from tests.world import Caller, World


@pytest.fixture
async def reception(world: World) -> Reception:
    return await open_reception(world)


@pytest.fixture
async def crowd(reception: Reception) -> list[Caller]:
    """Eight clients, signed in."""
    return [reception.client, *await asyncio.gather(*(reception.other_client() for _ in range(7)))]


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def test_of_two_hundred_who_ask_for_one_time_one_gets_it(
    reception: Reception, crowd: list[Caller], sql: Sql
) -> None:
    """A22, R07: one 201, and 409 with alternatives for everybody else."""
    answers = await asyncio.gather(*(reception.wish(by=crowd[n % 8]) for n in range(200)))
    assert statuses(answers) == {201: 1, 409: 199}
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {refusal["code"] for refusal in refusals} == {"slot_taken"}
    assert all(len(refusal["alternatives"]) == 5 for refusal in refusals)
    must_hold(sql, reception.practice.id)


async def test_of_many_whose_requests_are_accepted_at_once_one_gets_it(
    reception: Reception, crowd: list[Caller], sql: Sql
) -> None:
    """A22, F10.B2: with staff who book the same time meanwhile."""
    path = f"/v1/services/{reception.service_id}"
    assert (await reception.owner.patch(path, {"auto_accept": "existing"})).status_code == 200
    asking = (reception.wish(by=crowd[n % 8]) for n in range(60))
    answers = await asyncio.gather(*asking, *(reception.ask(TUESDAY) for _ in range(20)))
    assert statuses(answers) == {201: 1, 409: 79}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot_taken"}
    must_hold(sql, reception.practice.id)


async def test_a_crowd_over_a_day_gets_what_there_is(reception: Reception, crowd: list[Caller], sql: Sql) -> None:
    """A22, A25: every hour once, as far as the practice takes requests for one day."""
    assert (await reception.practice.owner.patch("/v1/practice/portal", {"pending_requests_per_day": 22})).is_success
    day = TUESDAY.replace(hour=0) + DAY
    answers = await asyncio.gather(*(reception.wish(day + n % 24 * HOUR, by=crowd[n % 8]) for n in range(120)))
    assert statuses(answers) == {201: 22, 409: 98}
    must_hold(sql, reception.practice.id)


async def test_nobody_gets_past_the_cap_by_being_quick(reception: Reception) -> None:
    """A25"""
    answers = await asyncio.gather(*(reception.wish(TUESDAY + n * HOUR) for n in range(16)))
    assert statuses(answers) == {201: 10, 409: 6}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"too_many_pending_requests"}


async def test_accepted_or_withdrawn_and_never_both(reception: Reception, sql: Sql) -> None:
    made = [await reception.request(TUESDAY + n * HOUR) for n in range(10)]

    async def both(request: dict[str, Any]) -> tuple[str, str]:
        first, second = reception.answer("accept", request), reception.reply("withdraw", request)
        answers = await asyncio.gather(first, second)
        assert statuses(answers) == {200: 1, 409: 1}
        (won,), (lost,) = [[a.json() for a in answers if a.status_code == status] for status in (200, 409)]
        assert (lost["code"], lost["state"]) == ("invalid_state", won["state"])
        return won["state"], (await reception.seen(request))["state"]

    outcomes = await asyncio.gather(*(both(request) for request in made))
    assert {won for won, _ in outcomes} <= {"accepted", "withdrawn"}
    assert all(won == seen for won, seen in outcomes)
    must_hold(sql, reception.practice.id)


async def test_accepted_once(reception: Reception, sql: Sql) -> None:
    """F10.M5"""
    made = await reception.request()
    answers = await asyncio.gather(*(reception.answer("accept", made) for _ in range(20)))
    assert statuses(answers) == {200: 1, 409: 19}
    assert {answer.json().get("state") for answer in answers} == {"accepted"}
    assert len((await reception.owner.get("/v1/appointments")).json()["data"]) == 1
    must_hold(sql, reception.practice.id)


async def test_of_two_requests_for_one_time_one_is_accepted(reception: Reception, sql: Sql) -> None:
    """The first has lost its hold to an appointment that was cancelled since."""
    first = await reception.request()
    booked = await reception.book(TUESDAY, client_id=await reception.add_client())
    await reception.done("cancel", booked)
    second = await reception.request(by=await reception.other_client())
    answers = await asyncio.gather(*(reception.answer("accept", each) for each in (first, second)))
    assert statuses(answers) == {200: 1, 409: 1}
    must_hold(sql, reception.practice.id)


async def test_requests_and_the_calendar_at_once_leave_no_overlap(
    reception: Reception, crowd: list[Caller], sql: Sql
) -> None:
    """S21: asked for, accepted, withdrawn, offered anew, booked over, moved; two calendars, all at once."""
    other_id, _ = await reception.colleague()
    await reception.hours(other_id)
    people = [reception.practice.staff_id, other_id]
    made = [
        await reception.request(TUESDAY + n // 2 * HOUR, by=crowd[n % 8], practitioner_id=people[n % 2])
        for n in range(12)
    ]
    booked = [await reception.book(TUESDAY + (8 + n) * HOUR, practitioner_id=people[n % 2]) for n in range(6)]
    later = {"starts_at": instant(TUESDAY + 7 * HOUR)}
    work = [
        *(reception.answer("accept", request) for request in made[:6]),
        *(reception.answer("counter-offer", request, **later) for request in made[3:9]),
        *(reception.reply("withdraw", request, by=crowd[n % 8]) for n, request in enumerate(made)),
        *(reception.reply("accept", request, by=crowd[n % 8]) for n, request in enumerate(made)),
        *(reception.wish(TUESDAY + n % 8 * HOUR, by=crowd[n % 8], practitioner_id=people[n % 2]) for n in range(24)),
        *(reception.ask(TUESDAY + n * HOUR / 2, practitioner_id=people[n % 2]) for n in range(12)),
        *(reception.do("reschedule", each, starts_at=instant(TUESDAY + HOUR / 2)) for each in booked),
        *(reception.do("cancel", each) for each in booked),
    ]
    answers = statuses(await asyncio.gather(*work))
    assert answers.keys() <= {200, 201, 409}, answers
    assert answers[201] > 2
    must_hold(sql, reception.practice.id)
