import pytest

from tests.api.notifications.scene import Scene, Sql, open_scene
from tests.world import World


@pytest.fixture
async def scene(world: World, sql: Sql) -> Scene:
    return await open_scene(world, sql)
