"""A feed holds so much and no more; its answer gives up on a reader that takes nothing."""

import asyncio
import secrets
from uuid import uuid4

import pytest
from starlette.types import Message as Asgi

from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.db import Snapshot
from portal_api.core.sealing import Vault
from portal_api.services.stream.feeds import MOST_WAITING, Feed, Message
from portal_api.web import live
from portal_api.web.live import LiveAnswer
from tests.patience import PATIENCE


def feed() -> Feed:
    caller = Principal(uuid4(), ActorKind.STAFF, Origin("", ""), account_id=uuid4(), session_id=uuid4())
    return Feed(Vault(secrets.token_bytes(32)), caller, True, follow=True)


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
