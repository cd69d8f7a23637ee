"""Time is taken once: by the lock and the look under it, and by the constraints where somebody forgets those."""

import asyncio
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal_api.core.access import ActorKind
from portal_api.core.db import Binding
from portal_api.core.errors import Unavailable
from portal_api.core.ids import new_id
from portal_api.models.scheduling import Appointment, AppointmentRequest, Claim
from portal_api.services.scheduling import claims
from portal_api.services.scheduling.claims import SlotTaken
from tests.cast import House, build

NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass
class Office:
    """A practitioner with a service of an hour, and buffers of ten minutes around it."""

    house: House
    practitioner_id: UUID
    service_id: UUID
    client_id: UUID

    async def book(self, at: datetime = NOON, **options: Any) -> UUID:
        return await self.house.appointment(self.practitioner_id, self.service_id, self.client_id, at, **options)

    async def ask(self, at: datetime = NOON, **options: Any) -> UUID:
        return await self.house.request(self.practitioner_id, self.service_id, self.client_id, at, **options)

    async def claims(self) -> list[Claim]:
        async with self.house.session() as session:
            return list(await session.scalars(select(Claim)))


@pytest.fixture
async def office(app: FastAPI, http: httpx.AsyncClient) -> Office:
    house = await build(app, http)
    service_id = await house.service(duration_minutes=60, buffer_before_minutes=10, buffer_after_minutes=10)
    return Office(house, await house.member(await house.account("staff")), service_id, await house.client())


class TestAppointments:
    async def test_nothing_is_booked_over_a_session_or_its_buffers(self, office: Office) -> None:
        await office.book()
        for at in (NOON, NOON - HOUR - 19 * MINUTE, NOON + HOUR + 19 * MINUTE, NOON + 30 * MINUTE):
            with pytest.raises(SlotTaken):
                await office.book(at)
        await office.book(NOON - HOUR - 20 * MINUTE)
        await office.book(NOON + HOUR + 20 * MINUTE)
        assert len(await office.claims()) == 3

    async def test_other_practitioners_and_practices_have_their_own_time(
        self, office: Office, app: FastAPI, http: httpx.AsyncClient
    ) -> None:
        await office.book()
        house = office.house
        colleague = await house.member(await house.account("staff"))
        await house.appointment(colleague, office.service_id, office.client_id, NOON)

    async def test_staff_may_book_over_something_and_it_is_marked(self, office: Office) -> None:
        """F10.M6"""
        await office.book()
        over = await office.book(NOON + 30 * MINUTE, allow_overlap=True)
        marked = {claim.appointment_id: claim.allow_overlap for claim in await office.claims()}
        assert marked.pop(over) is True
        assert list(marked.values()) == [False]

    async def test_what_overlaps_nothing_stays_protected(self, office: Office) -> None:
        """Permission to overlap takes no protection from a time that is free."""
        await office.book(allow_overlap=True)
        assert [claim.allow_overlap for claim in await office.claims()] == [False]
        with pytest.raises(SlotTaken):
            await office.book()

    async def test_a_room_takes_one_session_at_a_time(self, office: Office) -> None:
        house, room_id = office.house, await office.house.room()
        colleague = await house.member(await house.account("staff"))
        await office.book(room_id=room_id)
        arguments = (colleague, office.service_id, office.client_id)
        with pytest.raises(SlotTaken):
            await house.appointment(*arguments, NOON + 30 * MINUTE, room_id=room_id)
        await house.appointment(*arguments, NOON + HOUR, room_id=room_id)  # buffers are the practitioner's

    async def test_released_time_is_free(self, office: Office) -> None:
        booked = await office.book()
        async with office.house.session() as session:
            await claims.release(session, booked)
        await office.book()


class TestRequests:
    async def test_a_hold_keeps_other_clients_away(self, office: Office) -> None:
        await office.ask()
        with pytest.raises(SlotTaken):
            await office.ask(NOON + 30 * MINUTE)

    async def test_staff_book_over_a_hold_and_it_is_marked(self, office: Office) -> None:
        """SH-417"""
        asked = await office.ask()
        booked = await office.book()
        (claim,) = await office.claims()
        assert (claim.appointment_id, claim.request_id, claim.allow_overlap) == (booked, None, False)
        async with office.house.session() as session:
            request = (await session.scalars(select(AppointmentRequest).where(AppointmentRequest.id == asked))).one()
        assert request.displaced_at is not None
        assert request.state == "requested"

    async def test_an_acceptance_does_not_push_others_away(self, office: Office) -> None:
        await office.ask()
        with pytest.raises(SlotTaken):
            await office.book(over_requests=False)

    async def test_an_expired_hold_holds_nothing(self, office: Office) -> None:
        asked = await office.ask(expires_in=-MINUTE)
        await office.ask()
        assert [claim.request_id == asked for claim in await office.claims()] == [False]
        async with office.house.session() as session:
            states = select(AppointmentRequest.state_now()).order_by(AppointmentRequest.id)
            assert list(await session.scalars(states)) == ["expired", "requested"]


class TestRaces:
    async def test_of_many_who_book_one_time_one_gets_it(self, office: Office) -> None:
        """A22: 100 at once, one winner, no deadlock."""
        outcomes = await asyncio.gather(*(_outcome(office, NOON) for _ in range(100)))
        assert sorted(set(outcomes)) == ["booked", "taken"]
        assert outcomes.count("booked") == 1

    async def test_overlapping_times_leave_no_overlap(self, office: Office) -> None:
        times = [NOON + 17 * n * MINUTE for n in range(60)]
        outcomes = await asyncio.gather(*(_outcome(office, at) for at in times))
        assert set(outcomes) <= {"booked", "taken"}
        taken = sorted((claim.blocked_from, claim.blocked_until) for claim in await office.claims())
        assert len(taken) == outcomes.count("booked") > 5
        assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(taken))


class TestConstraints:
    """Below the lock: rows written past it."""

    async def test_the_database_refuses_a_double_booking(self, office: Office) -> None:
        await office.book()
        other = await office.book(NOON + 5 * HOUR)
        with pytest.raises(IntegrityError, match="ex_calendar_claim_practitioner"):
            async with office.house.session() as session:
                moved = update(Claim).where(Claim.appointment_id == other)
                hours = {name: getattr(Claim, name) - 5 * HOUR for name in _TIMES}
                await session.execute(moved.values(**hours), execution_options={"synchronize_session": False})

    async def test_the_database_refuses_a_room_twice(self, office: Office) -> None:
        room_id, house = await office.house.room(), office.house
        colleague = await house.member(await house.account("staff"))
        await office.book(room_id=room_id)
        other = await house.appointment(colleague, office.service_id, office.client_id, NOON)
        with pytest.raises(IntegrityError, match="ex_calendar_claim_room"):
            async with house.session() as session:
                await session.execute(update(Claim).where(Claim.appointment_id == other).values(room_id=room_id))

    async def test_a_claim_has_one_holder(self, office: Office) -> None:
        booked, asked = await office.book(), await office.ask(NOON + 5 * HOUR)
        with pytest.raises(IntegrityError, match="ck_calendar_claim_holder"):
            async with office.house.session() as session:
                await session.execute(update(Claim).where(Claim.appointment_id == booked).values(request_id=asked))


class TestWhoSeesWhat:
    async def test_a_client_sees_their_own_appointments_and_everybodys_claims(self, office: Office) -> None:
        """F11.M4: what is taken is known, by whom is not."""
        other = await office.house.client()
        mine = await office.book()
        await office.house.appointment(office.practitioner_id, office.service_id, other, NOON + 5 * HOUR)
        binding = Binding(office.house.id, ActorKind.CLIENT, (office.client_id,))
        async with office.house.tools.database.session(binding) as session:
            assert list(await session.scalars(select(Appointment.id))) == [mine]
            assert await session.scalar(select(func.count()).select_from(Claim)) == 2
        nobody = Binding(office.house.id, ActorKind.CLIENT, (new_id(),))
        async with office.house.tools.database.session(nobody) as session:
            assert list(await session.scalars(select(Appointment.id))) == []


_TIMES = ("starts_at", "ends_at", "blocked_from", "blocked_until")


async def _outcome(office: Office, at: datetime) -> str:
    """As a caller would: busy is no answer yet."""
    while True:
        try:
            await office.book(at)
        except SlotTaken:
            return "taken"
        except (Unavailable, PoolTimeout):
            continue
        return "booked"
