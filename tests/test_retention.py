"""What has expired is deleted, and nothing else: played through the queue, as the clock would."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal_api.core.db import Binding
from portal_api.core.limits import Limit
from portal_api.jobs.retention import DEAD_LETTERS
from portal_api.services import retention
from tests.world import Practice, World

Sql = Callable[..., list[Any]]


@pytest.fixture
async def practice(world: World) -> Practice:
    return await world.practice()


async def run(world: World, practice: Practice, job: str = "retention.prune") -> None:
    """What the queue does with this job, and with those that it defers."""
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        await world.tools.queue.defer(session, job, UUID(practice.id))
    await world.run_jobs()


def count(sql: Sql, table: str, practice: Practice) -> int:
    found: int = sql(f"SELECT count(*) FROM {table} WHERE practice_id = %s", practice.id)[0][0]
    return found


class TestSessions:
    async def test_a_session_goes_with_its_tokens_a_month_after_it_was_over(
        self, world: World, practice: Practice, sql: Sql
    ) -> None:
        over = await world.sign_in(practice.id, practice.owner_email)
        for _ in range(2):
            answer = await world.http.post("/v1/auth/refresh", json={"refresh_token": over.refresh_token})
            over.refresh_token = answer.json()["refresh_token"]
        assert (await over.post("/v1/auth/logout")).status_code == 204
        await run(world, practice)
        assert (count(sql, "auth_session", practice), count(sql, "refresh_token", practice)) == (2, 4)
        sql(
            "UPDATE auth_session SET ended_at = now() - interval '31 days'"
            " WHERE practice_id = %s AND ended_at IS NOT NULL",
            practice.id,
        )
        await run(world, practice)
        assert (count(sql, "auth_session", practice), count(sql, "refresh_token", practice)) == (1, 1)
        assert (await practice.owner.get("/v1/me")).status_code == 200
        answer = await world.http.post("/v1/auth/refresh", json={"refresh_token": over.refresh_token})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_refresh_token")

    async def test_a_used_token_of_a_live_family_is_still_recognised(
        self, world: World, practice: Practice, sql: Sql
    ) -> None:
        """A35: however old it is."""
        first = practice.owner.refresh_token
        for _ in range(2):
            answer = await world.http.post("/v1/auth/refresh", json={"refresh_token": practice.owner.refresh_token})
            practice.owner.refresh_token = answer.json()["refresh_token"]
        sql(
            "UPDATE refresh_token SET used_at = used_at - interval '60 days', expires_at = now() - interval '50 days'"
            " WHERE practice_id = %s AND used_at IS NOT NULL",
            practice.id,
        )
        await run(world, practice)
        reused = await world.http.post("/v1/auth/refresh", json={"refresh_token": first})
        assert reused.json()["code"] == "refresh_token_reused"
        assert (await practice.owner.get("/v1/me")).status_code == 401


@pytest.mark.parametrize(
    ("table", "age"),
    [
        ("one_time_secret", "expires_at = now() - interval '31 days'"),
        ("known_device", "last_used_at = now() - interval '366 days'"),
        ("idempotency_record", "expires_at = now() - interval '1 second'"),
    ],
)
async def test_what_is_over_goes_and_the_rest_stays(
    world: World, practice: Practice, sql: Sql, table: str, age: str
) -> None:
    bystander = await world.practice()
    for somebody in (practice, bystander):
        body = {"given_name": "Grace", "family_name": "Client"}
        await world.sign_in(somebody.id, somebody.owner_email)
        await somebody.owner.post("/v1/clients", body, headers={"Idempotency-Key": "one"})
        assert count(sql, table, somebody) == 1
        sql(f"UPDATE {table} SET {age} WHERE practice_id = %s", somebody.id)
        await somebody.owner.post("/v1/clients", body, headers={"Idempotency-Key": "two"})
        await world.sign_in(somebody.id, somebody.owner_email)
        asked = {"practice": somebody.id, "email": somebody.owner_email}
        await world.http.post("/v1/auth/email-verification/resend", json=asked)
        await world.run_jobs()
        assert count(sql, table, somebody) == 2
    await run(world, practice)
    assert (count(sql, table, practice), count(sql, table, bystander)) == (1, 2)


async def test_more_than_a_batch_goes_too(
    world: World, practice: Practice, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    for _ in range(7):
        await world.sign_in(practice.id, practice.owner_email)
    sql("UPDATE known_device SET last_used_at = now() - interval '400 days' WHERE practice_id = %s", practice.id)
    await run(world, practice)
    assert count(sql, "known_device", practice) == 0


@pytest.mark.every_practice
@pytest.mark.whatever_rows  # the directory of all practices
class TestEveryDay:
    async def test_every_practice_has_its_turn(self, world: World, practice: Practice, sql: Sql) -> None:
        other = await world.practice()
        for somebody in (practice, other):
            await world.sign_in(somebody.id, somebody.owner_email)
            assert count(sql, "known_device", somebody) == 1
        sql("UPDATE known_device SET last_used_at = now() - interval '400 days' WHERE practice_id = ANY (%s)",
            [UUID(practice.id), UUID(other.id)])  # fmt: skip
        await run(world, practice, "retention.daily")
        assert (count(sql, "known_device", practice), count(sql, "known_device", other)) == (0, 0)

    async def test_answers_to_nobody_in_particular_go_too(self, world: World, practice: Practice, sql: Sql) -> None:
        """The key of a registration: the practice was not there when it was used."""
        body = {"practice": practice.id, "email": world.email()}
        await world.http.post("/v1/auth/password-reset", json=body, headers={"Idempotency-Key": world.email("key")})
        sql("UPDATE idempotency_record SET expires_at = now() - interval '1 second'")
        await run(world, practice, "retention.daily")
        assert sql("SELECT count(*) FROM idempotency_record") == [(0,)]

    async def test_counters_that_count_nothing_go_and_others_count_on(
        self, world: World, practice: Practice, sql: Sql
    ) -> None:
        limit = Limit(world.email("limit"), 1, timedelta(days=1))
        for name in ("a", "b"):
            await world.tools.limiter.hit({limit: name})
        sql("UPDATE rate_limit SET arrival_at = now() - interval '1 second'")
        slow = Limit(world.email("limit"), 1, timedelta(days=3650))
        for _ in range(3):
            await world.tools.limiter.hit({slow: "c"})
        before = sql("SELECT count(*) FROM rate_limit WHERE arrival_at > now()")
        await run(world, practice, "retention.daily")
        assert sql("SELECT count(*) FROM rate_limit WHERE arrival_at < now() - interval '1 second'") == [(0,)]
        assert sql("SELECT count(*) FROM rate_limit WHERE arrival_at > now()") == before

    async def test_old_dead_letters_go_and_younger_ones_stay(self, world: World, practice: Practice, sql: Sql) -> None:
        jobs = [
            sql("INSERT INTO procrastinate_jobs (queue_name, task_name, status, args)"
                " VALUES ('event', 'event', 'failed', '{}') RETURNING id")[0][0]
            for _ in range(2)
        ]  # fmt: skip
        for job, age in zip(jobs, (DEAD_LETTERS + timedelta(days=1), DEAD_LETTERS - timedelta(days=1)), strict=True):
            sql("INSERT INTO job_failure (job_id, reason, failed_at) VALUES (%s, 'Test', now() - %s)", job, age)
        await run(world, practice, "retention.daily")
        assert sql("SELECT id FROM procrastinate_jobs WHERE id = ANY (%s)", jobs) == [(jobs[1],)]
        sql("DELETE FROM procrastinate_jobs WHERE id = %s", jobs[1])
