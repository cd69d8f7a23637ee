"""Signing in: one refusal for everything wrong, limits, known devices, starter passwords."""

import asyncio
from typing import Any

import httpx
import pytest
from passlib.handlers.argon2 import argon2

from tests.api.auth.conftest import Sql
from tests.world import HASH_COST, PASSWORD, Practice, World

WRONG = "a wrong boat on lake 8"


def credentials(practice: Practice, /, **fields: Any) -> dict[str, Any]:
    return {"practice": practice.id, "email": practice.owner_email, "password": PASSWORD} | fields


async def log_in(http: httpx.AsyncClient, body: dict[str, Any], **options: Any) -> httpx.Response:
    return await http.post("/v1/auth/login", json=body, **options)


def without_request_id(response: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in response.json().items() if name != "request_id"}


class TestRefusals:
    async def test_everything_wrong_is_one_answer(self, world: World) -> None:
        """A01: nothing tells an unknown address from a wrong password."""
        practice = await world.practice()
        wrong = await log_in(world.http, credentials(practice, password=WRONG))
        unknown = await log_in(world.http, credentials(practice, email=world.email()))
        nowhere = await log_in(world.http, credentials(practice, practice="no-such-practice"))
        assert wrong.status_code == unknown.status_code == nowhere.status_code == 401
        assert wrong.json()["code"] == "invalid_credentials"
        assert without_request_id(wrong) == without_request_id(unknown) == without_request_id(nowhere)

    async def test_a_refusal_is_recorded_and_keeps_no_idempotency_key(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        headers = {"Idempotency-Key": practice.id}
        body = credentials(practice, password=WRONG)
        assert (await log_in(world.http, body, headers=headers)).status_code == 401
        assert (await log_in(world.http, body, headers=headers)).status_code == 401
        failures = sql("SELECT count(*) FROM event WHERE practice_id = %s AND type = 'login.failed'", practice.id)
        assert failures == [(2,)]

    async def test_someone_who_left_the_practice_cannot_sign_in(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        sql("UPDATE staff_member SET state = 'suspended' WHERE id = %s", practice.staff_id)
        assert (await log_in(world.http, credentials(practice))).status_code == 401
        assert (await practice.owner.get("/v1/me")).status_code == 401

    async def test_a_suspended_account_cannot_sign_in(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        sql("UPDATE account SET suspended_at = now() WHERE id = %s", practice.owner.account["id"])
        assert (await log_in(world.http, credentials(practice))).status_code == 401

    async def test_the_address_is_compared_without_case(self, world: World) -> None:
        practice = await world.practice()
        assert (await log_in(world.http, credentials(practice, email=practice.owner_email.upper()))).status_code == 200

    @pytest.mark.parametrize("otp", ["12345", "1" * 33, "12 456", "\u0661\u0662\u0663\u0664\u0665\u0666"])
    async def test_an_otp_that_is_none_is_refused_as_input(self, world: World, otp: str) -> None:
        practice = await world.practice()
        assert (await log_in(world.http, credentials(practice, otp=otp))).status_code == 422


class TestLimits:
    async def test_guessing_one_account_from_one_network_is_throttled(
        self, world: World, strict_http: httpx.AsyncClient, network: dict[str, str]
    ) -> None:
        """A37: ten attempts, then 429 with Retry-After, for known and unknown addresses alike."""
        practice = await world.practice()
        for email in (practice.owner_email, world.email()):
            body = credentials(practice, email=email, password=WRONG)
            answers = [await log_in(strict_http, body, headers=network) for _ in range(11)]
            assert [answer.status_code for answer in answers] == [401] * 10 + [429]
            assert answers[-1].headers["RateLimit-Policy"] == '"login";q=10;w=900'
            wait = answers[-1].headers["Retry-After"]
            assert answers[-1].headers["RateLimit"] == f'"login";r=0;t={wait}'
            assert answers[-1].json()["code"] == "rate_limited"
            assert int(answers[-1].headers["retry-after"]) > 0

    async def test_spraying_many_accounts_from_one_network_is_throttled(
        self, world: World, strict_http: httpx.AsyncClient, network: dict[str, str]
    ) -> None:
        """A37: one password tried on many accounts."""
        practice = await world.practice()
        bodies = [credentials(practice, email=world.email(), password=WRONG) for _ in range(55)]
        statuses = [(await log_in(strict_http, body, headers=network)).status_code for body in bodies]
        assert set(statuses[:50]) == {401}
        assert 429 in statuses[50:]  # one more is let in every 18 seconds

    async def test_a_known_device_is_not_locked_out_with_the_rest(
        self, world: World, strict_http: httpx.AsyncClient, network: dict[str, str]
    ) -> None:
        """A38: the attacker shares the victim's network and uses its limits up."""
        practice = await world.practice()
        first = await log_in(strict_http, credentials(practice), headers=network)
        device = first.json()["device_token"]
        guess = credentials(practice, password=WRONG)
        assert await asyncio.gather(*(log_in(strict_http, guess, headers=network) for _ in range(15)))
        assert (await log_in(strict_http, credentials(practice), headers=network)).status_code == 429
        known = await log_in(strict_http, credentials(practice, device_token=device), headers=network)
        assert known.status_code == 200
        assert known.json()["device_token"] == device

    async def test_a_known_device_is_limited_by_itself(
        self, world: World, strict_http: httpx.AsyncClient, network: dict[str, str]
    ) -> None:
        practice = await world.practice()
        device = (await log_in(strict_http, credentials(practice), headers=network)).json()["device_token"]
        guess = credentials(practice, password=WRONG, device_token=device)
        answers = [await log_in(strict_http, guess, headers=network) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]

    async def test_another_accounts_device_is_not_known(
        self, world: World, strict_http: httpx.AsyncClient, network: dict[str, str]
    ) -> None:
        practice, other = await world.practice(), await world.practice()
        device = (await log_in(strict_http, credentials(other), headers=network)).json()["device_token"]
        guess = credentials(practice, password=WRONG, device_token=device)
        answers = [await log_in(strict_http, guess, headers=network) for _ in range(11)]
        assert answers[-1].status_code == 429
        assert (await log_in(strict_http, credentials(other, device_token=device))).status_code == 200

    async def test_after_a_hundred_failures_in_a_row_only_known_devices_and_mail_help(
        self, world: World, strict_http: httpx.AsyncClient, sql: Sql, network: dict[str, str]
    ) -> None:
        """A38: the ceiling holds from every network; a known device and a mailed link get past it."""
        practice = await world.practice()
        device = (await log_in(strict_http, credentials(practice), headers=network)).json()["device_token"]
        guess = credentials(practice, password=WRONG)
        assert (await log_in(strict_http, guess, headers=network)).status_code == 401
        fail_99_times_more(sql)
        locked = await log_in(strict_http, credentials(practice), headers=network)
        assert locked.status_code == 429
        known = await log_in(strict_http, credentials(practice, device_token=device), headers=network)
        assert known.status_code == 200
        fail_99_times_more(sql)
        await log_in(strict_http, guess, headers=network)
        fail_99_times_more(sql)
        address = {"practice": practice.id, "email": practice.owner_email}
        assert (await world.http.post("/v1/auth/password-reset", json=address)).status_code == 202
        token = await world.mailed_token(practice.owner_email, "reset")
        new = {"token": token, "new_password": "seven pale lanterns drift"}
        assert (await world.http.post("/v1/auth/password-reset/confirm", json=new)).status_code == 204
        renewed = credentials(practice, password=new["new_password"])
        assert (await log_in(strict_http, renewed, headers=network)).status_code == 200

    async def test_a_success_ends_the_row_of_failures(
        self, world: World, strict_http: httpx.AsyncClient, sql: Sql, network: dict[str, str]
    ) -> None:
        practice = await world.practice()
        before = sql("SELECT count(*) FROM rate_limit WHERE arrival_at > now() + interval '30 days'")
        assert (await log_in(strict_http, credentials(practice, password=WRONG), headers=network)).status_code == 401
        assert (await log_in(strict_http, credentials(practice), headers=network)).status_code == 200
        assert sql("SELECT count(*) FROM rate_limit WHERE arrival_at > now() + interval '30 days'") == before

    async def test_a_busy_practice_behind_one_address_signs_in_undisturbed(
        self, world: World, strict_http: httpx.AsyncClient, network: dict[str, str]
    ) -> None:
        """What succeeds does not count."""
        practice = await world.practice()
        answers = [await log_in(strict_http, credentials(practice), headers=network) for _ in range(12)]
        assert {answer.status_code for answer in answers} == {200}

    async def test_a_hash_of_weaker_parameters_is_made_anew(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        weak = argon2.using(type="ID", memory_cost=HASH_COST["memory_kib"] // 2, rounds=1, parallelism=1).hash(PASSWORD)
        sql("UPDATE account SET password_hash = %s WHERE id = %s", weak, practice.owner.account["id"])
        assert (await log_in(world.http, credentials(practice))).status_code == 200
        stored = sql("SELECT password_hash FROM account WHERE id = %s", practice.owner.account["id"])[0][0]
        assert "m={memory_kib},t={rounds}".format(**HASH_COST) in stored
        assert (await log_in(world.http, credentials(practice))).status_code == 200


class TestDevices:
    async def test_a_login_from_somewhere_new_is_announced(self, world: World) -> None:
        practice = await world.practice()
        body = credentials(practice)
        assert (await log_in(world.http, body, headers={"User-Agent": "another browser"})).status_code == 200
        mail = await world.mail(practice.owner_email, "new sign-in")
        assert "#token=" not in mail.text

    async def test_familiar_logins_are_not_announced(self, world: World) -> None:
        practice = await world.practice()
        await world.sign_in(practice.id, practice.owner_email)
        subjects = [mail.subject for mail in await world.mails(practice.owner_email)]
        assert not [subject for subject in subjects if "sign-in" in subject]

    async def test_devices_do_not_pile_up(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        for _ in range(21):
            await world.sign_in(practice.id, practice.owner_email)
        assert sql("SELECT count(*) FROM known_device WHERE account_id = %s", practice.owner.account["id"]) == [(20,)]


class TestStarterPassword:
    async def test_it_opens_one_session_at_a_time(self, world: World, sql: Sql) -> None:
        """A05: the second login ends the first."""
        practice = await world.practice()
        make_starter(sql, practice, "1 hour")
        first = await world.sign_in(practice.id, practice.owner_email)
        second = await world.sign_in(practice.id, practice.owner_email)
        assert second.account["must_change_password"] is True
        assert (await first.get("/v1/me")).status_code == 401
        assert (await second.get("/v1/me")).status_code == 200

    async def test_two_logins_at_once_leave_one_session(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        make_starter(sql, practice, "1 hour")
        callers = await asyncio.gather(*(world.sign_in(practice.id, practice.owner_email) for _ in range(5)))
        alive = [await caller.get("/v1/me") for caller in callers]
        assert sorted(answer.status_code for answer in alive) == [200, 401, 401, 401, 401]

    async def test_it_does_not_work_after_its_time(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        make_starter(sql, practice, "-1 second")
        refused = await log_in(world.http, credentials(practice))
        assert refused.status_code == 401
        assert refused.json()["code"] == "invalid_credentials"

    async def test_it_is_for_changing_it_and_nothing_else(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        make_starter(sql, practice, "1 hour")
        holder = await world.sign_in(practice.id, practice.owner_email)
        for method, path in (("GET", "/v1/practice"), ("GET", "/v1/me/sessions"), ("PATCH", "/v1/me")):
            refused = await holder.request(method, path, json={} if method == "PATCH" else None)
            assert refused.json()["code"] == "password_change_required"
        enrolment = await holder.post("/v1/me/second-factor", {"password": PASSWORD})
        assert enrolment.json()["code"] == "password_change_required"
        new = {"current_password": PASSWORD, "new_password": "seven pale lanterns drift"}
        assert (await holder.put("/v1/me/password", new)).status_code == 204
        assert (await holder.get("/v1/practice")).status_code == 200

    async def test_it_cannot_be_kept(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        make_starter(sql, practice, "1 hour")
        holder = await world.sign_in(practice.id, practice.owner_email)
        same = {"current_password": PASSWORD, "new_password": PASSWORD}
        assert (await holder.put("/v1/me/password", same)).json()["errors"][0]["code"] == "password_unchanged"


def make_starter(sql: Sql, practice: Practice, lifetime: str) -> None:
    sql(
        "UPDATE account SET must_change_password = true, starter_expires_at = now() + %s::interval WHERE id = %s",
        lifetime,
        practice.owner.account["id"],
    )


def fail_99_times_more(sql: Sql) -> None:
    """Fill up what counts failures in a row: the only limit that reaches so far ahead."""
    sql("UPDATE rate_limit SET arrival_at = now() + interval '3650 days' WHERE arrival_at > now() + interval '30 days'")
