"""A server on a socket, and a practice that books."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.api.scheduling.desk import Desk, open_desk
from tests.live import listening
from tests.patience import PATIENCE
from tests.world import World


@pytest.fixture(scope="session")
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with listening(app) as url:
        yield url


@pytest.fixture
async def socket(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE, limits=httpx.Limits()) as http:
        yield http


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)
