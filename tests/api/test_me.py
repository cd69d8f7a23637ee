"""The account that asks."""

from collections.abc import Callable
from typing import Any

from tests.world import PASSWORD, Practice, World

Sql = Callable[..., list[Any]]
NEW_PASSWORD = "seven pale lanterns drift"


class TestMe:
    async def test_staff_see_their_account_and_roles(self, world: World) -> None:
        practice = await world.practice()
        me = (await practice.owner.get("/v1/me")).json()
        assert me["id"] == practice.owner.account["id"]
        assert (me["kind"], me["email"], me["email_verified"]) == ("staff", practice.owner_email, False)
        assert me["roles"] == ["owner", "practitioner"]
        assert me["staff_id"] == practice.staff_id
        assert me["practice_id"] == practice.id
        assert me["profiles"] == []

    async def test_a_client_sees_whom_they_may_act_for(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        child = await world.client(practice.owner)
        email = add_guardian(sql, world, practice, child["id"])
        guardian = await world.sign_in(practice.id, email)
        me = (await guardian.get("/v1/me")).json()
        profile = {"client_id": child["id"], "relationship": "parent", "permissions": ["appointments.view"]}
        assert me["profiles"] == [profile]
        assert (me["kind"], me["roles"], me["staff_id"], me["second_factor"]) == ("client", [], None, "offered")

    async def test_a_revoked_grant_is_gone_on_the_next_request(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        child = await world.client(practice.owner)
        guardian = await world.sign_in(practice.id, add_guardian(sql, world, practice, child["id"]))
        sql("UPDATE client_grant SET revoked_at = now() WHERE client_id = %s", child["id"])
        assert (await guardian.get("/v1/me")).json()["profiles"] == []

    async def test_nobody_sees_nothing(self, world: World) -> None:
        assert (await world.http.get("/v1/me")).status_code == 401

    async def test_the_name_is_changed_for_colleagues_too(self, world: World, sql: Sql) -> None:
        practice = await world.practice()
        changed = await practice.owner.patch("/v1/me", {"given_name": "Adela"}, headers={"If-Match": '"v1"'})
        assert changed.status_code == 200
        assert (changed.json()["given_name"], changed.json()["family_name"]) == ("Adela", "Harbor")
        assert changed.headers["etag"] == '"v2"'
        assert sql("SELECT given_name FROM staff_member WHERE id = %s", practice.staff_id) == [("Adela",)]

    async def test_a_stale_copy_is_refused(self, world: World) -> None:
        practice = await world.practice()
        await practice.owner.patch("/v1/me", {"given_name": "Adela"})
        stale = await practice.owner.patch("/v1/me", {"given_name": "Ada"}, headers={"If-Match": '"v1"'})
        assert stale.status_code == 412
        assert stale.json()["current"]["given_name"] == "Adela"

    async def test_what_the_server_owns_cannot_be_sent(self, world: World) -> None:
        """A17: mass assignment."""
        practice = await world.practice()
        for field in ("email", "kind", "roles", "must_change_password", "version"):
            assert (await practice.owner.patch("/v1/me", {field: "x"})).status_code == 422
        assert (await practice.owner.patch("/v1/me", {"given_name": None})).status_code == 422


class TestPassword:
    async def test_a_change_ends_every_other_session(self, world: World) -> None:
        """A36."""
        practice = await world.practice()
        other = await world.sign_in(practice.id, practice.owner_email)
        body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        assert (await practice.owner.put("/v1/me/password", body)).status_code == 204
        assert (await other.get("/v1/me")).status_code == 401
        refreshed = await world.http.post("/v1/auth/refresh", json={"refresh_token": other.refresh_token})
        assert refreshed.status_code == 401
        assert (await practice.owner.get("/v1/me")).status_code == 200
        assert await world.sign_in(practice.id, practice.owner_email, NEW_PASSWORD)
        assert await world.mail(practice.owner_email, "was changed")

    async def test_a_change_ends_mailed_reset_links(self, world: World) -> None:
        practice = await world.practice()
        address = {"practice": practice.id, "email": practice.owner_email}
        await world.http.post("/v1/auth/password-reset", json=address)
        token = await world.mailed_token(practice.owner_email, "reset")
        body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        assert (await practice.owner.put("/v1/me/password", body)).status_code == 204
        used = await world.http.post(
            "/v1/auth/password-reset/confirm", json={"token": token, "new_password": "eleven slow rivers bend"}
        )
        assert used.status_code == 410

    async def test_it_takes_the_present_password_and_a_strong_new_one(self, world: World) -> None:
        practice = await world.practice()
        bodies = {
            "/current_password": {"current_password": "not mine at all", "new_password": NEW_PASSWORD},
            "/new_password": {"current_password": PASSWORD, "new_password": "password1234"},
        }
        for pointer, body in bodies.items():
            refused = await practice.owner.put("/v1/me/password", body)
            assert refused.status_code == 422
            assert refused.json()["errors"][0]["pointer"] == pointer


class TestSessions:
    async def test_devices_are_listed_newest_first_in_pages(self, world: World) -> None:
        """F3.B3."""
        practice = await world.practice()
        phone = await world.sign_in(practice.id, practice.owner_email, device_label="My phone")
        first = (await phone.get("/v1/me/sessions?limit=1")).json()
        assert [(s["device_label"], s["current"]) for s in first["data"]] == [("My phone", True)]
        assert first["data"][0]["methods"] == ["pwd"]
        second = (await phone.get(f"/v1/me/sessions?limit=1&cursor={first['next_cursor']}")).json()
        assert [(s["device_label"], s["current"]) for s in second["data"]] == [("", False)]
        assert second["next_cursor"] is None

    async def test_one_device_is_signed_out_from_another(self, world: World) -> None:
        practice = await world.practice()
        phone = await world.sign_in(practice.id, practice.owner_email)
        listed = (await practice.owner.get("/v1/me/sessions")).json()["data"]
        lost = next(session["id"] for session in listed if not session["current"])
        assert (await practice.owner.delete(f"/v1/me/sessions/{lost}")).status_code == 204
        assert (await phone.get("/v1/me")).status_code == 401
        assert (await practice.owner.delete(f"/v1/me/sessions/{lost}")).status_code == 404
        assert len((await practice.owner.get("/v1/me/sessions")).json()["data"]) == 1

    async def test_somebody_elses_device_does_not_exist(self, world: World) -> None:
        practice, other = await world.practice(), await world.practice()
        listed = (await other.owner.get("/v1/me/sessions")).json()["data"]
        assert (await practice.owner.delete(f"/v1/me/sessions/{listed[0]['id']}")).status_code == 404
        assert (await other.owner.get("/v1/me")).status_code == 200

    async def test_all_others_are_signed_out_at_once(self, world: World) -> None:
        practice = await world.practice()
        others = [await world.sign_in(practice.id, practice.owner_email) for _ in range(2)]
        assert (await practice.owner.delete("/v1/me/sessions")).status_code == 204
        assert [(await other.get("/v1/me")).status_code for other in others] == [401, 401]
        assert (await practice.owner.get("/v1/me")).status_code == 200


def add_guardian(sql: Sql, world: World, practice: Practice, client_id: str) -> str:
    """A client account with the owner's password that may see one client's appointments; returns its address."""
    email = world.email("parent")
    sql("UPDATE portal_settings SET enabled = true, slug = %s WHERE practice_id = %s", practice.id, practice.id)
    rows = sql(
        "INSERT INTO account (practice_id, id, kind, email, email_norm, given_name, family_name, password_hash)"
        " SELECT practice_id, gen_random_uuid(), 'client', %s, %s, 'Pat', 'Parent', password_hash"
        " FROM account WHERE id = %s RETURNING id",
        email,
        email,
        practice.owner.account["id"],
    )
    sql(
        "INSERT INTO client_grant (practice_id, id, account_id, client_id, relationship, permissions, source)"
        " VALUES (%s, gen_random_uuid(), %s, %s, 'parent', '{appointments.view}', 'guardian')",
        practice.id,
        rows[0][0],
        client_id,
    )
    return email
