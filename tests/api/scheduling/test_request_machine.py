"""Whatever clients and staff do in whatever order: a model foretells the answers, and no time is taken twice (R07)."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import count
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.api.scheduling.desk import APPOINTMENTS, DAY, MINUTE, instant
from tests.api.scheduling.held_time import Sql, must_hold
from tests.api.scheduling.reception import MINE, REQUESTS, Reception, open_reception
from tests.world import Caller, World

T = TypeVar("T")
STATES = """
SELECT id, CASE WHEN state = 'requested' AND expires_at <= now() THEN 'expired' ELSE state END
FROM appointment_request WHERE id = ANY (%s::uuid[])
"""


@dataclass
class Holder:
    """A request or an appointment, as the model knows it. `at`: half hours from the morning; None holds nothing."""

    id: str
    staff: int
    client: int
    asked: int
    at: int | None
    state: str
    offered: int | None = None


@dataclass(frozen=True)
class Step:
    """What happens next. `which` picks among the requests or appointments that there are, newest first."""

    what: str
    which: int
    client: int
    staff: int
    at: int
    over: bool


STEPS = st.builds(
    Step,
    # One choice, not a rule each: hypothesis leaves out some rules in each run, and then little ever meets.
    what=st.sampled_from(
        [
            *("ask", "ask", "ask", "withdraw", "take_offer", "take_offer", "refuse_offer"),
            *("accept", "accept", "decline", "offer", "offer", "offer", "expire", "book", "book", "move", "cancel"),
        ]
    ),
    which=st.integers(0, 3),
    client=st.integers(0, 1),
    staff=st.integers(0, 1),
    at=st.integers(0, 9),
    over=st.booleans(),
)


class Machine(RuleBasedStateMachine):
    """Two clients, two practitioners, one day. A session with its buffer takes an hour, and times are half hours."""

    def __init__(self, house: "House") -> None:
        super().__init__()
        self.house = house
        self.morning = next(house.mornings)
        self.asked: list[Holder] = []
        self.booked: list[Holder] = []

    @rule(step=STEPS)
    def step(self, step: Step) -> None:
        match step.what:
            case "ask":
                self.ask(step.client, step.staff, step.at // 2 * 2)
            case "book":
                self.book(step.client, step.staff, step.at, step.over)
            case "move" | "cancel" if self.booked:
                appointment = self.booked[-1 - step.which % len(self.booked)]
                self.move(appointment, step.at, step.over) if step.what == "move" else self.cancel(appointment)
            case "move" | "cancel":
                pass
            case _ if self.asked:
                self.answer(step, self.asked[-1 - step.which % len(self.asked)])

    def answer(self, step: Step, request: Holder) -> None:
        match step.what:
            case "withdraw":
                self.withdraw(request)
            case "take_offer":
                self.take_offer(request)
            case "refuse_offer":
                self.refuse_offer(request)
            case "accept":
                self.accept(request, step.over)
            case "decline":
                self.decline(request)
            case "offer":
                self.offer(request, step.at)
            case _ if request.state == "requested":
                self.house.let_expire(request)
                self.end(request, "expired")

    # What is there

    def at(self, number: int) -> datetime:
        return self.morning + number * 30 * MINUTE

    def overlapping(self, holders: list[Holder], staff: int, at: int, but: Holder | None = None) -> list[Holder]:
        return [
            holder
            for holder in holders
            if holder is not but and holder.staff == staff and holder.at is not None and abs(holder.at - at) < 2
        ]

    def taken(self, staff: int, at: int, but: Holder | None = None) -> bool:
        return bool(self.overlapping(self.asked + self.booked, staff, at, but))

    def expect(self, response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = response.json()
        assert (response.status_code, answer.get("code")) == (status, code), response.text
        return answer

    def refused_unless_open(self, response: httpx.Response, request: Holder) -> bool:
        """Whether the request had been answered already, and so this was refused."""
        if request.state == "requested":
            return False
        answer = self.expect(response, 409, "invalid_state")
        assert answer["state"] == request.state
        return True

    # What clients do

    def ask(self, client: int, staff: int, at: int) -> None:
        response = self.house.ask(client, staff, self.at(at))
        if self.taken(staff, at):
            assert len(self.expect(response, 409, "slot_taken")["alternatives"]) == 5
            return
        made = self.expect(response, 201)
        self.asked.append(Holder(made["id"], staff, client, at, at, "requested"))

    def withdraw(self, request: Holder) -> None:
        response = self.house.reply(request, "withdraw")
        if not self.refused_unless_open(response, request):
            self.expect(response, 200)
            self.end(request, "withdrawn")

    def take_offer(self, request: Holder) -> None:
        response = self.house.reply(request, "accept")
        if self.refused_unless_open(response, request):
            return
        if request.offered is None:
            self.expect(response, 409, "invalid_state")
        elif self.taken(request.staff, request.offered, but=request):
            self.expect(response, 409, "slot_taken")
        else:
            self.open(request, self.expect(response, 200)["appointment_id"], request.offered)

    def refuse_offer(self, request: Holder) -> None:
        response = self.house.reply(request, "decline")
        if self.refused_unless_open(response, request):
            return
        if request.offered is None:
            self.expect(response, 409, "invalid_state")
        else:
            self.expect(response, 200)
            self.end(request, "declined")

    # What staff do

    def accept(self, request: Holder, over: bool) -> None:
        response = self.house.answer(request, "accept", allow_overlap=over)
        if self.refused_unless_open(response, request):
            return
        clash = self.taken(request.staff, request.asked, but=request)
        if clash and not over:
            self.expect(response, 409, "slot_taken")
        else:
            appointment = self.expect(response, 200)["appointment"]
            assert appointment["allow_overlap"] is clash
            self.open(request, appointment["id"], request.asked)

    def decline(self, request: Holder) -> None:
        response = self.house.answer(request, "decline")
        if not self.refused_unless_open(response, request):
            self.expect(response, 200)
            self.end(request, "declined")

    def offer(self, request: Holder, at: int) -> None:
        response = self.house.answer(request, "counter-offer", starts_at=instant(self.at(at)))
        if self.refused_unless_open(response, request):
            return
        if at == request.asked:
            self.expect(response, 422, "invalid")
        elif self.taken(request.staff, at, but=request):
            self.expect(response, 409, "slot_taken")
        else:
            self.expect(response, 200)
            request.at = request.offered = at

    def book(self, client: int, staff: int, at: int, over: bool) -> None:
        response = self.house.book(client, staff, self.at(at), over)
        clash = bool(self.overlapping(self.booked, staff, at))
        if clash and not over:
            self.expect(response, 409, "slot_taken")
            return
        made = self.expect(response, 201)
        assert made["allow_overlap"] is clash
        self.displace(staff, at)
        self.booked.append(Holder(made["id"], staff, client, at, at, "booked"))

    def move(self, appointment: Holder, at: int, over: bool) -> None:
        response = self.house.do(appointment, "reschedule", starts_at=instant(self.at(at)), allow_overlap=over)
        clash = bool(self.overlapping(self.booked, appointment.staff, at, but=appointment))
        if appointment.state != "booked":
            self.expect(response, 409, "invalid_state")
        elif clash and not over:
            self.expect(response, 409, "slot_taken")
        else:
            assert self.expect(response, 200)["allow_overlap"] is clash
            self.displace(appointment.staff, at)
            appointment.at = at

    def cancel(self, appointment: Holder) -> None:
        response = self.house.do(appointment, "cancel")
        if appointment.state != "booked":
            self.expect(response, 409, "invalid_state")
        else:
            self.expect(response, 200)
            self.end(appointment, "cancelled")

    # What follows

    def open(self, request: Holder, appointment_id: str, at: int) -> None:
        self.end(request, "accepted")
        self.booked.append(Holder(appointment_id, request.staff, request.client, at, at, "booked"))

    def end(self, holder: Holder, state: str) -> None:
        holder.state, holder.at = state, None

    def displace(self, staff: int, at: int) -> None:
        """Staff book over what is only held."""
        for request in self.overlapping(self.asked, staff, at):
            request.at = None

    @invariant()
    def time_is_held_once_and_by_those_who_have_it(self) -> None:
        must_hold(self.house.sql, self.house.practice_id)

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        assert {r.id: r.state for r in self.asked} == self.house.states(self.asked)

    def teardown(self) -> None:
        """The next run finds the clients with nothing pending."""
        for request in self.asked:
            if request.state == "requested":
                self.house.answer(request, "decline")


class House:
    """The reception, for a machine in a thread of its own: every call is a request of the loop's."""

    def __init__(self, reception: Reception, clients: list[tuple[str, Caller]], staff: list[str], sql: Sql) -> None:
        self.reception, self.clients, self.staff, self.sql = reception, clients, staff, sql
        self.loop = asyncio.get_running_loop()
        self.practice_id = reception.practice.id
        self.mornings: Iterator[datetime] = (_morning(n) for n in count(3))

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def ask(self, client: int, staff: int, at: datetime) -> httpx.Response:
        caller = self.clients[client][1]
        return self.wait(self.reception.wish(at, by=caller, practitioner_id=self.staff[staff]))

    def reply(self, request: Holder, verb: str) -> httpx.Response:
        return self.wait(self.clients[request.client][1].post(f"{MINE}/{request.id}/{verb}"))

    def answer(self, request: Holder, verb: str, **body: Any) -> httpx.Response:
        return self.wait(self.reception.owner.post(f"{REQUESTS}/{request.id}/{verb}", body or None))

    def book(self, client: int, staff: int, at: datetime, allow_overlap: bool) -> httpx.Response:
        who = {"client_id": self.clients[client][0], "practitioner_id": self.staff[staff]}
        return self.wait(self.reception.ask(at, **who, allow_overlap=allow_overlap))

    def do(self, appointment: Holder, verb: str, **body: Any) -> httpx.Response:
        return self.wait(self.reception.owner.post(f"{APPOINTMENTS}/{appointment.id}/{verb}", body or None))

    def states(self, requests: list[Holder]) -> dict[str, str]:
        rows = self.sql(STATES, [request.id for request in requests])
        return {str(id): state for id, state in rows}

    def let_expire(self, request: Holder) -> None:
        past = "expires_at = now() - interval '1 second'"
        self.sql(f"UPDATE appointment_request SET {past} WHERE id = %s", request.id)
        self.sql(f"UPDATE calendar_claim SET {past} WHERE request_id = %s", request.id)


def _morning(days: int) -> datetime:
    return datetime.combine(datetime.now(UTC).date() + days * DAY, time(8), UTC)


@pytest.fixture
async def house(world: World, sql: Sql) -> House:
    reception = await open_reception(world)
    await reception.owner.patch(f"/v1/services/{reception.service_id}", {"horizon_days": 730})
    other_id, _ = await reception.colleague()
    await reception.hours(other_id)
    second = await reception.add_client()
    clients = [(reception.client_id, reception.client), (second, await reception.portal(second))]
    return House(reception, clients, [reception.practice.staff_id, other_id], sql)


async def test_requests_and_appointments_keep_to_the_model(house: House) -> None:
    """A22, F10.M3 to F10.M6: request, accept, decline, withdraw, expire, counter-offer, book, move, cancel."""
    rules = settings(
        max_examples=40,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, lambda: Machine(house), settings=rules)
