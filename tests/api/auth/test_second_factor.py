"""The second factor: enrolling, signing in with it, losing it, guessing it."""

import asyncio
from secrets import randbelow
from typing import Any

import httpx
import pytest

from tests.api.auth.conftest import Sql
from tests.authenticator import code, enrol
from tests.world import PASSWORD, Practice, World


async def log_in(http: httpx.AsyncClient, practice: Practice, **fields: Any) -> httpx.Response:
    body = {"practice": practice.id, "email": practice.owner_email, "password": PASSWORD} | fields
    return await http.post("/v1/auth/login", json=body, headers=fields.pop("headers", {}))


class TestEnrolment:
    async def test_it_counts_from_the_first_confirmed_code(self, world: World) -> None:
        practice = await world.practice()
        elsewhere = await world.sign_in(practice.id, practice.owner_email)
        assert (await practice.owner.get("/v1/me")).json()["second_factor"] == "recommended"
        _, codes = await enrol(world, practice.owner)
        assert len(set(codes)) == 10
        me = (await practice.owner.get("/v1/me")).json()
        assert (me["second_factor"], me["second_factor_enabled"]) == ("enabled", True)
        current = (await practice.owner.get("/v1/me/sessions")).json()["data"]
        assert [session["methods"] for session in current] == [["otp", "pwd"]]
        assert (await elsewhere.get("/v1/me")).status_code == 401
        assert await world.mail(practice.owner_email, "how you sign in")

    async def test_unconfirmed_it_changes_nothing(self, world: World) -> None:
        practice = await world.practice()
        await practice.owner.post("/v1/me/second-factor", {"password": PASSWORD})
        wrong = await practice.owner.post("/v1/me/second-factor/confirm", {"otp": "000000"})
        assert wrong.json()["errors"][0]["code"] == "wrong_otp"
        assert (await log_in(world.http, practice)).status_code == 200

    async def test_it_takes_the_password_and_is_not_done_twice(self, world: World) -> None:
        practice = await world.practice()
        assert (await practice.owner.post("/v1/me/second-factor", {"password": "not mine"})).status_code == 422
        await enrol(world, practice.owner)
        again = await practice.owner.post("/v1/me/second-factor", {"password": PASSWORD})
        assert (again.status_code, again.json()["code"]) == (409, "invalid_state")

    async def test_the_seed_is_sealed_in_the_database(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        totp, _ = await enrol(world, practice.owner)
        stored = sql("SELECT sealed_seed FROM totp_credential WHERE account_id = %s", practice.owner.account["id"])
        assert totp.secret.encode() not in bytes(stored[0][0])

    async def test_where_the_practice_demands_it_nothing_else_works_before(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        sql("UPDATE portal_settings SET second_factor = 'staff' WHERE practice_id = %s", practice.id)
        refused = await practice.owner.get("/v1/practice")
        assert refused.json()["code"] == "second_factor_enrolment_required"
        assert (await practice.owner.get("/v1/me")).json()["second_factor"] == "required"
        await enrol(world, practice.owner)
        assert (await practice.owner.get("/v1/practice")).status_code == 200


class TestLogin:
    async def test_the_code_is_asked_for_and_accepted(self, world: World) -> None:
        practice = await world.practice()
        totp, _ = await enrol(world, practice.owner)
        missing = await log_in(world.http, practice)
        assert (missing.status_code, missing.json()["code"]) == (401, "otp_required")
        wrong = await log_in(world.http, practice, otp="000000")
        assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
        right = await log_in(world.http, practice, otp=await code(world, totp))
        assert right.status_code == 200
        assert right.json()["account"]["second_factor_enabled"] is True

    async def test_a_wrong_password_is_not_told_that_a_code_is_needed(self, world: World) -> None:
        """A01."""
        practice = await world.practice()
        await enrol(world, practice.owner)
        assert (await log_in(world.http, practice, password="wrong boat")).json()["code"] == "invalid_credentials"

    async def test_a_code_works_once_even_for_many_at_the_same_time(self, world: World) -> None:
        practice = await world.practice()
        totp, _ = await enrol(world, practice.owner)
        otp = await code(world, totp, 1)
        answers = await asyncio.gather(*(log_in(world.http, practice, otp=otp) for _ in range(6)))
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 5
        older = await log_in(world.http, practice, otp=await code(world, totp))
        assert older.status_code == 401

    @pytest.mark.parametrize("steps", [-3, 3])
    async def test_a_code_of_another_time_is_refused(self, world: World, steps: int) -> None:
        practice = await world.practice()
        totp, _ = await enrol(world, practice.owner)
        assert (await log_in(world.http, practice, otp=await code(world, totp, steps))).status_code == 401

    async def test_a_recovery_code_signs_in_once_however_it_is_typed(self, world: World) -> None:
        practice = await world.practice()
        _, codes = await enrol(world, practice.owner)
        typed = codes[0].lower().replace("-", "")
        assert (await log_in(world.http, practice, otp=typed)).status_code == 200
        assert (await log_in(world.http, practice, otp=codes[0])).status_code == 401
        assert (await log_in(world.http, practice, otp=codes[1])).status_code == 200

    async def test_guesses_in_parallel_get_no_further_than_the_limit(
        self, world: World, strict_http: httpx.AsyncClient, sql: Sql
    ) -> None:
        """A37: counted before they are checked, from wherever they come."""
        practice = await world.practice()
        totp, _ = await enrol(world, practice.owner)

        async def guess(number: int, otp: str) -> int:
            body = {"practice": practice.id, "email": practice.owner_email, "password": PASSWORD, "otp": otp}
            headers = {"X-Forwarded-For": f"192.0.{randbelow(256)}.{number}"}
            return (await strict_http.post("/v1/auth/login", json=body, headers=headers)).status_code

        answers = await asyncio.gather(*(guess(number, f"{number:06d}") for number in range(40)))
        assert set(answers) <= {401, 429, 503}
        failures = "SELECT count(*) FROM event WHERE practice_id = %s AND details ->> 'factor' = 'otp'"
        assert 0 < sql(failures, practice.id)[0][0] <= 10
        assert await guess(41, await code(world, totp)) == 429


class TestRemoval:
    async def test_it_takes_password_and_code(self, world: World) -> None:
        practice = await world.practice()
        totp, _ = await enrol(world, practice.owner)
        wrong = {"password": PASSWORD, "otp": "000000"}
        assert (await practice.owner.delete("/v1/me/second-factor", json=wrong)).status_code == 422
        right = {"password": PASSWORD, "otp": await code(world, totp)}
        assert (await practice.owner.delete("/v1/me/second-factor", json=right)).status_code == 204
        assert (await log_in(world.http, practice)).status_code == 200
        gone = await practice.owner.delete("/v1/me/second-factor", json=right)
        assert gone.json()["state"] == "disabled"

    async def test_new_recovery_codes_replace_the_old(self, world: World) -> None:
        practice = await world.practice()
        totp, old = await enrol(world, practice.owner)
        proof = {"password": PASSWORD, "otp": await code(world, totp)}
        renewed = await practice.owner.post("/v1/me/second-factor/recovery-codes", proof)
        assert renewed.status_code == 200
        assert (await log_in(world.http, practice, otp=old[0])).status_code == 401
        assert (await log_in(world.http, practice, otp=renewed.json()["recovery_codes"][0])).status_code == 200

    async def test_reauthentication_takes_the_code_too(self, world: World) -> None:
        practice = await world.practice()
        totp, _ = await enrol(world, practice.owner)
        missing = await practice.owner.post("/v1/auth/reauthenticate", {"password": PASSWORD})
        assert missing.json()["errors"][0]["code"] == "otp_required"
        proof = {"password": PASSWORD, "otp": await code(world, totp)}
        assert (await practice.owner.post("/v1/auth/reauthenticate", proof)).status_code == 204
