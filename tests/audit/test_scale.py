"""A long trail stays cheap: what is asked often is answered from a range of an index.

In a database of its own, since PostgreSQL plans by what it knows of all rows, also those of other tests.
"""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import psycopg
import pytest

from portal_api.core.access import ActorKind
from portal_api.core.config import Settings
from portal_api.core.db import Binding, Read
from portal_api.core.ids import new_id
from portal_api.services import access_history
from portal_api.services.audit import reading, sealing
from tests.audit.conftest import superuser_of
from tests.database import migrated_database
from tests.served import served
from tests.world import World

EVENTS = 20_000
MANY = """
INSERT INTO event (practice_id, id, type, actor_kind, occurred_at, client_ids)
SELECT %(practice)s, gen_random_uuid(), 'client.viewed', 'staff', now() - interval '1 minute' * n,
       CASE WHEN n %% 100 = 0 THEN ARRAY[%(client)s::uuid] ELSE '{}' END
FROM generate_series(1, %(events)s) AS n
"""


async def rows_read(world: World, binding: Binding, read: Read, **values: object) -> int:
    """How many rows of tables the statement looks at, as PostgreSQL counts them."""
    arguments = read.for_staff.gated_arguments(binding, values)
    async with world.tools.database.reader(binding) as reader:
        (row,) = await reader._connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {read.for_staff.gated}", *arguments)
    plans, seen = [row[0][0]["Plan"]], 0.0
    while plans:
        plan = plans.pop()
        plans += plan.get("Plans", [])
        if "Relation Name" in plan:
            looked_at = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
            seen += looked_at * plan["Actual Loops"]
    return round(seen)


@pytest.fixture(scope="module")
def own_database(cluster: str) -> str:
    return migrated_database(cluster, "long_trail")


@pytest.fixture
async def world(settings: Settings, own_database: str) -> AsyncIterator[World]:
    async with served(settings.model_copy(update={"database_url": own_database})) as world:
        yield world


@pytest.fixture
def superuser(cluster: str, own_database: str) -> Iterator[psycopg.Connection]:
    with superuser_of(cluster, own_database) as connection:
        yield connection


@pytest.fixture
async def long_trail(world: World, superuser: psycopg.Connection) -> tuple[Binding, UUID]:
    """A practice with a long, sealed trail, of which every hundredth event is about one client."""
    practice = await world.practice()
    client = await world.client(practice.owner)
    superuser.execute(MANY, {"practice": practice.id, "client": client["id"], "events": EVENTS})
    assert await world.seal_audit(practice) > EVENTS
    superuser.execute("ANALYZE")
    return Binding.system(UUID(practice.id)), UUID(client["id"])


async def test_a_long_trail_is_not_read_through(world: World, long_trail: tuple[Binding, UUID]) -> None:
    binding, client_id = long_trail
    as_client = Binding(binding.practice_id, ActorKind.CLIENT, (client_id,))
    page = {"limit": 21}
    reads = {
        "is anything unsealed": await rows_read(world, binding, sealing.WAITING),
        "all": await rows_read(world, binding, reading._events(frozenset(), None, resumed=False), **page),
        "denied": await rows_read(world, binding, reading._events(frozenset(), "denied", resumed=False), **page),
        "by actor": await rows_read(
            world, binding, reading._events(frozenset({"actor_id"}), None, resumed=False), actor_id=new_id(), **page
        ),
        "by client": await rows_read(
            world, binding, reading._events(frozenset({"client_id"}), None, resumed=False), client_id=client_id, **page
        ),
        "access history": await rows_read(
            world, as_client, access_history._history(None, resumed=False), client_id=client_id, **page
        ),
        "access history for a guardian": await rows_read(
            world,
            as_client,
            access_history._history(frozenset({"appointment", "document"}), resumed=False),
            client_id=client_id,
            account_id=new_id(),
            viewing=[client_id],
            **page,
        ),
    }
    # What a guardian sees is looked up event by event: of the client's own ones, never of the practice's.
    of_guardian = reads.pop("access history for a guardian")
    assert of_guardian < 3 * EVENTS // 100
    assert {name: count for name, count in reads.items() if count > 200} == {}
