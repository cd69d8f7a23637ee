"""Connections are handed out first come, first served; none is lost, whatever becomes of those who wait."""

import asyncio

import pytest

from portal_api.core.db.connections import Connections
from portal_api.core.errors import Unavailable


class Wire:
    """Stands for a connection of the driver."""

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True

    async def close(self) -> None:
        self.closed = True


class Server:
    def __init__(self, *, refusals: int = 0) -> None:
        self.opened: list[Wire] = []
        self.refusals = refusals

    async def connect(self) -> Wire:
        if self.refusals:
            self.refusals -= 1
            raise OSError("refused")
        self.opened.append(Wire())
        return self.opened[-1]


def pool(server: Server, *, size: int, timeout: float = 60.0) -> Connections:
    return Connections(server.connect, size=size, timeout=timeout)  # type: ignore[arg-type]


async def begun(*tasks: "asyncio.Task[object]") -> None:
    """Let the tasks run until they wait."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_who_waits_longest_is_next_and_a_newcomer_does_not_push_in() -> None:
    server, order = Server(), []
    connections = pool(server, size=1)
    held = await connections.take()

    async def take(name: str) -> None:
        async with connections.one():
            order.append(name)

    waiting = [asyncio.create_task(take(name)) for name in "abc"]
    await begun(*waiting)
    connections.give_back(held)
    newcomer = asyncio.create_task(take("newcomer"))
    await asyncio.gather(*waiting, newcomer)
    assert order == ["a", "b", "c", "newcomer"]
    assert len(server.opened) == 1


async def test_one_that_is_handed_to_a_caller_who_has_gone_goes_to_the_next() -> None:
    connections = pool(Server(), size=1)
    held = await connections.take()
    gone, patient = (asyncio.create_task(connections.take()) for _ in range(2))
    await begun(gone, patient)
    connections.give_back(held)  # handed to `gone`, who is cancelled before it can go on
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await patient is held


async def test_a_caller_who_gives_up_waiting_leaves_the_line() -> None:
    connections = pool(Server(), size=1)
    held = await connections.take()
    gone, patient = (asyncio.create_task(connections.take()) for _ in range(2))
    await begun(gone, patient)
    gone.cancel()
    connections.give_back(held)
    assert await patient is held


async def test_waiting_has_an_end() -> None:
    connections = pool(Server(), size=1, timeout=0.01)
    held = await connections.take()
    with pytest.raises(Unavailable):
        await connections.take()
    connections.give_back(held)
    assert await connections.take() is held


async def test_a_closed_connection_is_replaced_by_whoever_comes_next() -> None:
    server = Server()
    connections = pool(server, size=1)
    with pytest.raises(asyncio.CancelledError):
        async with connections.one():
            raise asyncio.CancelledError
    assert server.opened[0].closed
    fresh = await connections.take()
    waiting = asyncio.create_task(connections.take())
    await begun(waiting)
    fresh.terminate()
    connections.give_back(fresh)
    assert await waiting is server.opened[2]


async def test_a_server_that_refuses_costs_no_place() -> None:
    server = Server(refusals=3)
    connections = pool(server, size=1)
    for _ in range(3):
        with pytest.raises(OSError, match="refused"):
            await connections.take()
    assert await connections.take() is server.opened[0]
