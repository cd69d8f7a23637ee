"""What was missed is brought again: nothing is lost, whatever the order in which transactions commit."""

from functools import partial
from uuid import UUID

import httpx
import pytest

from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.paging import encode_cursor
from portal_api.services import audit
from portal_api.services.stream import hub, places
from tests.api.scheduling.desk import DAY, NOON, Desk
from tests.entry import bound, open_practice
from tests.live import stream
from tests.world import World


async def stood_at(socket: httpx.AsyncClient, token: str) -> str:
    """Where a reader stands who goes away now."""
    async with stream(socket, token) as reading:
        assert reading.last_event_id
        return reading.last_event_id


async def test_what_was_missed_comes_first_and_then_what_happens(desk: Desk, socket: httpx.AsyncClient) -> None:
    token = desk.owner.access_token
    place = await stood_at(socket, token)
    missed = [await desk.book(), await desk.book(NOON + DAY)]
    async with stream(socket, token, place) as reading:
        later = await desk.book(NOON + 2 * DAY)
        for made in (*missed, later):
            assert (await reading.until("appointment.booked"))["resource_id"] == made["id"]


async def test_a_reader_that_is_cut_off_gets_the_rest_again(desk: Desk, socket: httpx.AsyncClient) -> None:
    """From the id of each event on; what came together with it may come twice, and nothing is missing."""
    token = desk.owner.access_token
    place = await stood_at(socket, token)
    made = [(await desk.book(NOON + day * DAY))["id"] for day in range(3)]
    places = {}
    async with stream(socket, token, place, follow=False) as reading:
        for each in made:
            await reading.until("appointment.booked", each)
            places[each] = reading.last_event_id
    for position, each in enumerate(made):
        async with stream(socket, token, places[each], follow=False) as reading:
            await reading.ends()
            heard = [block.data["resource_id"] for block in reading.heard if block.data]
            assert set(made[position + 1 :]) <= set(heard)
    assert heard == []


async def test_a_transaction_that_commits_late_is_not_skipped(
    world: World, desk: Desk, socket: httpx.AsyncClient
) -> None:
    """It began before what has been read already, and ends after it."""
    token = desk.owner.access_token
    program = Principal(UUID(desk.practice.id), ActorKind.SYSTEM, Origin("", ""))
    client = UUID(desk.client_id)
    async with stream(socket, token) as reading:
        async with bound(world, desk.practice) as session:
            await audit.record(session, program, "client.restored", resource=("client", client), clients=[client])
            made = await desk.book()
            assert (await reading.until("appointment.booked"))["resource_id"] == made["id"]
            place = reading.last_event_id
        assert (await reading.until("client.restored"))["resource_id"] == desk.client_id
    async with stream(socket, token, place, follow=False) as again:
        await again.ends()
        assert [block.event for block in again.heard] == ["client.restored"]


async def test_what_was_rolled_back_has_not_happened(world: World, desk: Desk, socket: httpx.AsyncClient) -> None:
    program = Principal(UUID(desk.practice.id), ActorKind.SYSTEM, Origin("", ""))
    place = await stood_at(socket, desk.owner.access_token)
    with pytest.raises(ZeroDivisionError):
        async with bound(world, desk.practice) as session:
            await audit.record(session, program, "client.restored", clients=[UUID(desk.client_id)])
            raise ZeroDivisionError
    async with stream(socket, desk.owner.access_token, place, follow=False) as reading:
        await reading.ends()
        assert reading.heard == []


@pytest.mark.parametrize("place", ["nonsense", "AAAA", "x" * 3000])
async def test_an_unknown_place_is_a_reset_and_goes_on(desk: Desk, socket: httpx.AsyncClient, place: str) -> None:
    async with stream(socket, desk.owner.access_token, place) as reading:
        assert await reading.until("reset") == {"type": "reset", "reason": "unknown_place"}
        assert reading.last_event_id not in (None, place)
        await desk.book()
        await reading.until("appointment.booked")


async def test_a_place_that_is_older_than_a_day_is_unknown(
    desk: Desk, socket: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "encode_cursor", partial(encode_cursor, valid_seconds=-1))
    place = await stood_at(socket, desk.owner.access_token)
    monkeypatch.undo()
    async with stream(socket, desk.owner.access_token, place) as reading:
        assert await reading.until("reset") == {"type": "reset", "reason": "unknown_place"}


async def test_a_place_of_another_practice_is_unknown(world: World, desk: Desk, socket: httpx.AsyncClient) -> None:
    other = await open_practice(world)
    place = await stood_at(socket, other.owner.access_token)
    async with stream(socket, desk.owner.access_token, place) as reading:
        assert (await reading.until("reset"))["reason"] == "unknown_place"


async def test_too_much_to_tell_is_a_reset(
    desk: Desk, socket: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MOST_EVENTS", 2)
    place = await stood_at(socket, desk.owner.access_token)
    for day in range(3):
        await desk.book(NOON + day * DAY)
    async with stream(socket, desk.owner.access_token, place) as reading:
        assert (await reading.until("reset"))["reason"] == "too_much"
        await desk.book(NOON + 7 * DAY)
        await reading.until("appointment.booked")
