"""What staff do with guardians."""

from typing import Any

import pytest
from dirty_equals import IsStr

from tests.entry import accept, staff
from tests.families import EVERYTHING, Family, open_family
from tests.world import PASSWORD, Caller, World

NOBODYS_ID = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture
async def family(world: World) -> Family:
    return await open_family(world)


async def listed(family: Family, **query: Any) -> list[str]:
    answer = await family.owner.get(family.path(), params=query)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["data"]]


class TestAdding:
    async def test_a_guardian_is_written_down_and_has_no_access_yet(self, family: Family) -> None:
        """F6.M1"""
        body = family.body(permissions=["messages", "appointments.view"], valid_to="2031-01-31")
        made = await family.owner.post(family.path(), body)
        assert made.status_code == 201, made.text
        assert made.json() | {"id": "", "created_at": "", "updated_at": "", "valid_from": ""} == {
            "id": "",
            "client_id": family.child_id,
            "given_name": "Ruth",
            "family_name": body["family_name"],
            "email": body["email"],
            "phone": None,
            "relationship": "mother",
            "permissions": ["appointments.view", "messages"],
            "effective_permissions": [],
            "valid_from": "",
            "valid_to": "2031-02-01T05:00:00Z",
            "state": "pending",
            "account_id": None,
            "invitation_state": None,
            "narrows_at": None,
            "narrowed_permissions": None,
            "ends_at": None,
            "extended_to": None,
            "extension_reason": None,
            "created_by": IsStr(),
            "revoked_at": None,
            "revoked_by": None,
            "revocation_reason": None,
            "created_at": "",
            "updated_at": "",
            "version": 2,
        }
        assert await family.read(made.json()) == made.json()
        assert await listed(family) == [made.json()["id"]]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("permissions", ["appointments.view", "everything"]),
            ("permissions", None),
            ("relationship", "self"),
            ("relationship", ""),
            ("email", "nobody"),
            ("valid_to", "2001-01-01"),
            ("valid_to", "2031-01-01T00:00:00"),
            ("valid_to", "9999-12-31"),
            ("valid_to", "9999-12-31T23:59:59-12:00"),
            ("valid_from", "0001-01-01T00:00:00+14:00"),
            ("account_id", NOBODYS_ID),
            ("client_id", NOBODYS_ID),
            ("revoked_at", "2031-01-01T00:00:00Z"),
            ("state", "active"),
        ],
    )
    async def test_what_does_not_fit_is_refused(self, family: Family, field: str, value: Any) -> None:
        """A17"""
        refused = await family.ask(**{field: value})
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["pointer"].startswith(f"/{field}")
        assert await listed(family) == []

    async def test_one_address_is_one_guardian_of_a_client(self, family: Family) -> None:
        first = await family.add(email=(address := family.world.email()))
        twice = await family.ask(email=address.upper())
        assert (twice.status_code, twice.json()["code"]) == (409, "guardian_exists")
        await family.add(await family.child(), email=address)
        await family.remove(first)
        await family.add(email=address)

    async def test_an_archived_client_gets_none(self, family: Family) -> None:
        await family.owner.post(f"/v1/clients/{family.child_id}/archive")
        refused = await family.ask()
        assert (refused.status_code, refused.json()["state"]) == (409, "archived")


class TestAddresses:
    """A10: a child and a guardian never share a login."""

    async def test_a_guardian_does_not_have_the_charts_address(self, family: Family) -> None:
        address = family.world.email("shared")
        await family.owner.patch(f"/v1/clients/{family.child_id}", {"email": address.upper()})
        refused = await family.ask(email=address)
        assert (refused.status_code, refused.json()["code"]) == (409, "email_belongs_to_guardian")
        other = await family.add()
        changed = await family.owner.patch(family.path(other), {"email": address})
        assert changed.json()["code"] == "email_belongs_to_guardian"

    async def test_nor_that_of_the_childs_login_or_invitation(self, family: Family) -> None:
        invited = family.world.email("child")
        await family.owner.post(f"/v1/clients/{family.child_id}/invitations", {"email": invited})
        assert (await family.ask(email=invited)).json()["code"] == "email_belongs_to_guardian"
        token = await family.world.mailed_token(invited)
        await family.world.http.post("/v1/invitations/accept", json={"token": token, "password": "seven green kites"})
        assert (await family.ask(email=invited)).json()["code"] == "email_belongs_to_guardian"

    @pytest.mark.parametrize("joined", [False, True])
    async def test_the_child_does_not_get_the_guardians_address(self, family: Family, joined: bool) -> None:
        """At the chart, at an invitation, at credentials."""
        guardian = await family.add()
        if joined:
            await family.joins(guardian)
        email = guardian["email"].upper()
        child = f"/v1/clients/{family.child_id}"
        for answer in (
            await family.owner.patch(child, {"email": email}),
            await family.owner.post(f"{child}/invitations", {"email": email}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "email_belongs_to_guardian"), answer.text
        credentials = await family.owner.put(f"{child}/credentials", {"email": email, "generate": True})
        assert credentials.status_code == 409
        assert credentials.json()["code"] == ("email_in_use" if joined else "email_belongs_to_guardian")
        assert (await family.owner.get(child)).json()["email"] is None

    async def test_nor_with_the_next_starter_password(self, family: Family) -> None:
        """The login that has not been used yet moves to another address, but not to a guardian's."""
        await family.owner.patch("/v1/practice/portal", {"allow_staff_set_credentials": True})
        path, own = f"/v1/clients/{family.child_id}/credentials", family.world.email("child")
        assert (await family.owner.put(path, {"email": own, "generate": True})).status_code == 200
        guardian = await family.add()
        refused = await family.owner.put(path, {"email": guardian["email"], "generate": True})
        assert (refused.status_code, refused.json()["code"]) == (409, "email_belongs_to_guardian")
        again = await family.owner.put(path, {"email": own, "generate": True})
        assert (again.status_code, again.json()["email"]) == (200, own)

    @pytest.mark.parametrize("who", ["the child", "the guardian"])
    async def test_nor_does_either_change_to_the_others(self, family: Family, who: str) -> None:
        """Asked for by themselves: answered as for any address that is somebody's, and nothing is mailed there."""
        if who == "the child":
            caller = await own_login(family)
            address = (await family.add())["email"]
        else:
            _, caller = await family.parent()
            address = family.world.email("child")
            await family.owner.patch(f"/v1/clients/{family.child_id}", {"email": address})
        for email, mailed in ((address, False), (family.world.email("free"), True)):
            answer = await caller.post("/v1/me/email", {"email": email, "password": PASSWORD})
            assert answer.status_code == 202, answer.text
            assert bool(await family.world.mails(email)) is mailed

    async def test_nor_where_it_became_the_others_before_the_link_was_followed(self, family: Family) -> None:
        caller, address = await own_login(family), family.world.email("family")
        assert (await caller.post("/v1/me/email", {"email": address, "password": PASSWORD})).status_code == 202
        token = await family.world.mailed_token(address)
        await family.add(email=address)
        gone = await family.world.http.post("/v1/auth/email-change/confirm", json={"token": token})
        assert gone.status_code == 410
        assert (await caller.get("/v1/me")).json()["email"] != address

    async def test_of_another_client_it_is_their_own(self, family: Family) -> None:
        """The same person is guardian of a child and client himself."""
        guardian = await family.add()
        himself = await family.child(email=guardian["email"])
        made = await family.owner.post(f"/v1/clients/{himself}/invitations")
        assert made.status_code == 201, made.text


async def own_login(family: Family) -> Caller:
    """The child's, who has accepted an invitation."""
    address = family.world.email("child")
    await family.owner.post(f"/v1/clients/{family.child_id}/invitations", {"email": address})
    return await accept(family.world, await family.world.mailed_token(address))


class TestChanging:
    async def test_fields_are_changed_and_the_version_guards_them(self, family: Family) -> None:
        guardian = await family.add()
        changed = await family.change(guardian, phone="+14155552671", relationship="Grandparent", permissions=[])
        assert (changed["relationship"], changed["permissions"]) == ("grandparent", [])
        stale = await family.owner.patch(
            family.path(guardian), {"phone": None}, headers={"If-Match": f'"v{guardian["version"]}"'}
        )
        assert (stale.status_code, stale.json()["current"]) == (412, changed)
        for name in ("email", "permissions", "relationship", "valid_from"):
            refused = await family.owner.patch(family.path(guardian), {name: None})
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{name}")

    @pytest.mark.parametrize(
        "span",
        [
            {"valid_from": "2031-02-01", "valid_to": "2031-01-01"},
            {"valid_from": "2031-02-01T00:00:00Z", "valid_to": "2031-02-01T00:00:00Z"},
            {"valid_to": "2001-01-01"},
            {"valid_from": "2032-01-01"},
        ],
        ids=str,
    )
    async def test_a_span_that_never_is_is_refused(self, family: Family, span: dict[str, str]) -> None:
        """F6.M1: as where a guardian is added; each of the two may have been there before."""
        guardian = await family.add(valid_to="2031-06-01")
        refused = await family.owner.patch(family.path(guardian), span)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/valid_to")
        assert await family.read(guardian) == guardian

    async def test_another_address_makes_the_mailed_link_void(self, family: Family) -> None:
        guardian = await family.add()
        token = await family.invite(guardian)
        await family.change(guardian, email=family.world.email("new"))
        gone = await family.world.http.post("/v1/invitations/lookup", json={"token": token})
        assert (gone.status_code, gone.json()["state"]) == (410, "revoked")

    async def test_who_has_joined_changes_their_address_themselves(self, family: Family) -> None:
        guardian, _ = await family.parent()
        refused = await family.owner.patch(family.path(guardian), {"email": family.world.email()})
        assert (refused.status_code, refused.json()["code"]) == (409, "invalid_state")
        same = await family.change(guardian, email=guardian["email"], given_name="Ruthie")
        assert same["given_name"] == "Ruthie"


class TestDissolving:
    async def test_it_is_kept_with_who_when_and_why(self, family: Family) -> None:
        guardian, _ = await family.parent()
        path = family.path(guardian)
        for _ in range(2):
            gone = await family.owner.delete(path, params={"reason": "Court order."})
            assert gone.status_code == 204
        kept = await family.read(guardian)
        assert (kept["state"], kept["revocation_reason"], kept["effective_permissions"]) == (
            "revoked",
            "Court order.",
            [],
        )
        assert kept["revoked_by"] == family.owner.account["id"]
        assert (await listed(family), await listed(family, revoked=True)) == ([], [guardian["id"]])
        for refused in (
            await family.owner.patch(path, {"permissions": EVERYTHING}),
            await family.owner.post(f"/v1/guardians/{guardian['id']}/invitations"),
            await family.owner.post(f"{path}/extend", {"until": "2031-01-01", "reason": "No."}),
        ):
            assert (refused.status_code, refused.json()["state"]) == (409, "revoked")

    async def test_it_ends_the_open_invitation(self, family: Family) -> None:
        guardian = await family.add()
        token = await family.invite(guardian)
        await family.remove(guardian)
        gone = await family.world.http.post(
            "/v1/invitations/accept", json={"token": token, "password": "seven green kites over town"}
        )
        assert (gone.status_code, gone.json()["state"]) == (410, "revoked")

    async def test_events_say_what_happened_and_name_nobody(self, family: Family) -> None:
        guardian, _ = await family.parent()
        await family.change(guardian, permissions=["messages"])
        await family.remove(guardian)
        rows = (await family.owner.get("/v1/audit-events", params={"client_id": family.child_id})).json()["data"]
        types = [row["type"] for row in rows if row["resource_id"] == guardian["id"]]
        assert sorted(types) == [
            "guardian.added",
            "guardian.joined",
            "guardian.permissions_changed",
            "guardian.removed",
            "guardian.updated",
        ]
        assert guardian["email"] not in str(rows)
        assert "Ruth" not in str([row | {"actor_name": ""} for row in rows])


class TestScope:
    async def test_only_who_sees_the_client_sees_the_guardians(self, family: Family) -> None:
        """A16"""
        guardian = await family.add()
        practitioner_id, stranger = await staff(family.world, family.practice, "practitioner")
        paths = [family.path(), family.path(guardian), f"/v1/guardians/{guardian['id']}/invitations"]
        for path in paths:
            assert (await stranger.get(path)).status_code == 404
        assert (await family.ask(by=stranger)).status_code == 404
        assert (await stranger.post(paths[2])).status_code == 404
        await family.owner.patch(f"/v1/clients/{family.child_id}", {"practitioner_ids": [practitioner_id]})
        for path in paths:
            assert (await stranger.get(path)).status_code == 200

    @pytest.mark.parametrize(("role", "reads"), [("biller", False), ("scheduler", True), ("forms_admin", False)])
    async def test_roles(self, family: Family, role: str, reads: bool) -> None:
        _, colleague = await staff(family.world, family.practice, role)
        assert (await colleague.get(family.path())).status_code == (200 if reads else 403)
        assert (await family.ask(by=colleague)).status_code == 403
