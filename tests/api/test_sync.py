"""Copies for devices: everything at first, then changes and tombstones; what it adds up to is what the lists show."""

import pytest

from tests.copies import Copy, listed
from tests.entry import open_practice
from tests.world import Practice, World


@pytest.fixture
async def practice(world: World) -> Practice:
    practice = await open_practice(world)
    await practice.owner.patch("/v1/practice/features", {"appointment_requests": True})
    return practice


class TestStaff:
    async def test_a_first_copy_is_what_the_lists_show(self, world: World, practice: Practice) -> None:
        for _ in range(3):
            await world.client(practice.owner)
        copy = Copy(practice.owner)
        pages = await copy.sync(limit=2)
        assert pages > 1
        assert copy.objects == await listed(practice.owner)
        assert len(copy.objects["client"]) == 3
