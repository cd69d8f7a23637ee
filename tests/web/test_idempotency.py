"""A repeated POST has one effect and one answer, whoever repeats it how often (R03, A52)."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, update
from tests.cast import House, build
from tests.world import PASSWORD, World

from portal_api.core.access import Role
from portal_api.core.db import Binding, Session
from portal_api.models.auth import AuthSession
from portal_api.models.clients import Client
from portal_api.models.practices import Practice
from portal_api.models.retries import IdempotencyRecord
from portal_api.models.staff import StaffMember

MANY = 50
NEW_CLIENT = {"given_name": "Grace", "family_name": "Client"}


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


@pytest.fixture
async def house(world: World) -> House:
    return await build(world.app, world.http)


async def count(house: House, model: type[Any]) -> int:
    async with house.session() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


def one_effect(responses: list[httpx.Response], status: int) -> list[httpx.Response]:
    """The successes: at least one, all alike, one of them the first; the rest was told to wait."""
    assert {r.status_code for r in responses} <= {status, 409}, {r.status_code for r in responses}
    done = [r for r in responses if r.status_code == status]
    assert len({r.content for r in done}) == 1
    assert sum("idempotency-replayed" not in r.headers for r in done) == 1
    assert {r.json()["code"] for r in responses if r.status_code == 409} <= {"idempotency_key_in_flight"}
    return done


class TestManyAtOnce:
    async def test_one_client_is_made(self, house: House) -> None:
        _, owner = await house.staff(Role.OWNER)
        posts = (owner.post("/v1/clients", NEW_CLIENT, headers=key("one")) for _ in range(MANY))
        responses = await asyncio.gather(*posts)
        assert one_effect(responses, 201)
        assert await count(house, Client) == 1

    async def test_one_practice_is_registered(self, world: World) -> None:
        email = world.email("owner")
        owner = {"email": email, "password": PASSWORD, "given_name": "Ada", "family_name": "Harbor"}
        body = {"name": "Harbor", "time_zone": "Europe/Berlin", "country": "DE", "owner": owner}
        posts = (world.http.post("/v1/practices", json=body, headers=key(email)) for _ in range(MANY))
        done = one_effect(await asyncio.gather(*posts), 201)
        practice = await world.sign_in(done[0].json()["practice"]["id"], email)
        assert (await practice.get("/v1/practice")).status_code == 200

    async def test_one_session_is_opened(self, house: House) -> None:
        account = await house.account("client")
        body = {"practice": str(house.id), "email": account.email, "password": PASSWORD}
        posts = (house.http.post("/v1/auth/login", json=body, headers=key(account.email)) for _ in range(MANY))
        assert one_effect(await asyncio.gather(*posts), 200)
        assert await count(house, AuthSession) == 1

    async def test_other_keys_do_not_wait(self, house: House) -> None:
        _, owner = await house.staff(Role.OWNER)
        posts = (owner.post("/v1/clients", NEW_CLIENT, headers=key(f"key-{n}")) for n in range(10))
        assert {r.status_code for r in await asyncio.gather(*posts)} == {201}
        assert await count(house, Client) == 10

    async def test_another_process_that_is_at_work_with_the_key_is_409(self, house: House) -> None:
        """Between processes the database decides: the record's lock is waited for a moment only."""
        _, owner = await house.staff(Role.OWNER)
        first = await owner.post("/v1/clients", NEW_CLIENT, headers=key("held"))
        async with house.session() as session:
            await session.execute(update(IdempotencyRecord).values(expires_at=func.now()))
        async with house.session() as other:
            await other.execute(select(IdempotencyRecord).with_for_update())
            waited = await owner.post("/v1/clients", NEW_CLIENT, headers=key("held"))
        assert first.status_code == 201
        assert waited.status_code == 409
        assert waited.json()["code"] == "idempotency_key_in_flight"


class TestAnswers:
    async def test_a_replay_is_the_first_answer_to_the_byte(self, house: House) -> None:
        _, owner = await house.staff(Role.OWNER)
        first = await owner.post("/v1/clients", NEW_CLIENT, headers=key("same"))
        again = await owner.post("/v1/clients", NEW_CLIENT, headers=key("same"))
        assert (again.status_code, again.content, again.headers["etag"]) == (201, first.content, first.headers["etag"])
        assert again.headers["idempotency-replayed"] == "true"

    async def test_another_body_is_422(self, house: House) -> None:
        _, owner = await house.staff(Role.OWNER)
        await owner.post("/v1/clients", NEW_CLIENT, headers=key("same"))
        other = await owner.post("/v1/clients", NEW_CLIENT | {"given_name": "Ida"}, headers=key("same"))
        assert other.status_code == 422
        assert other.json()["code"] == "idempotency_key_reused"
        assert await count(house, Client) == 1

    async def test_another_actor_with_the_key_acts_as_themselves(self, house: House) -> None:
        """A52."""
        _, owner = await house.staff(Role.OWNER)
        _, colleague = await house.staff(Role.OWNER)
        first = await owner.post("/v1/clients", NEW_CLIENT, headers=key("same"))
        second = await colleague.post("/v1/clients", NEW_CLIENT, headers=key("same"))
        assert second.status_code == 201
        assert second.json()["id"] != first.json()["id"]
        assert "idempotency-replayed" not in second.headers

    async def test_the_key_on_another_path_is_another_key(self, house: House) -> None:
        _, owner = await house.staff(Role.OWNER)
        made = await owner.post("/v1/clients", NEW_CLIENT, headers=key("same"))
        archived = await owner.post(f"/v1/clients/{made.json()['id']}/archive", headers=key("same"))
        assert archived.status_code == 200
        assert archived.json()["archived_at"]

    async def test_after_access_was_taken_away_nothing_is_replayed(self, house: House) -> None:
        """A52: authorise first, then replay."""
        staff_id, colleague = await house.staff(Role.PRACTITIONER)
        await colleague.post("/v1/clients", NEW_CLIENT, headers=key("mine"))
        await self._change(house, staff_id, roles=["forms_admin"])
        assert (await colleague.post("/v1/clients", NEW_CLIENT, headers=key("mine"))).status_code == 403
        await self._change(house, staff_id, state="removed")
        assert (await colleague.post("/v1/clients", NEW_CLIENT, headers=key("mine"))).status_code == 401

    @staticmethod
    async def _change(house: House, staff_id: UUID, **values: Any) -> None:
        async with house.session() as session:
            await session.execute(update(StaffMember).where(StaffMember.id == staff_id).values(**values))

    async def test_after_a_day_the_key_is_new(self, house: House) -> None:
        _, owner = await house.staff(Role.OWNER)
        await owner.post("/v1/clients", NEW_CLIENT, headers=key("old"))
        async with house.session() as session:
            await session.execute(update(IdempotencyRecord).values(expires_at=func.now()))
        assert "idempotency-replayed" not in (await owner.post("/v1/clients", NEW_CLIENT, headers=key("old"))).headers
        assert await count(house, Client) == 2


class TestFailures:
    async def test_a_refusal_leaves_the_key_free(self, house: House) -> None:
        _, owner = await house.staff(Role.OWNER)
        bad = NEW_CLIENT | {"practitioner_ids": ["01890000-0000-7000-8000-000000000000"]}
        assert (await owner.post("/v1/clients", bad, headers=key("free"))).status_code == 422
        assert (await owner.post("/v1/clients", NEW_CLIENT, headers=key("free"))).status_code == 201

    async def test_a_refusal_that_is_committed_leaves_the_key_free_too(self, house: House) -> None:
        """A reused refresh token ends its session for good; a retry gets the same refusal, not a wait for ever."""
        account = await house.account("client")
        first = (await house.sign_in(account)).refresh_token
        second = await house.http.post("/v1/auth/refresh", json={"refresh_token": first})
        await house.http.post("/v1/auth/refresh", json={"refresh_token": second.json()["refresh_token"]})
        for _ in range(2):
            reused = await house.http.post("/v1/auth/refresh", json={"refresh_token": first}, headers=key("reused"))
            assert reused.status_code == 401
            assert reused.json()["code"] == "refresh_token_reused"

    async def test_a_caller_who_hangs_up_leaves_the_key_free(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, owner = await house.staff(Role.OWNER)
        begun, flush = asyncio.Event(), Session.flush

        async def slow_flush(session: Session, *rest: Any) -> None:
            await flush(session, *rest)
            begun.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as patch:
            patch.setattr(Session, "flush", slow_flush)
            post = asyncio.create_task(owner.post("/v1/clients", NEW_CLIENT, headers=key("hung up")))
            await begun.wait()
            post.cancel()
            await asyncio.gather(post, return_exceptions=True)
        assert await count(house, Client) == 0
        again = await owner.post("/v1/clients", NEW_CLIENT, headers=key("hung up"))
        assert again.status_code == 201
        assert "idempotency-replayed" not in again.headers

    async def test_what_is_kept_is_sealed(self, house: House) -> None:
        _, owner = await house.staff(Role.OWNER)
        await owner.post("/v1/clients", NEW_CLIENT | {"given_name": "Canary7c0ffee"}, headers=key("sealed"))
        async with house.session() as session:
            record = (await session.scalars(select(IdempotencyRecord))).one()
        assert record.sealed_answer is not None
        assert b"Canary7c0ffee" not in record.sealed_answer
        assert b"sealed" not in record.scope_hash


async def test_the_lobby_holds_no_practice(world: World) -> None:
    """Keys of callers without a practice are kept under nobody's; no practice can ever have that id."""
    async with world.tools.database.session(Binding()) as session:
        assert (await session.scalars(select(Practice).where(Practice.id == Binding().practice_id))).all() == []
