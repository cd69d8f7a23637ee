"""Readers who go away while they are brought to where the others stand."""

import asyncio
from uuid import UUID

from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.db import Binding
from portal_api.services.stream import Hub, log
from portal_api.services.stream.feeds import Feed
from portal_api.services.stream.hub import Room
from portal_api.services.stream.places import Place
from tests.api.scheduling.desk import Desk
from tests.world import World


async def test_who_leaves_in_the_midst_of_it_is_not_kept(world: World, desk: Desk) -> None:
    """The hub forgets the reader, however far it was: it would look after it for ever."""
    practice_id = UUID(desk.practice.id)
    caller = Principal(
        practice_id, ActorKind.STAFF, Origin("", ""), UUID(desk.owner.account["id"]), UUID(desk.practice.id)
    )
    hub, room = Hub(world.tools), Room(practice_id)
    async with world.tools.database.reader(Binding.system(practice_id)) as reader:
        news = await log.now(reader)
        feed = Feed(world.tools.vault, caller, Place(news.snapshot, ""), follow=True)
        asyncio.get_running_loop().call_soon(hub.leave, practice_id, feed)
        await hub._begin(reader, room, feed, news)
    assert not feed.is_open
    assert room.is_empty
