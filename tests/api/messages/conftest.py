"""The desk of most tests."""

import pytest

from tests.api.messages.desk import Desk, open_desk
from tests.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await open_desk(world)
