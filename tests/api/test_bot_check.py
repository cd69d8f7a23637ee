"""The bot check of signup and open registration, where the installation sets a challenge (F4.M5)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from portal_api.core.config import Settings
from portal_api.main import create_app
from tests.newcomers import Portal, newcomer, open_portal
from tests.siteverify import SECRET, Siteverify, siteverify
from tests.world import PASSWORD, World


@pytest.fixture
def service() -> Iterator[Siteverify]:
    with siteverify() as started:
        yield started


@pytest.fixture
async def guarded(settings: Settings, service: Siteverify) -> AsyncIterator[FastAPI]:
    """The application with a bot check."""
    challenge = {"bot_check_url": service.url, "bot_check_site_key": "site-1", "bot_check_secret": SecretStr(SECRET)}
    application = create_app(settings.model_copy(update=challenge))
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def visitor(guarded: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(guarded)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as client:
        yield client


@pytest.fixture
async def portal(world: World) -> Portal:
    """Made through the application without a check, on the same database."""
    return await open_portal(world)


async def sign_up(
    visitor: httpx.AsyncClient, portal: Portal, email: str, token: str | None = None, **headers: str
) -> httpx.Response:
    body = newcomer(email) | ({"bot_check_token": token} if token else {})
    return await visitor.post(f"/v1/portals/{portal.slug}/signup", json=body, headers=headers)


async def prospects(portal: Portal) -> list[str]:
    return [row["email"] for row in (await portal.owner.get("/v1/prospects")).json()["data"]]


def registration(email: str, **fields: Any) -> dict[str, Any]:
    owner = {"email": email, "password": PASSWORD, "given_name": "Ada", "family_name": "Harbor"}
    return {"name": "Harbor", "time_zone": "Europe/Berlin", "country": "DE", "owner": owner} | fields


class TestSignup:
    async def test_a_solved_challenge_is_let_in_once(
        self, world: World, visitor: httpx.AsyncClient, service: Siteverify, portal: Portal
    ) -> None:
        email, token = world.email(), service.solve()
        assert (await sign_up(visitor, portal, email, token)).status_code == 202
        assert service.asked == [{"secret": SECRET, "response": token, "remoteip": "127.0.0.1"}]
        again = await sign_up(visitor, portal, world.email(), token)
        assert (again.status_code, again.json()["code"]) == (422, "bot_check_failed")
        assert await prospects(portal) == [email]

    @pytest.mark.parametrize(("token", "code"), [(None, "required"), ("made up", "refused")])
    async def test_without_one_nothing_is_written(
        self, world: World, visitor: httpx.AsyncClient, portal: Portal, token: str | None, code: str
    ) -> None:
        refused = await sign_up(visitor, portal, world.email(), token)
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (422, "bot_check_failed")
        assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [("/bot_check_token", code)]
        assert problem["bot_check"] == {"service": "127.0.0.1", "site_key": "site-1"}
        assert await prospects(portal) == []

    async def test_invalid_input_costs_no_token(
        self, visitor: httpx.AsyncClient, service: Siteverify, portal: Portal
    ) -> None:
        refused = await sign_up(visitor, portal, "no address", service.solve())
        assert refused.json()["errors"][0]["pointer"] == "/email"
        assert service.asked == []

    async def test_a_retry_is_a_replay_and_needs_no_second_token(
        self, world: World, visitor: httpx.AsyncClient, service: Siteverify, portal: Portal
    ) -> None:
        email, token = world.email(), service.solve()
        answers = await asyncio.gather(
            *(sign_up(visitor, portal, email, token, **{"Idempotency-Key": "one"}) for _ in range(3))
        )
        assert [answer.status_code for answer in answers] == [202] * 3
        assert sum("idempotency-replayed" in answer.headers for answer in answers) == 2
        assert len(service.asked) == 1

    @pytest.mark.parametrize("status", [400, 500])
    async def test_when_the_service_is_broken_it_is_said_when_to_try_again(
        self, world: World, visitor: httpx.AsyncClient, service: Siteverify, portal: Portal, status: int
    ) -> None:
        service.broken = status
        refused = await sign_up(visitor, portal, world.email(), service.solve())
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.headers["Retry-After"] == "5"

    async def test_when_nothing_answers_it_is_the_same(
        self, world: World, visitor: httpx.AsyncClient, service: Siteverify, portal: Portal
    ) -> None:
        service.shutdown()
        service.server_close()
        refused = await sign_up(visitor, portal, world.email(), "a token")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert await prospects(portal) == []

    async def test_a_service_that_does_not_know_us_is_no_fault_of_the_visitor(
        self, world: World, settings: Settings, service: Siteverify, portal: Portal
    ) -> None:
        challenge = {"bot_check_url": service.url, "bot_check_site_key": "x", "bot_check_secret": SecretStr("wrong")}
        application = create_app(settings.model_copy(update=challenge))
        async with (
            application.router.lifespan_context(application),
            httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://portal.test") as visitor,
        ):
            assert (await sign_up(visitor, portal, world.email(), service.solve())).status_code == 503

    async def test_guesses_are_limited(
        self, world: World, settings: Settings, service: Siteverify, portal: Portal
    ) -> None:
        """Each costs a call of the service: 30 an hour for a network."""
        challenge = {"bot_check_url": service.url, "bot_check_site_key": "x", "bot_check_secret": SecretStr(SECRET)}
        limited = {"rate_limit_factor": 1.0, "trusted_proxies": ("127.0.0.1/32",)}
        application = create_app(settings.model_copy(update=challenge | limited))
        async with (
            application.router.lifespan_context(application),
            httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://portal.test") as visitor,
        ):
            source = {"X-Forwarded-For": "203.0.113.7"}
            answers = [await sign_up(visitor, portal, world.email(), "made up", **source) for _ in range(31)]
        assert {answer.status_code for answer in answers[:30]} == {422}
        assert answers[30].status_code == 429
        assert len(service.asked) == 30


class TestRegistration:
    async def test_it_takes_a_solved_challenge_too(
        self, world: World, visitor: httpx.AsyncClient, service: Siteverify
    ) -> None:
        email = world.email("owner")
        refused = await visitor.post("/v1/practices", json=registration(email))
        assert (refused.status_code, refused.json()["code"]) == (422, "bot_check_failed")
        registered = await visitor.post("/v1/practices", json=registration(email, bot_check_token=service.solve()))
        assert registered.status_code == 201, registered.text


class TestWhereItIsSet:
    async def test_the_portal_profile_says_so(self, world: World, visitor: httpx.AsyncClient, portal: Portal) -> None:
        guarded = (await visitor.get(f"/v1/portals/{portal.slug}")).json()
        assert guarded["bot_check"] == {"service": "127.0.0.1", "site_key": "site-1"}
        assert (await world.http.get(f"/v1/portals/{portal.slug}")).json()["bot_check"] is None

    async def test_without_one_a_token_is_neither_needed_nor_in_the_way(self, world: World, portal: Portal) -> None:
        for token in (None, "left over"):
            assert (await sign_up(world.http, portal, world.email(), token)).status_code == 202

    @pytest.mark.parametrize(
        "given",
        [
            {"bot_check_url": "http://verify.example/"},
            {"bot_check_url": "https://verify.example/", "bot_check_site_key": ""},
            {"bot_check_url": "https://verify.example/", "bot_check_secret": ""},
        ],
    )
    def test_half_a_setting_does_not_start(self, given: dict[str, str]) -> None:
        whole = {"bot_check_site_key": "site", "bot_check_secret": "secret"}
        with pytest.raises(ValidationError, match="PORTAL_BOT_CHECK_URL"):
            Settings(_env_file=None, **(whole | given))
