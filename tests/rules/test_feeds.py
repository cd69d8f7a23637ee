"""A feed holds so much and no more; its answer gives up on a reader that takes nothing."""

import asyncio
import secrets
import weakref
from dataclasses import replace
from uuid import uuid4

import pytest
from starlette.types import Message as Asgi

from portal_api.core.access import ActorKind, Origin, Permission, Principal
from portal_api.core.db import Snapshot
from portal_api.core.sealing import Vault
from portal_api.services.stream.feeds import MOST_WAITING, Feed, Message
from portal_api.services.stream.hub import Room
from portal_api.services.stream.log import Happening
from portal_api.services.stream.viewers import Viewer
from portal_api.web import live
from portal_api.web.live import LiveAnswer
from tests.patience import PATIENCE

CALLER = Principal(uuid4(), ActorKind.STAFF, Origin("", ""), account_id=uuid4(), session_id=uuid4())


def feed() -> Feed:
    return Feed(Vault(secrets.token_bytes(32)), CALLER, True, follow=True)


def happening(xact: int) -> Happening:
    return Happening(xact, uuid4(), "service.created", None, "service", uuid4(), [], [], {})


async def drained(of: Feed) -> list[Message]:
    messages = []
    while (message := await of.next()) is not None:
        messages.append(message)
    return messages


async def test_who_falls_too_far_behind_is_told_to_fetch_anew_and_let_go() -> None:
    slow = feed()
    for number in range(10 * MOST_WAITING):
        slow.put(Message("appointment.booked", b"{}", str(number)))
    messages = await drained(slow)
    assert [(each.event, each.data) for each in messages] == [("reset", b'{"type":"reset","reason":"too_slow"}')]
    assert not slow.is_open


async def test_who_keeps_up_gets_all_of_it() -> None:
    quick, numbers = feed(), [str(number) for number in range(3 * MOST_WAITING)]
    heard = []
    for number in numbers:
        quick.put(Message("appointment.booked", b"{}", number))
        message = await quick.next()
        assert message is not None
        heard.append(message.place)
    assert heard == numbers


async def test_more_than_fits_at_once_is_a_reset_and_goes_on() -> None:
    """A reader that was away for long has not been slow."""
    back = feed()
    back.viewer = Viewer(replace(CALLER, permissions=frozenset({Permission.SERVICES_READ})))
    events = [happening(number) for number in range(2 * MOST_WAITING)]
    back.tell(events, {}, Snapshot(1), Snapshot(len(events) + 1))
    back.tell(events[:2], {}, Snapshot(1), Snapshot(3))
    back.end()
    assert [each.event for each in await drained(back)] == ["reset", "service.created", "service.created"]


async def test_a_sign_of_life_does_not_pile_up() -> None:
    idle = feed()
    for _ in range(10):
        idle.beat(Snapshot(7))
    idle.end()
    assert len(await drained(idle)) == 1


class Joined:
    """A feed that is begun without a hub."""

    def __init__(self, of: Feed) -> None:
        self._feed = of
        self.closed = False

    def begin(self) -> None:
        self._feed.put(Message(None, None, "begun"))

    async def next(self) -> Message | None:
        return await self._feed.next()

    def close(self) -> None:
        self.closed = True
        self._feed.end()


async def test_a_reader_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.01)
    joined = Joined(feed())

    async def receive() -> Asgi:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Asgi) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await LiveAnswer.of(joined).send(receive, send)
    assert joined.closed


async def test_a_reader_that_goes_away_ends_it() -> None:
    joined, gone = Joined(feed()), asyncio.Event()

    async def receive() -> Asgi:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Asgi) -> None:
        if message.get("body"):
            gone.set()

    async with asyncio.timeout(PATIENCE):
        await LiveAnswer.of(joined).send(receive, send)
    assert joined.closed


def test_streams_of_one_account_share_what_is_known_of_it() -> None:
    """A caseload is held once, however many devices look; whoever sees something else is somebody else."""
    room, clients = Room(uuid4()), frozenset({uuid4()})
    laptop, phone = (Viewer(replace(CALLER, session_id=uuid4()), clients) for _ in range(2))
    colleague = Viewer(replace(CALLER, account_id=uuid4()), clients)
    assert room.shared(laptop) is laptop
    assert room.shared(phone) is laptop
    assert room.shared(colleague) is colleague
    assert room.shared(Viewer(CALLER)) is not laptop
    assert room.shared(None) is None
    of_laptop = weakref.ref(laptop)
    del laptop
    assert of_laptop() is None
    assert room.shared(phone) is phone
