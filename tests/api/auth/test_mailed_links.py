"""Verification, recovery and a changed address: what is proved by mail."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.auth.conftest import Sql
from tests.world import PASSWORD, Practice, World

NEW_PASSWORD = "seven pale lanterns drift"


def address(practice: Practice, **fields: Any) -> dict[str, Any]:
    return {"practice": practice.id, "email": practice.owner_email} | fields


async def verify(world: World, body: dict[str, Any]) -> httpx.Response:
    return await world.http.post("/v1/auth/email-verification", json=body)


async def ask_for_reset(world: World, practice: Practice) -> str:
    assert (await world.http.post("/v1/auth/password-reset", json=address(practice))).status_code == 202
    return await world.mailed_token(practice.owner_email, "reset")


async def confirm_reset(world: World, token: str, password: str = NEW_PASSWORD) -> httpx.Response:
    body = {"token": token, "new_password": password}
    return await world.http.post("/v1/auth/password-reset/confirm", json=body)


async def is_verified(practice: Practice) -> bool:
    verified: bool = (await practice.owner.get("/v1/me")).json()["email_verified"]
    return verified


class TestVerification:
    async def test_the_link_verifies_once(self, world: World) -> None:
        practice = await world.practice()
        token = await world.mailed_token(practice.owner_email)
        assert not await is_verified(practice)
        assert (await verify(world, {"token": token})).status_code == 204
        assert await is_verified(practice)
        assert (await verify(world, {"token": token})).status_code == 410

    async def test_the_code_does_the_same_and_uses_the_link_up(self, world: World) -> None:
        """F4.B1: one secret, two forms."""
        practice = await world.practice()
        code = await world.mailed_code(practice.owner_email)
        token = await world.mailed_token(practice.owner_email)
        assert (await verify(world, address(practice, code=code))).status_code == 204
        assert await is_verified(practice)
        assert (await verify(world, {"token": token})).status_code == 410
        assert (await verify(world, address(practice, code=code))).status_code == 410

    async def test_a_code_is_tried_five_times(self, world: World) -> None:
        practice = await world.practice()
        code = await world.mailed_code(practice.owner_email)
        wrong = address(practice, code=f"{(int(code) + 1) % 10**6:06d}")
        answers = await asyncio.gather(*(verify(world, wrong) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {422}
        assert (await verify(world, address(practice, code=code))).status_code == 422
        assert not await is_verified(practice)

    async def test_an_unknown_address_gets_the_answer_of_a_wrong_code(self, world: World) -> None:
        """A01."""
        practice = await world.practice()
        code = await world.mailed_code(practice.owner_email)
        wrong = f"{(int(code) + 1) % 10**6:06d}"
        known = await verify(world, address(practice, code=wrong))
        unknown = await verify(world, address(practice, email=world.email(), code=wrong))
        nowhere = await verify(world, address(practice, code=wrong) | {"practice": "no-such-practice"})
        assert known.status_code == 422
        bodies = [answer.json() | {"request_id": ""} for answer in (known, unknown, nowhere)]
        assert bodies[0] == bodies[1] == bodies[2]

    async def test_a_link_expires(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        token = await world.mailed_token(practice.owner_email)
        sql("UPDATE one_time_secret SET expires_at = now() WHERE practice_id = %s", practice.id)
        assert (await verify(world, {"token": token})).status_code == 410

    @pytest.mark.parametrize("token", ["nonsense", "0" * 32 + "." + "A" * 43])
    async def test_what_was_never_mailed_is_unknown(self, world: World, token: str) -> None:
        assert (await verify(world, {"token": token})).status_code == 404

    async def test_a_secret_is_good_for_its_own_purpose_only(self, world: World) -> None:
        practice = await world.practice()
        token = await ask_for_reset(world, practice)
        assert (await verify(world, {"token": token})).status_code == 404
        assert (await confirm_reset(world, token)).status_code == 204

    @pytest.mark.parametrize("body", [{}, {"token": "a", "code": "123456"}, {"code": "123456"}])
    async def test_it_takes_a_token_or_a_code(self, world: World, body: dict[str, Any]) -> None:
        assert (await verify(world, body)).status_code == 422


class TestResend:
    async def test_a_new_mail_ends_the_older_link(self, world: World) -> None:
        practice = await world.practice()
        older = await world.mailed_token(practice.owner_email)
        answer = await world.http.post("/v1/auth/email-verification/resend", json=address(practice))
        assert answer.status_code == 202
        newer = await world.mailed_token(practice.owner_email)
        assert newer != older
        assert (await verify(world, {"token": older})).status_code == 410
        assert (await verify(world, {"token": newer})).status_code == 204

    async def test_it_is_the_same_for_everybody(self, world: World) -> None:
        """A01: unknown, known and verified addresses; who has verified gets no mail."""
        practice = await world.practice()
        await verify(world, {"token": await world.mailed_token(practice.owner_email)})
        before = len(await world.mails(practice.owner_email))
        bodies = (address(practice), address(practice, email=world.email()), address(practice) | {"practice": "nobody"})
        answers = [await world.http.post("/v1/auth/email-verification/resend", json=body) for body in bodies]
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.content for answer in answers}) == 1
        assert len(await world.mails(practice.owner_email)) == before

    async def test_it_cools_down_for_known_and_unknown_addresses(
        self, world: World, strict_http: httpx.AsyncClient, network: dict[str, str]
    ) -> None:
        practice = await world.practice()
        for body in (address(practice), address(practice, email=world.email())):
            path = "/v1/auth/email-verification/resend"
            answers = [await strict_http.post(path, json=body, headers=network) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [202, 429]
            assert 0 < int(answers[1].headers["retry-after"]) <= 61


class TestPasswordReset:
    async def test_the_link_sets_a_password_and_ends_all_sessions(self, world: World) -> None:
        practice = await world.practice()
        token = await ask_for_reset(world, practice)
        assert (await confirm_reset(world, token)).status_code == 204
        assert (await practice.owner.get("/v1/me")).status_code == 401
        refreshed = await world.http.post("/v1/auth/refresh", json={"refresh_token": practice.owner.refresh_token})
        assert refreshed.status_code == 401
        old = await world.http.post("/v1/auth/login", json=address(practice, password=PASSWORD))
        assert old.status_code == 401
        renewed = await world.sign_in(practice.id, practice.owner_email, NEW_PASSWORD)
        assert renewed.account["email_verified"] is True
        assert "was changed" in (await world.mail(practice.owner_email, "was changed")).subject

    async def test_the_link_works_once_even_for_many_at_the_same_time(self, world: World) -> None:
        practice = await world.practice()
        token = await ask_for_reset(world, practice)
        answers = await asyncio.gather(*(confirm_reset(world, token, f"{NEW_PASSWORD} {n}") for n in range(4)))
        assert sorted(answer.status_code for answer in answers) == [204, 410, 410, 410]

    async def test_a_weak_password_leaves_the_link_usable(self, world: World) -> None:
        practice = await world.practice()
        token = await ask_for_reset(world, practice)
        weak = await confirm_reset(world, token, practice.owner_email)
        assert weak.json()["errors"][0]["pointer"] == "/new_password"
        assert (await confirm_reset(world, token)).status_code == 204

    async def test_only_the_newest_link_works(self, world: World) -> None:
        practice = await world.practice()
        older = await ask_for_reset(world, practice)
        newer = await ask_for_reset(world, practice)
        assert (await confirm_reset(world, older)).status_code == 410
        assert (await confirm_reset(world, newer)).status_code == 204

    async def test_known_and_unknown_addresses_are_answered_alike(self, world: World) -> None:
        """A01: byte for byte, header for header."""
        practice = await world.practice()
        bodies = (address(practice), address(practice, email=world.email()), address(practice) | {"practice": "nobody"})
        answers = [await world.http.post("/v1/auth/password-reset", json=body) for body in bodies]
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.content for answer in answers}) == 1
        headers = [{k: v for k, v in answer.headers.items() if k != "x-request-id"} for answer in answers]
        assert headers[0] == headers[1] == headers[2]

    async def test_known_and_unknown_addresses_cost_the_same_work(self, world: World, sql: Sql) -> None:
        """A01: one event and one job each; the mail finds out whether there is an account."""
        practice = await world.practice()
        events = "SELECT count(*) FROM event WHERE practice_id = %s AND type = 'password_reset.asked'"
        jobs = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND args->>'practice_id' = %s"
        stranger, work = world.email(), []
        for email in (practice.owner_email, stranger):
            await world.run_jobs()
            await world.http.post("/v1/auth/password-reset", json=address(practice, email=email))
            work.append((sql(events, practice.id)[0][0], sql(jobs, practice.id)[0][0]))
        assert work == [(1, 1), (2, 1)]
        assert not await world.mails(stranger)

    @pytest.mark.parametrize(
        "state",
        [
            "email_verified_at = now(), email_verified_by = gen_random_uuid()",
            "must_change_password = true",
            "suspended_at = now()",
            "password_hash = NULL",
        ],
    )
    async def test_no_link_where_mail_proves_nothing(self, world: World, sql: Sql, state: str) -> None:
        """A06: an address that only staff vouch for, or an account that was never the holder's own."""
        practice = await world.practice()
        sql(f"UPDATE account SET {state} WHERE id = %s", practice.owner.account["id"])
        answer = await world.http.post("/v1/auth/password-reset", json=address(practice))
        assert answer.status_code == 202
        assert not [mail for mail in await world.mails(practice.owner_email) if "Reset" in mail.subject]

    async def test_a_link_to_a_former_address_is_dead(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        token = await ask_for_reset(world, practice)
        sql("UPDATE account SET email_norm = %s WHERE id = %s", world.email(), practice.owner.account["id"])
        assert (await confirm_reset(world, token)).status_code == 410

    async def test_it_is_limited_by_address(
        self, world: World, strict_http: httpx.AsyncClient, network: dict[str, str]
    ) -> None:
        practice = await world.practice()
        for body in (address(practice), address(practice, email=world.email())):
            answers = [await strict_http.post("/v1/auth/password-reset", json=body, headers=network) for _ in range(4)]
            assert [answer.status_code for answer in answers] == [202, 202, 202, 429]

    async def test_guessing_tokens_is_limited(self, strict_http: httpx.AsyncClient, network: dict[str, str]) -> None:
        body = {"token": "0" * 32 + "." + "A" * 43, "new_password": NEW_PASSWORD}
        path = "/v1/auth/password-reset/confirm"
        answers = [await strict_http.post(path, json=body, headers=network) for _ in range(51)]
        assert [answer.status_code for answer in answers] == [404] * 50 + [429]


class TestEmailChange:
    async def test_the_new_address_counts_when_its_link_is_followed(self, world: World) -> None:
        """F15.M2: confirmed on the new address; every session ends."""
        practice = await world.practice()
        new = world.email("new")
        await ask_for_change(practice, new)
        assert (await practice.owner.get("/v1/me")).json()["email"] == practice.owner_email
        token = await world.mailed_token(new)
        assert (await confirm_change(world, token)).status_code == 204
        assert (await practice.owner.get("/v1/me")).status_code == 401
        moved = await world.sign_in(practice.id, new)
        assert (await moved.get("/v1/me")).json()["email_verified"] is True
        gone = await world.http.post("/v1/auth/login", json=address(practice, password=PASSWORD))
        assert gone.status_code == 401
        assert (await confirm_change(world, token)).status_code == 410

    async def test_the_old_address_can_take_it_back(self, world: World) -> None:
        practice = await world.practice()
        new = world.email("new")
        await ask_for_change(practice, new)
        way_back = await world.mailed_token(practice.owner_email, "is changing")
        assert (await confirm_change(world, await world.mailed_token(new))).status_code == 204
        thief = await world.sign_in(practice.id, new)
        assert (await revert(world, way_back)).status_code == 204
        assert (await thief.get("/v1/me")).status_code == 401
        assert (await world.sign_in(practice.id, practice.owner_email)).account["email"] == practice.owner_email
        assert (await revert(world, way_back)).status_code == 410

    async def test_the_old_address_can_stop_it_before(self, world: World) -> None:
        practice = await world.practice()
        new = world.email("new")
        await ask_for_change(practice, new)
        assert (await revert(world, await world.mailed_token(practice.owner_email, "is changing"))).status_code == 204
        assert (await confirm_change(world, await world.mailed_token(new))).status_code == 410

    async def test_a_second_change_does_not_cut_off_the_way_back(self, world: World) -> None:
        practice = await world.practice()
        first, second = world.email("first"), world.email("second")
        await ask_for_change(practice, first)
        way_back = await world.mailed_token(practice.owner_email, "is changing")
        await confirm_change(world, await world.mailed_token(first))
        thief = await world.sign_in(practice.id, first)
        assert (await thief.post("/v1/me/email", {"email": second, "password": PASSWORD})).status_code == 202
        thiefs_way_back = await world.mailed_token(first, "is changing")
        await confirm_change(world, await world.mailed_token(second))
        assert (await revert(world, way_back)).status_code == 204
        assert (await revert(world, thiefs_way_back)).status_code == 410
        assert (await world.sign_in(practice.id, practice.owner_email)).account["email"] == practice.owner_email

    async def test_an_address_of_somebody_else_is_answered_alike_and_gets_no_link(self, world: World, sql: Sql) -> None:
        """A01: nobody learns who has an account here."""
        practice = await world.practice()
        taken, free = world.email("taken"), world.email("free")
        add_account(sql, practice, taken)
        answers = [
            await practice.owner.post("/v1/me/email", {"email": email, "password": PASSWORD}) for email in (taken, free)
        ]
        assert {answer.status_code for answer in answers} == {202}
        assert answers[0].content == answers[1].content
        assert not await world.mails(taken)
        assert await world.mails(free)

    async def test_an_address_that_was_taken_meanwhile_is_not_given_twice(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        wanted = world.email("wanted")
        await ask_for_change(practice, wanted)
        token = await world.mailed_token(wanted)
        add_account(sql, practice, wanted)
        assert (await confirm_change(world, token)).status_code == 410

    async def test_an_address_that_staff_vouch_for_gets_no_way_in(self, world: World, sql: Sql) -> None:
        """A06."""
        practice = await world.practice()
        state = "email_verified_at = now(), email_verified_by = gen_random_uuid()"
        sql(f"UPDATE account SET {state} WHERE id = %s", practice.owner.account["id"])
        await ask_for_change(practice, world.email("new"))
        assert not [mail for mail in await world.mails(practice.owner_email) if "is changing" in mail.subject]

    async def test_it_takes_the_password(self, world: World) -> None:
        practice = await world.practice()
        refused = await practice.owner.post("/v1/me/email", {"email": world.email(), "password": "not my password"})
        assert refused.status_code == 422
        assert refused.json()["errors"][0] | {"detail": ""} == {
            "pointer": "/password",
            "code": "wrong_password",
            "detail": "",
        }

    async def test_an_old_sign_in_must_be_renewed_first(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        sql(
            "UPDATE auth_session SET authenticated_at = now() - interval '16 minutes' WHERE practice_id = %s",
            practice.id,
        )
        body = {"email": world.email(), "password": PASSWORD}
        refused = await practice.owner.post("/v1/me/email", body)
        assert refused.status_code == 403
        assert refused.json()["code"] == "reauthentication_required"
        assert (await practice.owner.post("/v1/auth/reauthenticate", {"password": "wrong one"})).status_code == 422
        assert (await practice.owner.post("/v1/auth/reauthenticate", {"password": PASSWORD})).status_code == 204
        assert (await practice.owner.post("/v1/me/email", body)).status_code == 202


async def ask_for_change(practice: Practice, new: str) -> None:
    answer = await practice.owner.post("/v1/me/email", {"email": new, "password": PASSWORD})
    assert answer.status_code == 202, answer.text


async def confirm_change(world: World, token: str) -> httpx.Response:
    return await world.http.post("/v1/auth/email-change/confirm", json={"token": token})


async def revert(world: World, token: str) -> httpx.Response:
    return await world.http.post("/v1/auth/email-change/revert", json={"token": token})


def add_account(sql: Sql, practice: Practice, email: str) -> None:
    sql(
        "INSERT INTO account (practice_id, id, kind, email, email_norm, given_name, family_name)"
        " VALUES (%s, gen_random_uuid(), 'client', %s, %s, 'Some', 'Body')",
        practice.id,
        email,
        email,
    )
