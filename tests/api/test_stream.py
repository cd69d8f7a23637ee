"""Live updates over a real socket: who is told of what, what is missed and brought again, and when a stream ends."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.entry import open_practice
from tests.live import listening, stream
from tests.patience import PATIENCE
from tests.world import Practice, World


@pytest.fixture(scope="module")
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with listening(app) as url:
        yield url


@pytest.fixture
async def socket(address: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE, limits=limits) as http:
        yield http


@pytest.fixture
async def practice(world: World) -> Practice:
    return await open_practice(world)


async def renamed(practice: Practice, client_id: str) -> None:
    response = await practice.owner.patch(f"/v1/clients/{client_id}", {"preferred_name": "Gracie"})
    assert response.status_code == 200, response.text


class TestTelling:
    async def test_an_event_is_ids_and_kinds(self, world: World, practice: Practice, socket: httpx.AsyncClient) -> None:
        async with stream(socket, practice.owner.access_token) as reading:
            assert reading.response.headers["content-type"] == "text/event-stream"
            assert reading.response.headers["cache-control"] == "no-store"
            client = await world.client(practice.owner)
            told = await reading.until("client.created")
            assert told.keys() == {"id", "type", "resource_type", "resource_id", "client_id"}
            assert (told["resource_type"], told["resource_id"]) == ("client", client["id"])
            assert told["client_id"] == client["id"]
            assert "Grace" not in str(told)
