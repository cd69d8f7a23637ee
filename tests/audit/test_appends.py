"""Views of many practices in one statement: each row is checked against its own practice."""

from uuid import UUID, uuid4

from portal_api.core.access import ActorKind
from portal_api.core.ids import new_id
from portal_api.services.audit.views import View, write_views
from tests.world import World


def view(practice_id: UUID) -> View:
    return View(
        practice_id=practice_id,
        id=new_id(),
        type="client.viewed",
        actor_kind=ActorKind.STAFF,
        actor_id=uuid4(),
        session_id=None,
        on_behalf_of=None,
        client_ids=[uuid4(), uuid4()],
        details={"quoted": 'a "word" and a \\ and ÿ'},
        request_id="request",
        ip="127.0.0.1",
        user_agent_hash=b"\x00\xff\\",
    )


async def test_rows_of_practices_in_any_order_arrive_each_with_its_own(world: World) -> None:
    here, there = UUID((await world.practice()).id), UUID((await world.practice()).id)
    views = [view(practice_id) for practice_id in (here, there, here, here, there)]
    await write_views(world.tools.database, views)
    columns = ", ".join(View._fields)
    async with world.tools.database.side() as connection:
        for practice_id in (here, there):
            async with connection.transaction():
                await connection.execute(f"SET LOCAL app.practice_id = '{practice_id}'")
                rows = await connection.fetch(
                    f"SELECT {columns} FROM event WHERE practice_id = $1 AND id = ANY ($2) ORDER BY id",
                    practice_id,
                    [v.id for v in views],
                )
            expected = sorted((v for v in views if v.practice_id == practice_id), key=lambda v: v.id)
            assert [tuple(row) for row in rows] == [tuple(v) for v in expected]
