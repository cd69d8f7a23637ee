"""The portal's settings, its link and what it shows (F1)."""

import asyncio
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from portal_api.core.access import ActorKind, Origin, Principal, Role
from portal_api.core.db import Binding
from portal_api.models.audit import Event
from portal_api.services import portal
from portal_api.services.portal.links import SlugTaken
from tests.people import client_login, colleague
from tests.world import Practice, World

PORTAL = "/v1/practice/portal"
ADDRESS = {"line1": "1 Quay", "city": "Harbor", "country": "US"}


def new_slug() -> str:
    return f"harbor-{token_hex(5)}"


async def enabled(world: World, slug: str = "", **fields: Any) -> tuple[Practice, str]:
    practice = await world.practice(**fields)
    slug = slug or new_slug()
    response = await practice.owner.post(f"{PORTAL}/enable", {"slug": slug})
    assert response.status_code == 200, response.text
    return practice, slug


async def events(world: World, practice: Practice, type: str) -> list[Event]:
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        return list(await session.scalars(select(Event).where(Event.type == type).order_by(Event.id)))


async def change_link(world: World, practice: Practice, slug: str) -> dict[str, Any]:
    """What the operator's command line does."""
    operator = Principal(UUID(practice.id), ActorKind.SYSTEM, Origin("command-line", ""))
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        return await portal.change_link(session, operator, slug)


class TestSettings:
    async def test_a_new_practice_has_its_portal_off(self, world: World) -> None:
        """F1.M1"""
        practice = await world.practice()
        got = (await practice.owner.get(PORTAL)).json()
        assert (got["enabled"], got["slug"], got["url"], got["allow_client_signup"]) == (False, None, None, False)

    async def test_what_is_given_changes_and_the_rest_stays(self, world: World) -> None:
        practice = await world.practice()
        await practice.owner.patch(PORTAL, {"cancellation": {"closed_within_minutes": 60}})
        response = await practice.owner.patch(
            PORTAL, {"allow_client_signup": True, "cancellation": {"late_within_minutes": 2880}}
        )
        got = response.json()
        assert got["cancellation"] == {"late_within_minutes": 2880, "closed_within_minutes": 60}
        assert got["allow_client_signup"] is True
        assert response.headers["etag"] == '"v3"'
        assert (await practice.owner.get(PORTAL)).json() == got

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"invitation_ttl_days": 0}, "/invitation_ttl_days"),
            ({"invitation_ttl_days": 31}, "/invitation_ttl_days"),
            ({"unverified_request_limit": 2}, "/unverified_request_limit"),
            ({"second_factor": "never"}, "/second_factor"),
            ({"allow_client_signup": "yes"}, "/allow_client_signup"),
            ({"allow_client_signup": None}, "/allow_client_signup"),
            ({"cancellation": None}, "/cancellation"),
            ({"cancellation": {"late_within_minutes": -1}}, "/cancellation/late_within_minutes"),
            ({"cancellation": {"late_within_minutes": None}}, "/cancellation/late_within_minutes"),
            ({"cancellation": {"late_within_minutes": 10**12}}, "/cancellation/late_within_minutes"),
            ({"enabled": True}, "/enabled"),
            ({"url": "https://elsewhere.example"}, "/url"),
            ({"slug": "unclaimed"}, "/slug"),
        ],
    )
    async def test_what_cannot_be_set_is_refused_with_its_pointer(
        self, world: World, body: dict[str, Any], pointer: str
    ) -> None:
        practice = await world.practice()
        response = await practice.owner.patch(PORTAL, body)
        assert response.status_code == 422
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]

    async def test_a_stale_copy_is_refused_with_the_current_one(self, world: World) -> None:
        practice = await world.practice()
        await practice.owner.patch(PORTAL, {"invitation_ttl_days": 3})
        stale = await practice.owner.patch(PORTAL, {"invitation_ttl_days": 9}, headers={"If-Match": '"v1"'})
        assert stale.status_code == 412
        assert stale.json()["current"]["invitation_ttl_days"] == 3

    async def test_each_change_is_recorded_with_old_and_new_value(self, world: World) -> None:
        """F1.M4"""
        practice = await world.practice()
        for days in (3, 3):
            await practice.owner.patch(PORTAL, {"invitation_ttl_days": days})
        recorded = await events(world, practice, "portal.updated")
        assert [event.details for event in recorded] == [{"invitation_ttl_days": {"from": 7, "to": 3}}]
        assert str(recorded[0].actor_id) == practice.owner.account["id"]

    async def test_only_owner_and_admin_change_it(self, world: World) -> None:
        """F1.M4"""
        practice = await world.practice()
        person, _ = await colleague(world, practice, Role.PRACTITIONER)
        assert (await person.get(PORTAL)).status_code == 200
        attempts = [
            await person.patch(PORTAL, {"invitation_ttl_days": 3}),
            await person.post(f"{PORTAL}/enable", {"slug": new_slug()}),
            await person.post(f"{PORTAL}/disable"),
            await person.get(f"{PORTAL}/link-availability?slug=abc"),
        ]
        assert [(r.status_code, r.json()["code"]) for r in attempts] == [(403, "forbidden")] * 4
        admin, _ = await colleague(world, practice, Role.ADMIN)
        assert (await admin.patch(PORTAL, {"invitation_ttl_days": 3})).status_code == 200


class TestEnable:
    async def test_the_first_time_claims_the_link(self, world: World) -> None:
        practice = await world.practice()
        slug = new_slug()
        response = await practice.owner.post(f"{PORTAL}/enable", {"slug": f" {slug.upper()} "})
        got = response.json()
        assert (got["enabled"], got["slug"], got["url"]) == (True, slug, f"https://{slug}.portal.test")
        assert [e.details["slug"] for e in await events(world, practice, "portal.enabled")] == [slug]

    @pytest.mark.parametrize("body", [None, {}, {"slug": None}])
    async def test_the_first_time_needs_a_link(self, world: World, body: Any) -> None:
        practice = await world.practice()
        response = await practice.owner.post(f"{PORTAL}/enable", body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/slug"
        assert (await practice.owner.get(PORTAL)).json()["enabled"] is False

    async def test_later_no_link_is_needed_and_no_body(self, world: World) -> None:
        practice, slug = await enabled(world)
        await practice.owner.post(f"{PORTAL}/disable")
        for body in (None, {}, {"slug": slug}):
            response = await practice.owner.post(f"{PORTAL}/enable", body)
            assert (response.status_code, response.json()["slug"]) == (200, slug)

    async def test_another_link_later_is_locked(self, world: World) -> None:
        practice, slug = await enabled(world)
        attempts = [
            await practice.owner.post(f"{PORTAL}/enable", {"slug": new_slug()}),
            await practice.owner.patch(PORTAL, {"slug": new_slug()}),
            await practice.owner.patch(PORTAL, {"slug": None}),
        ]
        assert [(r.status_code, r.json()["code"]) for r in attempts] == [(403, "slug_locked")] * 3
        assert (await practice.owner.patch(PORTAL, {"slug": slug})).status_code == 200

    async def test_a_taken_link_is_refused_and_nothing_changes(self, world: World) -> None:
        _, slug = await enabled(world)
        other = await world.practice()
        response = await other.owner.post(f"{PORTAL}/enable", {"slug": slug.upper()})
        assert (response.status_code, response.json()["code"]) == (409, "slug_taken")
        assert (await other.owner.get(PORTAL)).json()["slug"] is None

    @pytest.mark.parametrize(
        "slug",
        [
            "",
            "ab",
            "a" * 64,
            "-abc",
            "abc-",
            "ab--cd",
            "xn--hrbor-6qa",
            "hárbor",
            "hаrbor",  # a Cyrillic letter
            "har_bor",
            "har.bor",
            "har bor",
            "har/bor",
            "0190b3c8-0000-7000-8000-000000000000",
            "deadbeefdeadbeef-deadbeefdeadbeef",
            "admin",
            "API",
            "www",
            "no-reply",
        ],
    )
    async def test_a_link_that_nobody_may_have_is_refused(self, world: World, slug: str) -> None:
        """A51; what reads as an id would shadow a practice's id at login."""
        practice = await world.practice()
        response = await practice.owner.post(f"{PORTAL}/enable", {"slug": slug})
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/slug"

    async def test_of_fifty_practices_that_want_one_link_one_gets_it(self, world: World) -> None:
        """F1.M1: the claim is atomic."""
        practices = [p for _ in range(10) for p in await asyncio.gather(*(world.practice() for _ in range(5)))]
        slug = new_slug()

        async def claim(practice: Practice) -> int:
            """As a client would: busy is no answer yet."""
            while (response := await practice.owner.post(f"{PORTAL}/enable", {"slug": slug})).status_code == 503:
                continue
            return response.status_code

        statuses = await asyncio.gather(*map(claim, practices))
        assert (statuses.count(200), statuses.count(409)) == (1, 49)
        winner = practices[statuses.index(200)]
        assert (await winner.owner.get(PORTAL)).json()["slug"] == slug


class TestLinkAvailability:
    async def test_says_whether_and_why_not(self, world: World) -> None:
        practice, taken = await enabled(world)
        free = new_slug()
        expected = {
            free: None,
            taken: "taken",
            taken.upper(): "taken",
            "admin": "reserved",
            "a--b": "invalid",
            "ab": "invalid",
        }
        for slug, reason in expected.items():
            got = (await practice.owner.get(f"{PORTAL}/link-availability?slug={slug}")).json()
            assert got == {"slug": slug.lower(), "available": reason is None, "reason": reason}


class TestProfile:
    async def test_shows_what_anybody_may_know(self, world: World) -> None:
        """F1.M3"""
        practice, slug = await enabled(world, name="Quiet Harbor")
        await practice.owner.patch("/v1/practice", {"address": ADDRESS, "phone": "+14155550100"})
        await practice.owner.patch("/v1/practice/features", {"video": True})
        await practice.owner.patch(PORTAL, {"allow_client_signup": True})
        got = (await world.http.get(f"/v1/portals/{slug.upper()}")).json()
        assert (got["slug"], got["name"], got["phone"]) == (slug, "Quiet Harbor", "+14155550100")
        assert (got["address"]["line1"], got["time_zone"]) == ("1 Quay", "America/New_York")
        assert (got["signup_allowed"], got["booking_for_new_clients"]) == (True, False)
        assert [name for name, on in got["features"].items() if on] == ["video"]

    async def test_a_hidden_address_is_not_shown(self, world: World) -> None:
        practice, slug = await enabled(world)
        await practice.owner.patch("/v1/practice", {"address": ADDRESS, "hide_address": True})
        response = await world.http.get(f"/v1/portals/{slug}")
        assert response.json()["address"] is None
        assert "1 Quay" not in response.text

    async def test_off_and_unknown_look_the_same(self, world: World) -> None:
        """F1.M2, A02"""
        practice, slug = await enabled(world)
        await practice.owner.post(f"{PORTAL}/disable")
        headers = {"X-Request-ID": "the-same-request"}
        links = [slug, new_slug(), practice.id, "x" * 300, "%00", "a%0Ab", "h%C3%A1rbor", "..%2e"]
        answers = [await world.http.get(f"/v1/portals/{link}", headers=headers) for link in links]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
        await practice.owner.post(f"{PORTAL}/enable")
        assert (await world.http.get(f"/v1/portals/{slug}")).status_code == 200


class TestChangeLink:
    async def test_the_old_link_leads_to_the_new_one(self, world: World) -> None:
        """F1.B1"""
        practice, first = await enabled(world)
        second, third = new_slug(), new_slug()
        assert (await change_link(world, practice, second))["slug"] == second
        await change_link(world, practice, third.upper())
        for old in (first, second):
            response = await world.http.get(f"/v1/portals/{old}")
            assert (response.status_code, response.headers["location"]) == (308, f"/v1/portals/{third}")
        assert (await world.http.get(f"/v1/portals/{third}")).json()["slug"] == third
        assert (await world.sign_in(first, practice.owner_email)).account["kind"] == "staff"
        recorded = await events(world, practice, "portal.link_changed")
        assert recorded[0].details == {"slug": {"from": first, "to": second}}

    async def test_with_the_portal_off_the_old_link_leads_nowhere(self, world: World) -> None:
        practice, first = await enabled(world)
        await change_link(world, practice, new_slug())
        await practice.owner.post(f"{PORTAL}/disable")
        assert (await world.http.get(f"/v1/portals/{first}")).status_code == 404

    async def test_an_old_link_is_never_given_away(self, world: World) -> None:
        """A51"""
        practice, first = await enabled(world)
        await change_link(world, practice, new_slug())
        other, _ = await enabled(world)
        with pytest.raises(SlugTaken):
            await change_link(world, other, first)
        third = await world.practice()
        response = await third.owner.post(f"{PORTAL}/enable", {"slug": first})
        assert (response.status_code, response.json()["code"]) == (409, "slug_taken")
        query = f"{PORTAL}/link-availability?slug={first}"
        assert (await practice.owner.get(query)).json()["reason"] == "taken"

    async def test_a_practice_may_go_back_to_its_own_old_link(self, world: World) -> None:
        practice, first = await enabled(world)
        second = new_slug()
        await change_link(world, practice, second)
        await change_link(world, practice, first)
        response = await world.http.get(f"/v1/portals/{second}")
        assert response.headers["location"] == f"/v1/portals/{first}"


class TestDisable:
    async def test_clients_are_out_on_the_next_request_and_in_again_later(self, world: World) -> None:
        """F1.M2"""
        practice, slug = await enabled(world)
        record = await world.client(practice.owner)
        client = await client_login(world, practice, record["id"])
        before = (await client.get("/v1/me/capabilities")).json()
        assert (await practice.owner.post(f"{PORTAL}/disable")).json()["enabled"] is False
        refused = await client.get("/v1/me/capabilities")
        assert (refused.status_code, refused.json()["code"]) == (403, "portal_disabled")
        assert (await practice.owner.get(f"/v1/clients/{record['id']}")).status_code == 200
        again = (await practice.owner.post(f"{PORTAL}/enable")).json()
        assert (again["enabled"], again["slug"]) == (True, slug)
        assert (await client.get("/v1/me/capabilities")).json() == before

    async def test_turning_off_what_is_off_is_no_change(self, world: World) -> None:
        practice = await world.practice()
        first = await practice.owner.post(f"{PORTAL}/disable")
        assert (first.status_code, first.json()["version"]) == (200, 1)
        assert await events(world, practice, "portal.disabled") == []
