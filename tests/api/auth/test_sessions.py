"""Staying signed in: rotation, families, grace, cookies, forged requests."""

import asyncio
from typing import Any

import httpx
import pytest

from portal_api.core.config import Settings
from portal_api.main import create_app
from tests.api.auth.conftest import Sql
from tests.world import PASSWORD, Practice, World

OURS = {"Origin": "https://app.portal.test", "X-Portal-Csrf": "1"}


async def refresh(http: httpx.AsyncClient, token: str | None) -> httpx.Response:
    return await http.post("/v1/auth/refresh", json={"refresh_token": token})


def let_the_grace_pass(sql: Sql, practice: Practice) -> None:
    sql("UPDATE refresh_token SET used_at = used_at - interval '11 seconds' WHERE practice_id = %s", practice.id)


class TestRotation:
    async def test_a_refresh_token_is_exchanged_for_a_new_pair(self, world: World) -> None:
        practice = await world.practice()
        rotated = (await refresh(world.http, practice.owner.refresh_token)).json()
        assert rotated["refresh_token"] != practice.owner.refresh_token
        practice.owner.access_token = rotated["access_token"]
        assert (await practice.owner.get("/v1/me")).status_code == 200

    async def test_fifty_at_once_get_one_and_the_same_successor(self, world: World, sql: Sql) -> None:
        """A35: one winner; who lost the race within the grace is given what the winner got."""
        practice = await world.practice()
        answers = await asyncio.gather(*(refresh(world.http, practice.owner.refresh_token) for _ in range(50)))
        won = {answer.json()["refresh_token"] for answer in answers if answer.status_code == 200}
        assert len(won) == 1
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert sql("SELECT count(*) FROM refresh_token WHERE practice_id = %s", practice.id) == [(2,)]

    async def test_reuse_after_the_grace_ends_the_family(self, world: World, sql: Sql) -> None:
        """A35: the newest token and its access token are dead too."""
        practice = await world.practice()
        old = practice.owner.refresh_token
        newest = (await refresh(world.http, old)).json()
        let_the_grace_pass(sql, practice)
        reused = await refresh(world.http, old)
        assert reused.status_code == 401
        assert reused.json()["code"] == "refresh_token_reused"
        assert (await refresh(world.http, newest["refresh_token"])).status_code == 401
        practice.owner.access_token = newest["access_token"]
        assert (await practice.owner.get("/v1/me")).status_code == 401

    async def test_reuse_within_the_grace_of_an_older_ancestor_ends_the_family(self, world: World) -> None:
        practice = await world.practice()
        first = practice.owner.refresh_token
        second = (await refresh(world.http, first)).json()["refresh_token"]
        third = (await refresh(world.http, second)).json()["refresh_token"]
        assert (await refresh(world.http, first)).json()["code"] == "refresh_token_reused"
        assert (await refresh(world.http, third)).status_code == 401

    async def test_reuse_ends_that_session_only_and_is_announced_once(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        elsewhere = await world.sign_in(practice.id, practice.owner_email)
        await refresh(world.http, practice.owner.refresh_token)
        let_the_grace_pass(sql, practice)
        for _ in range(3):
            assert (await refresh(world.http, practice.owner.refresh_token)).status_code == 401
        assert (await elsewhere.get("/v1/me")).status_code == 200
        subjects = [mail.subject for mail in await world.mails(practice.owner_email)]
        assert len([subject for subject in subjects if "signed out" in subject]) == 1

    async def test_rotation_outlives_a_restart(self, world: World, settings: Settings, sql: Sql) -> None:
        """A35: what was used is known to a process that has just started."""
        practice = await world.practice()
        old = practice.owner.refresh_token
        newest = (await refresh(world.http, old)).json()["refresh_token"]
        let_the_grace_pass(sql, practice)
        restarted = create_app(settings)
        async with (
            restarted.router.lifespan_context(restarted),
            httpx.AsyncClient(transport=httpx.ASGITransport(restarted), base_url="http://portal.test") as http,
        ):
            assert (await refresh(http, old)).json()["code"] == "refresh_token_reused"
            assert (await refresh(http, newest)).status_code == 401

    async def test_an_idle_session_cannot_be_continued(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        sql("UPDATE refresh_token SET expires_at = now() WHERE practice_id = %s", practice.id)
        refused = await refresh(world.http, practice.owner.refresh_token)
        assert refused.json()["code"] == "invalid_refresh_token"

    async def test_a_session_has_an_end_however_busy_it_is(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        sql("UPDATE auth_session SET expires_at = now() WHERE practice_id = %s", practice.id)
        assert (await refresh(world.http, practice.owner.refresh_token)).status_code == 401
        assert (await practice.owner.get("/v1/me")).status_code == 401

    @pytest.mark.parametrize("token", ["nonsense", "0" * 32 + "." + "A" * 43, None])
    async def test_what_we_never_issued_is_refused(self, world: World, token: str | None) -> None:
        assert (await refresh(world.http, token)).json()["code"] == "invalid_refresh_token"


class TestLogout:
    async def test_logout_ends_the_session_at_once(self, world: World) -> None:
        practice = await world.practice()
        assert (await practice.owner.post("/v1/auth/logout")).status_code == 204
        assert (await practice.owner.get("/v1/me")).status_code == 401
        assert (await refresh(world.http, practice.owner.refresh_token)).status_code == 401


class TestCookies:
    async def test_a_cookie_delivery_keeps_the_secrets_from_scripts(self, world: World) -> None:
        answer = await cookie_login(world)
        assert answer.json()["refresh_token"] is None
        assert answer.json()["device_token"] is None
        cookies = answer.headers.get_list("set-cookie")
        assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-rt", "__Host-device"}
        for cookie in cookies:
            assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
            assert "Domain" not in cookie

    async def test_our_own_page_refreshes_by_cookie(self, world: World) -> None:
        cookie = refresh_cookie(await cookie_login(world))
        answer = await world.http.post("/v1/auth/refresh", json={}, headers=OURS | {"Cookie": cookie})
        assert answer.status_code == 200
        assert "__Host-rt=" in answer.headers["set-cookie"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Portal-Csrf": "1"},
            {"Origin": "https://app.portal.test"},
            OURS | {"Origin": "https://other.portal.test"},
            OURS | {"Origin": "https://app.portal.test.evil.example"},
            OURS | {"Origin": "http://app.portal.test"},
            OURS | {"Origin": "null"},
            OURS | {"X-Portal-Csrf": "0"},
            OURS | {"Sec-Fetch-Site": "cross-site"},
        ],
    )
    async def test_a_forged_refresh_is_refused_and_uses_nothing_up(self, world: World, headers: dict[str, str]) -> None:
        """A45: no origin, a sibling's origin, no header."""
        cookie = {"Cookie": refresh_cookie(await cookie_login(world))}
        forged = await world.http.post("/v1/auth/refresh", json={}, headers=headers | cookie)
        assert forged.status_code == 403
        assert forged.json()["code"] == "csrf_refused"
        assert (await world.http.post("/v1/auth/refresh", json={}, headers=OURS | cookie)).status_code == 200

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
    async def test_a_form_cannot_refresh(self, world: World, kind: str) -> None:
        """A45: what a page may send to another site without asking is not read."""
        headers = OURS | {"Cookie": refresh_cookie(await cookie_login(world)), "Content-Type": kind}
        assert (await world.http.post("/v1/auth/refresh", content="{}", headers=headers)).status_code == 415

    async def test_a_cookie_alone_signs_nobody_out(self, world: World) -> None:
        """A45: logout takes the access token, which no other site has."""
        headers = {"Cookie": refresh_cookie(await cookie_login(world)), "Origin": "https://other.portal.test"}
        assert (await world.http.post("/v1/auth/logout", headers=headers)).status_code == 401

    async def test_logout_takes_the_cookie_back(self, world: World) -> None:
        practice = await world.practice()
        answer = await practice.owner.post("/v1/auth/logout")
        assert "Max-Age=0" in answer.headers["set-cookie"]

    async def test_the_device_cookie_is_recognised(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        body = login_body(practice)
        first = await world.http.post("/v1/auth/login", json=body, headers={"User-Agent": "a tablet"})
        device = next(c for c in first.headers.get_list("set-cookie") if c.startswith("__Host-device="))
        headers = {"User-Agent": "a tablet, updated", "Cookie": device.partition(";")[0]}
        again = await world.http.post("/v1/auth/login", json=body, headers=headers)
        assert device in again.headers.get_list("set-cookie")


def login_body(practice: Practice) -> dict[str, Any]:
    return {"practice": practice.id, "email": practice.owner_email, "password": PASSWORD, "delivery": "cookie"}


async def cookie_login(world: World) -> httpx.Response:
    answer = await world.http.post("/v1/auth/login", json=login_body(await world.practice()))
    world.http.cookies.clear()
    return answer


def refresh_cookie(answer: httpx.Response) -> str:
    return next(c for c in answer.headers.get_list("set-cookie") if c.startswith("__Host-rt=")).partition(";")[0]
