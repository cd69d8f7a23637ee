"""Signing up: where it is allowed, what it gives, and what it tells nobody."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, event, func, select

from portal_api.core.db import Binding
from portal_api.core.limits import Limiter
from portal_api.models.auth import Account
from portal_api.models.portal import PortalSettings
from portal_api.models.prospects import Prospect
from tests.newcomers import Portal, change_settings, newcomer, open_portal, profiles, sign_up, verify_as_holder
from tests.world import PASSWORD, World

VARIABLE = {"x-request-id", "date"}


def seen(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """What a stranger can compare."""
    headers = {name: value for name, value in response.headers.items() if name not in VARIABLE}
    return response.status_code, response.content, headers


def problem(response: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in response.json().items() if name != "request_id"}


@contextmanager
def statements() -> Iterator[list[str]]:
    """What sessions send to the database meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def counts(world: World, portal: Portal) -> tuple[int, int]:
    """Accounts and prospects of the practice."""
    async with world.tools.database.session(Binding.system(UUID(portal.practice.id))) as session:
        accounts = await session.scalar(select(func.count()).select_from(Account))
        prospects = await session.scalar(select(func.count()).select_from(Prospect))
    return accounts or 0, prospects or 0


class TestWhereItIsOpen:
    async def test_it_is_off_until_the_practice_allows_it(self, world: World) -> None:
        """F4.M1"""
        practice = await world.practice()
        async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
            assert await session.scalar(select(PortalSettings.allow_client_signup)) is False

    @pytest.mark.parametrize("off", [{"allow_client_signup": False}, {"enabled": False}])
    async def test_a_closed_portal_answers_as_an_unknown_one(self, world: World, off: dict[str, bool]) -> None:
        """F4.M6, A02: the same 404; no row, no mail."""
        portal = await open_portal(world)
        await change_settings(world, portal, **off)
        before = await counts(world, portal)
        email = world.email()
        closed = await sign_up(world, portal, email)
        unknown = await world.http.post("/v1/portals/nobody-has-this/signup", json=newcomer(email))
        assert closed.status_code == 404
        assert problem(closed) == problem(unknown)
        assert await counts(world, portal) == before
        assert await world.mails(email) == []

    async def test_switching_it_on_again_works_at_once(self, world: World) -> None:
        """A02"""
        portal = await open_portal(world)
        await change_settings(world, portal, allow_client_signup=False)
        assert (await sign_up(world, portal)).status_code == 404
        await change_settings(world, portal, allow_client_signup=True)
        assert (await sign_up(world, portal)).status_code == 202

    @pytest.mark.parametrize("slug", ["%00", "x" * 300, "%0a", "..%2f..", "ÄÖ", "00000000-0000-0000-0000-000000000000"])
    async def test_a_link_that_can_be_nobodys_is_not_found(self, world: World, slug: str) -> None:
        response = await world.http.post(f"/v1/portals/{slug}/signup", json=newcomer(world.email()))
        assert response.status_code == 404

    async def test_the_link_is_compared_without_case(self, world: World) -> None:
        portal = await open_portal(world)
        response = await sign_up(world, Portal(portal.practice, portal.slug.upper()))
        assert response.status_code == 202


class TestSigningUp:
    async def test_it_makes_a_prospect_and_mails_a_verification(self, world: World) -> None:
        portal = await open_portal(world)
        email = world.email("nina")
        response = await sign_up(world, portal, email, phone="+1 415 555 2671", message="Evenings, please.")
        assert response.status_code == 202
        [prospect] = (await portal.owner.get("/v1/prospects")).json()["data"]
        assert (prospect["email"], prospect["state"]) == (email, "new")
        assert (prospect["phone"], prospect["message"]) == ("+14155552671", "Evenings, please.")
        mail = await world.mail(email)
        assert "#token=" in (mail.text or "")
        assert len(await world.mailed_code(email)) == 6

    @pytest.mark.parametrize("verified", [False, True])
    async def test_the_account_sees_nothing_of_any_chart(self, world: World, verified: bool) -> None:
        """F4.M4, A07: also not of the chart that carries the same e-mail address."""
        portal = await open_portal(world)
        email = world.email("nina")
        chart = await world.client(portal.owner, email=email)
        await sign_up(world, portal, email)
        if verified:
            await verify_as_holder(world, portal, email)
        nina = await world.sign_in(portal.slug, email)
        assert nina.account["kind"] == "client"
        assert nina.account["email_verified"] is verified
        assert await profiles(nina) == []
        for path in ("/v1/clients", f"/v1/clients/{chart['id']}", "/v1/prospects", "/v1/practice"):
            assert (await nina.get(path)).status_code in (403, 404), path

    @pytest.mark.parametrize("field", ["client_id", "role", "roles", "practice_id", "verified", "state", "kind"])
    async def test_nobody_chooses_more_than_the_form_has(self, world: World, field: str) -> None:
        """A08"""
        portal = await open_portal(world)
        response = await sign_up(world, portal, **{field: "owner"})
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == f"/{field}"
        assert (await portal.owner.get("/v1/prospects")).json()["data"] == []

    async def test_a_retry_with_the_same_key_mails_once(self, world: World) -> None:
        portal = await open_portal(world)
        email = world.email()
        path, headers = f"/v1/portals/{portal.slug}/signup", {"Idempotency-Key": email}
        first = await world.http.post(path, json=newcomer(email), headers=headers)
        again = await world.http.post(path, json=newcomer(email), headers=headers)
        assert first.content == again.content
        assert again.headers["idempotency-replayed"] == "true"
        assert len(await world.mails(email)) == 1

    async def test_two_at_once_with_one_address_make_one_account(self, world: World) -> None:
        portal = await open_portal(world)
        email = world.email()
        before, _ = await counts(world, portal)
        answers = await asyncio.gather(*(sign_up(world, portal, email) for _ in range(4)))
        assert {seen(answer)[:2] for answer in answers} == {seen(answers[0])[:2]}
        assert answers[0].status_code == 202
        assert await counts(world, portal) == (before + 1, 1)


class TestEnumeration:
    async def test_known_and_unknown_addresses_are_answered_alike(self, world: World) -> None:
        """F4.M2, A01: status, body and headers are the same; only the mail tells, and only the holder."""
        portal = await open_portal(world)
        known, unknown = world.email("known"), [world.email("unknown") for _ in range(20)]
        first = await sign_up(world, portal, known)
        answers = [await sign_up(world, portal, known) for _ in range(20)]
        answers += [await sign_up(world, portal, email) for email in unknown]
        assert all(seen(answer) == seen(first) for answer in answers)
        assert "already have an account" in (await world.mail(known, "already have")).text.lower()
        assert "already have an account" not in (await world.mail(unknown[0])).text.lower()
        assert len(await world.mails(known)) == 21

    async def test_known_and_unknown_addresses_cost_the_same_statements(self, world: World) -> None:
        """A01: a stopwatch learns nothing, for the database does the same work; only its outcome is kept or not."""
        portal = await open_portal(world)
        known = world.email("known")
        await sign_up(world, portal, known)
        costs = []
        for email in (known, world.email("unknown")):
            with statements() as sent:
                await sign_up(world, portal, email)
            costs.append([" ".join(line.split()[:3]) for line in sent if not line.startswith(("RELEASE", "ROLLBACK"))])
        assert costs[0] == costs[1]
        assert "INSERT INTO account" in costs[0]

    async def test_a_known_address_changes_no_row(self, world: World) -> None:
        portal = await open_portal(world)
        email = world.email("nina")
        await sign_up(world, portal, email)
        before = (await portal.owner.get("/v1/prospects")).json()
        rows = await counts(world, portal)
        await sign_up(world, portal, email.upper(), password="another quiet boat 9", given_name="Mallory")
        assert (await portal.owner.get("/v1/prospects")).json() == before
        assert await counts(world, portal) == rows
        await world.sign_in(portal.slug, email, PASSWORD)

    async def test_a_staff_address_is_known_too(self, world: World) -> None:
        portal = await open_portal(world)
        assert (await sign_up(world, portal, portal.practice.owner_email)).status_code == 202
        assert (await portal.owner.get("/v1/prospects")).json()["data"] == []
        assert await world.mail(portal.practice.owner_email, "already have an account")

    async def test_an_address_of_another_practice_is_unknown_here(self, world: World) -> None:
        here, there = await open_portal(world), await open_portal(world)
        email = world.email("nina")
        await sign_up(world, there, email)
        await sign_up(world, here, email)
        assert len((await here.owner.get("/v1/prospects")).json()["data"]) == 1

    @pytest.mark.parametrize("known", [True, False])
    @pytest.mark.parametrize("password", ["password1234", "short", "nina-newcomer-2026"])
    async def test_a_weak_password_is_refused_for_any_address(self, world: World, known: bool, password: str) -> None:
        portal = await open_portal(world)
        email = world.email("nina")
        if known:
            await sign_up(world, portal, email)
        response = await sign_up(world, portal, email, password=password)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/password"

    async def test_the_practices_name_makes_no_password(self, world: World) -> None:
        portal = await open_portal(world, name="Zephyrhill Wellbeing")
        response = await sign_up(world, portal, password="zephyrhill-wellbeing")
        assert response.json()["errors"][0]["code"] == "password_contains_context"


class TestLimits:
    async def test_a_network_has_five_an_hour(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """F4.M5: the sixth is refused whether or not the address is known."""
        portal = await open_portal(world)
        database = world.tools.database
        monkeypatch.setattr(database, "tools", replace(world.tools, limiter=Limiter(database)))
        transport = httpx.ASGITransport(world.app, client=("198.51.100.7", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as stranger:
            path, known = f"/v1/portals/{portal.slug}/signup", world.email()
            answers = [await stranger.post(path, json=newcomer(known)) for _ in range(6)]
            answers.append(await stranger.post(path, json=newcomer(world.email())))
        assert [answer.status_code for answer in answers] == [202] * 5 + [429] * 2
        assert int(answers[5].headers["retry-after"]) > 0
        assert problem(answers[5])["code"] == "rate_limited"
