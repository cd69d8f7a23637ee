"""The sealer and the verifier: one unbroken chain a practice, and every edit of it is named (F18.B2, S43)."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.db import Binding
from portal_api.core.ids import new_id
from portal_api.jobs import JobContext, make_queue
from portal_api.jobs import audit as audit_jobs
from portal_api.services import audit
from portal_api.services.audit import Report
from tests.world import Practice, World

EVENTS = 10


def nobody(practice: Practice) -> Principal:
    return Principal(UUID(practice.id), ActorKind.SYSTEM, Origin("test", "127.0.0.1"))


async def record(world: World, practice: Practice, type: str = "practice.updated") -> UUID:
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        return await audit.record(session, nobody(practice), type)


async def verified(world: World, practice: Practice) -> Report:
    return await audit.verify(world.tools, UUID(practice.id))


def anchor_file(world: World, practice: Practice) -> Path:
    return world.tools.settings.data_dir / "audit-anchors" / f"{practice.id}.jsonl"


def query(superuser: psycopg.Connection, practice: Practice, sql: str, **values: object) -> list[tuple[object, ...]]:
    cursor = superuser.execute(sql, {"practice": practice.id, **values})  # type: ignore[arg-type]
    return cursor.fetchall() if cursor.description else []


@pytest.fixture
async def sealed(world: World) -> Practice:
    """A practice with a chain of at least EVENTS links and an anchor at its head."""
    practice = await world.practice()
    for _ in range(EVENTS):
        await record(world, practice)
    await world.seal_audit(practice)
    assert await audit.anchor(world.tools, UUID(practice.id))
    assert (await verified(world, practice)).intact
    return practice


class TestSeal:
    async def test_two_hundred_parallel_writers_make_one_unbroken_chain(
        self, world: World, superuser: psycopg.Connection
    ) -> None:
        practice = await world.practice()
        turn = asyncio.Semaphore(6)

        async def write() -> None:
            async with turn:
                await record(world, practice)

        sealers = [world.seal_audit(practice) for _ in range(4)]
        await asyncio.gather(*(write() for _ in range(200)), *sealers)
        await asyncio.gather(*(world.seal_audit(practice) for _ in range(2)))
        found = query(superuser, practice, "SELECT count(*) FROM event WHERE practice_id = %(practice)s")
        report = await verified(world, practice)
        assert report.intact, report
        assert report.sealed == found[0][0] >= 200

    async def test_an_event_that_commits_late_gets_the_next_place(self, world: World) -> None:
        practice = await world.practice()
        async with world.tools.database.session(Binding.system(UUID(practice.id))) as slow:
            late = await audit.record(slow, nobody(practice), "practice.updated")
            await slow.flush()
            await record(world, practice)
            before = await world.seal_audit(practice)
        assert await world.seal_audit(practice) == 1
        events = (await practice.owner.get("/v1/audit-events", params={"limit": 100})).json()["data"]
        assert {event["id"]: event["seq"] for event in events}[str(late)] == before + 1
        assert (await verified(world, practice)).intact

    async def test_nothing_is_sealed_twice(self, world: World, sealed: Practice) -> None:
        assert await world.seal_audit(sealed) == 0

    async def test_a_backlog_is_sealed_in_batches(self, world: World, superuser: psycopg.Connection) -> None:
        practice = await world.practice()
        insert = """INSERT INTO event (practice_id, id, type, actor_kind)
                    SELECT %(practice)s, gen_random_uuid(), 'practice.updated', 'system'
                    FROM generate_series(1, 1100)"""
        query(superuser, practice, insert)
        assert await world.seal_audit(practice) >= 1100
        assert (await verified(world, practice)).intact

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows  # the directory of all practices
    async def test_the_jobs_seal_every_minute_and_anchor_every_hour(self, world: World, sealed: Practice) -> None:
        tasks = make_queue().tasks
        assert tasks["audit.seal"].cron == "* * * * *"
        assert (tasks["audit.anchor"].cron or "").endswith(" * * * *")
        await record(world, sealed)
        context = JobContext(world.tools, world.jobs.mailer)
        await audit_jobs.seal(context)
        assert await world.seal_audit(sealed) == 0
        await audit_jobs.anchor(context)
        assert len(anchor_file(world, sealed).read_text().splitlines()) == 2


def _changed(superuser: psycopg.Connection, practice: Practice) -> int:
    sql = """UPDATE event SET outcome = 'denied' WHERE practice_id = %(practice)s AND id =
             (SELECT event_id FROM event_seal WHERE practice_id = %(practice)s AND seq = 4)"""
    query(superuser, practice, sql)
    return 4


def _event_deleted(superuser: psycopg.Connection, practice: Practice) -> int:
    sql = """DELETE FROM event WHERE practice_id = %(practice)s AND id =
             (SELECT event_id FROM event_seal WHERE practice_id = %(practice)s AND seq = 5)"""
    query(superuser, practice, sql)
    return 5


def _deleted_with_its_link(superuser: psycopg.Connection, practice: Practice) -> int:
    sql = """WITH gone AS (DELETE FROM event_seal WHERE practice_id = %(practice)s AND seq = 6 RETURNING event_id)
             DELETE FROM event USING gone WHERE practice_id = %(practice)s AND id = gone.event_id"""
    query(superuser, practice, sql)
    return 6


def _inserted_with_a_link(superuser: psycopg.Connection, practice: Practice) -> int:
    for sql in (
        """UPDATE event_seal SET seq = -seq - 1 WHERE practice_id = %(practice)s AND seq >= 3""",
        """UPDATE event_seal SET seq = -seq WHERE practice_id = %(practice)s AND seq < 0""",
        """WITH made AS (INSERT INTO event (practice_id, id, type, actor_kind, occurred_at)
                         SELECT practice_id, %(id)s, type, actor_kind, occurred_at FROM event
                         WHERE practice_id = %(practice)s LIMIT 1 RETURNING id)
           INSERT INTO event_seal SELECT %(practice)s, 3, id, sha256('made up') FROM made""",
    ):
        query(superuser, practice, sql, id=new_id())
    return 3


def _inserted_among_older_ones(superuser: psycopg.Connection, practice: Practice) -> int:
    sql = """INSERT INTO event (practice_id, id, type, actor_kind, occurred_at)
             VALUES (%(practice)s, %(id)s, 'practice.updated', 'staff', now() - interval '1 day')"""
    query(superuser, practice, sql, id=new_id())
    ((head,),) = query(superuser, practice, "SELECT max(seq) FROM event_seal WHERE practice_id = %(practice)s")
    return int(str(head)) + 1


def _swapped(superuser: psycopg.Connection, practice: Practice) -> int:
    for first, second in ((2, -2), (7, 2), (-2, 7)):
        sql = "UPDATE event_seal SET seq = %(second)s WHERE practice_id = %(practice)s AND seq = %(first)s"
        query(superuser, practice, sql, first=first, second=second)
    return 2


def _tail_dropped(superuser: psycopg.Connection, practice: Practice) -> int:
    sql = """WITH gone AS (DELETE FROM event_seal WHERE practice_id = %(practice)s AND seq >= 9 RETURNING event_id)
             DELETE FROM event USING gone WHERE practice_id = %(practice)s AND id = gone.event_id"""
    query(superuser, practice, sql)
    return 9


def _link_altered(superuser: psycopg.Connection, practice: Practice) -> int:
    sql = "UPDATE event_seal SET hash = sha256(hash) WHERE practice_id = %(practice)s AND seq = 8"
    query(superuser, practice, sql)
    return 8


EDITS: list[Callable[[psycopg.Connection, Practice], int]] = [
    _changed,
    _event_deleted,
    _deleted_with_its_link,
    _inserted_with_a_link,
    _inserted_among_older_ones,
    _swapped,
    _tail_dropped,
    _link_altered,
]


class TestVerify:
    @pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__.strip("_"))
    async def test_an_edit_by_the_superuser_is_named_by_its_place(
        self, world: World, superuser: psycopg.Connection, sealed: Practice, edit: Callable[..., int]
    ) -> None:
        first_bad = edit(superuser, sealed)
        report = await verified(world, sealed)
        assert report.found is not None
        assert report.found.seq == first_bad, report

    @pytest.mark.parametrize(
        "column",
        ["type", "actor_kind", "reason", "request_id", "ip", "actor_id", "occurred_at", "client_ids", "details"],
    )
    async def test_every_column_is_covered(
        self, world: World, superuser: psycopg.Connection, sealed: Practice, column: str
    ) -> None:
        values = {
            "actor_id": "gen_random_uuid()",
            "occurred_at": "occurred_at + interval '1 microsecond'",
            "client_ids": "ARRAY[gen_random_uuid()]",
            "details": """'{"a": 1}'""",
        }
        sql = f"""UPDATE event SET {column} = {values.get(column, "'other'")} WHERE practice_id = %(practice)s AND id =
                  (SELECT event_id FROM event_seal WHERE practice_id = %(practice)s AND seq = 4)"""
        query(superuser, sealed, sql)
        report = await verified(world, sealed)
        assert report.found is not None
        assert report.found.seq == 4

    async def test_a_chain_that_was_written_anew_disagrees_with_its_anchor(
        self, world: World, superuser: psycopg.Connection, sealed: Practice
    ) -> None:
        """Whoever can rewrite the database can calculate hashes as well; the anchor is not in the database."""
        query(superuser, sealed, "DELETE FROM event_seal WHERE practice_id = %(practice)s")
        query(superuser, sealed, "DELETE FROM event_subject WHERE practice_id = %(practice)s")
        _sealed = "UPDATE event SET outcome = 'failure' WHERE practice_id = %(practice)s"
        query(superuser, sealed, _sealed)
        await world.seal_audit(sealed)
        report = await verified(world, sealed)
        assert report.found is not None
        assert "anchor" in report.found.what

    async def test_an_anchor_that_was_changed_is_not_believed(self, world: World, sealed: Practice) -> None:
        path = anchor_file(world, sealed)
        facts = json.loads(path.read_text())
        path.write_text(json.dumps(facts | {"seq": 1}) + "\n")
        report = await verified(world, sealed)
        assert report.found is not None
        assert report.found.seq == 1

    async def test_an_unmoved_head_is_not_anchored_again(self, world: World, sealed: Practice) -> None:
        assert not await audit.anchor(world.tools, UUID(sealed.id))

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows  # the directory of all practices
    async def test_all_practices_are_verified_and_told_of(
        self, world: World, superuser: psycopg.Connection, sealed: Practice
    ) -> None:
        other = await world.practice()
        _changed(superuser, sealed)
        reports: list[Report] = []
        assert not await audit.verify_all(world.tools, reports.append)
        intact = {str(report.practice_id): report.intact for report in reports}
        assert (intact[sealed.id], intact[other.id]) == (False, True)
        assert "seq 4" in next(str(report) for report in reports if str(report.practice_id) == sealed.id)


@pytest.mark.whatever_rows  # as somebody would who got hold of the connection
class TestGrants:
    @pytest.mark.parametrize("table", ["event", "event_seal", "event_subject"])
    @pytest.mark.parametrize("statement", ["UPDATE {} SET practice_id = practice_id", "DELETE FROM {}"])
    async def test_the_program_can_neither_change_nor_delete(
        self, world: World, sealed: Practice, table: str, statement: str
    ) -> None:
        """F18.M1: not updatable by the application's role."""
        with pytest.raises(DBAPIError, match="permission denied"):
            async with world.tools.database.session(Binding.system(UUID(sealed.id))) as session:
                await session.execute(text(statement.format(table)))
