"""Many at once: one gets the time, everybody gets an answer, nothing waits in a circle."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.scheduling.desk import APPOINTMENTS, DAY, HOUR, NOON, Desk, instant, open_desk
from tests.world import World

Sql = Callable[..., list[Any]]
OVERLAPS = """
SELECT count(*) FROM appointment a JOIN appointment b ON a.practice_id = b.practice_id AND a.id < b.id
 AND a.practitioner_id = b.practitioner_id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
WHERE a.practice_id = %s AND a.state NOT IN ('cancelled', 'late_cancelled')
 AND b.state NOT IN ('cancelled', 'late_cancelled') AND NOT a.allow_overlap AND NOT b.allow_overlap
"""
"""Pairs that share a practitioner's time without anybody having said so."""
WITHOUT_CLAIM = """
SELECT count(*) FROM appointment a FULL JOIN calendar_claim c ON c.practice_id = a.practice_id
 AND c.appointment_id = a.id AND c.starts_at = a.starts_at AND c.ends_at = a.ends_at
 AND c.room_id IS NOT DISTINCT FROM a.room_id AND c.allow_overlap = a.allow_overlap
WHERE coalesce(a.practice_id, c.practice_id) = %s AND a.state IS DISTINCT FROM 'cancelled'
 AND a.state IS DISTINCT FROM 'late_cancelled' AND (a.id IS NULL OR c.id IS NULL)
"""


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)


def must_hold(desk: Desk, sql: Sql) -> None:
    for invariant in (OVERLAPS, WITHOUT_CLAIM):
        assert sql(invariant, desk.practice.id) == [(0,)], invariant


async def test_of_two_hundred_who_book_one_time_one_gets_it(desk: Desk, sql: Sql) -> None:
    """A22, R07: one 201, and 409 for everybody else."""
    answers = await asyncio.gather(*(desk.ask() for _ in range(200)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 199}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot_taken"}
    must_hold(desk, sql)


async def test_moves_that_cross_each_other_do_not_wait_in_a_circle(desk: Desk, sql: Sql) -> None:
    """Everybody wants the time, and the room, of somebody else: 409 or done, never stuck, never two at once."""
    places = [await desk.add_room() for _ in range(2)]
    people = [desk.practice.staff_id, (await desk.colleague())[0]]
    booked = [
        await desk.book(NOON + n * HOUR, practitioner_id=people[n % 2], room_id=places[n // 2 % 2][1]) for n in range(8)
    ]

    async def swap(n: int) -> int:
        other = booked[(n * 3 + 1) % 8]
        move = {"starts_at": other["starts_at"], "room_id": places[n % 2][1]}
        return (await desk.do("reschedule", booked[n % 8], **move)).status_code

    outcomes = Counter(await asyncio.gather(*(swap(n) for n in range(64))))
    assert outcomes.keys() <= {200, 409}, outcomes
    must_hold(desk, sql)


async def test_whatever_happens_at_once_leaves_no_overlap(desk: Desk, sql: Sql) -> None:
    """S21: bookings at all hours, series over them, moves and cancellations, at once."""
    booked = [await desk.book(NOON + n * DAY) for n in range(6)]
    weekly = {"rrule": "FREQ=DAILY;COUNT=6", "on_clash": "skip"}
    paths = [f"{APPOINTMENTS}/{each['id']}" for each in booked]
    work = [
        *(desk.ask(NOON + n % 6 * DAY + n // 6 * HOUR / 2) for n in range(36)),
        *(desk.owner.post("/v1/appointment-series", desk.body(NOON + n * HOUR / 3, **weekly)) for n in range(6)),
        *(desk.owner.post(f"{path}/reschedule", {"starts_at": instant(NOON + 2 * HOUR)}) for path in paths),
        *(desk.owner.post(f"{path}/cancel") for path in paths),
        *(desk.owner.post(f"{path}/attended") for path in paths),
    ]
    outcomes = Counter(answer.status_code for answer in await asyncio.gather(*work))
    assert outcomes.keys() <= {200, 201, 409}, outcomes
    assert outcomes[201] > 6
    must_hold(desk, sql)


async def test_of_many_who_cancel_one_does(desk: Desk) -> None:
    """One event, one sequence: the others are told that it is done."""
    made = await desk.book()
    answers = await asyncio.gather(*(desk.do("cancel", made) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
    assert (await desk.read(made))["sequence"] == 1
