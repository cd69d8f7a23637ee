"""Registering a practice and describing it."""

from tests.world import PASSWORD, World


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
