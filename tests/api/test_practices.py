"""Registering a practice and describing it."""

from typing import Any

import pytest

from tests.world import PASSWORD, World

ADDRESS = {"line1": "1 Quay", "line2": None, "city": "Harbor", "region": "ME", "country": "US"}


class TestRegister:
    async def test_registration_makes_a_practice_and_an_owner_who_is_a_practitioner(self, world: World) -> None:
        practice = await world.practice(name="Quiet Harbor")
        got = (await practice.owner.get("/v1/practice")).json()
        assert got["name"] == "Quiet Harbor"

    async def test_the_owner_is_mailed_a_verification(self, world: World) -> None:
        practice = await world.practice()
        mail = await world.mail(practice.owner_email)
        assert "#token=" in (mail.text or "")

    async def test_a_weak_password_is_refused_with_its_pointer(self, world: World) -> None:
        owner = {"email": world.email(), "password": "password1234", "given_name": "A", "family_name": "B"}
        body = {"name": "Harbor", "time_zone": "Europe/Berlin", "country": "DE", "owner": owner}
        response = await world.http.post("/v1/practices", json=body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/owner/password"

    async def test_a_retry_with_the_same_key_register_one_practice(self, world: World) -> None:
        email = world.email()
        owner = {"email": email, "password": PASSWORD, "given_name": "A", "family_name": "B"}
        body = {"name": "Harbor", "time_zone": "Europe/Berlin", "country": "DE", "owner": owner}
        headers = {"Idempotency-Key": email}
        first = await world.http.post("/v1/practices", json=body, headers=headers)
        again = await world.http.post("/v1/practices", json=body, headers=headers)
        assert first.json() == again.json()
        assert again.headers["idempotency-replayed"] == "true"


class TestUpdate:
    async def test_a_stale_copy_is_refused_with_the_current_one(self, world: World) -> None:
        practice = await world.practice()
        first = await practice.owner.patch("/v1/practice", {"name": "One"})
        assert first.headers["etag"] == '"v2"'
        stale = await practice.owner.patch("/v1/practice", {"name": "Two"}, headers={"If-Match": '"v1"'})
        assert stale.status_code == 412
        assert stale.json()["current"]["name"] == "One"

    async def test_of_what_is_nested_the_rest_stays(self, world: World) -> None:
        """RFC 7396: a merge patch goes into the objects that it names."""
        practice = await world.practice()
        await practice.owner.patch("/v1/practice", {"address": ADDRESS, "branding": {"primary_colour": "#112233"}})
        changed = await practice.owner.patch(
            "/v1/practice", {"address": {"line2": "Suite 2", "region": None}, "branding": {"welcome_text": "Hello"}}
        )
        got = changed.json()
        assert got["address"] == ADDRESS | {"line2": "Suite 2", "region": None, "postal_code": None}
        assert (got["branding"]["primary_colour"], got["branding"]["welcome_text"]) == ("#112233", "Hello")

    async def test_a_null_takes_a_nested_field_or_the_whole_address_away(self, world: World) -> None:
        practice = await world.practice()
        await practice.owner.patch("/v1/practice", {"address": ADDRESS, "branding": {"primary_colour": "#112233"}})
        cleared = await practice.owner.patch("/v1/practice", {"address": None, "branding": {"primary_colour": None}})
        assert (cleared.json()["address"], cleared.json()["branding"]["primary_colour"]) == (None, None)

    @pytest.mark.parametrize(
        ("stored", "patch", "pointer"),
        [
            (None, {"line2": "Suite 2"}, "/address/line1"),
            (ADDRESS, {"city": None}, "/address/city"),
            (ADDRESS, {"country": "Germany"}, "/address/country"),
            (ADDRESS, {"planet": "Mars"}, "/address/planet"),
        ],
    )
    async def test_an_address_stays_whole(
        self, world: World, stored: dict[str, Any] | None, patch: dict[str, Any], pointer: str
    ) -> None:
        practice = await world.practice()
        before = await practice.owner.patch("/v1/practice", {"address": stored})
        refused = await practice.owner.patch("/v1/practice", {"address": patch})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
        assert (await practice.owner.get("/v1/practice")).json() == before.json()
