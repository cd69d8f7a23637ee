"""The people of a practice: invited, changed, suspended, removed; and whom clients see of them."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import Role
from portal_api.core.db import Binding
from portal_api.core.ids import new_id
from portal_api.models.auth import Account
from portal_api.models.clients import ClientGrant
from portal_api.models.invitations import Invitation
from portal_api.models.portal import PortalSettings
from portal_api.models.staff import StaffMember
from tests.world import PASSWORD, Caller, Practice, World, hash_of_password, let_in

STAFF = "/v1/practice/staff"


@dataclass
class Person:
    """A staff member who has accepted and is signed in."""

    id: str
    email: str
    caller: Caller


@pytest.fixture
async def practice(world: World) -> Practice:
    return await world.practice()


async def invite(by: Caller, world: World, *roles: str, **fields: Any) -> dict[str, Any]:
    body = {"email": world.email("staff"), "given_name": "Noor", "family_name": "Lind", "roles": roles}
    response = await by.post(STAFF, body | fields)
    assert response.status_code == 201, response.text
    invited: dict[str, Any] = response.json()
    return invited


async def join(world: World, practice: Practice, *roles: str) -> Person:
    """Somebody invited, who has accepted."""
    invited = await invite(practice.owner, world, *roles)
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        now = await clock.now(session)
        account = (await session.scalars(select(Account).where(Account.id == UUID(invited["account_id"])))).one()
        account.set_password(await hash_of_password(world.tools), now)
        staff = (await session.scalars(select(StaffMember).where(StaffMember.id == UUID(invited["id"])))).one()
        staff.activate(now)
    caller = await let_in(world.app, world.http, practice.id, account.id)
    return Person(invited["id"], invited["email"], caller)


async def portal_client(world: World, practice: Practice) -> Caller:
    """A client of the practice, signed in."""
    client = await world.client(practice.owner)
    email = world.email("client")
    account = Account(id=new_id(), kind="client", email=email, email_norm=email, given_name="G", family_name="C")
    account.password_hash = await hash_of_password(world.tools)
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        (await session.scalars(select(PortalSettings))).one().enabled = True
        session.add(account)
        await session.flush()
        session.add(
            ClientGrant(account_id=account.id, client_id=UUID(client["id"]), permissions=[], source="invitation")
        )
    return await let_in(world.app, world.http, practice.id, account.id)


async def invitations(world: World, practice: Practice, staff_id: str) -> list[Invitation]:
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        found = select(Invitation).where(Invitation.staff_id == UUID(staff_id)).order_by(Invitation.id)
        return list(await session.scalars(found))


async def trail(practice: Practice, type: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await practice.owner.get("/v1/audit-events", params={"type": type})).json()["data"]
    return found


class TestCreate:
    async def test_who_is_added_is_invited_and_cannot_sign_in_yet(self, practice: Practice, world: World) -> None:
        invited = await invite(practice.owner, world, "scheduler", "biller", "biller", credentials="RN")
        assert invited["state"] == "invited"
        assert invited["roles"] == ["biller", "scheduler"]
        (invitation,) = await invitations(world, practice, invited["id"])
        assert (invitation.email, invitation.revoked_at) == (invited["email"], None)
        assert len(await trail(practice, "invitation.created")) == 1
        (event,) = await trail(practice, "staff.invited")
        assert event["resource_id"] == invited["id"]
        login = {"practice": practice.id, "email": invited["email"], "password": PASSWORD}
        assert (await world.http.post("/v1/auth/login", json=login)).status_code == 401

    async def test_a_known_address_is_refused(self, practice: Practice, world: World) -> None:
        body = {"email": practice.owner_email.upper(), "given_name": "A", "family_name": "B", "roles": ["admin"]}
        response = await practice.owner.post(STAFF, body)
        assert (response.status_code, response.json()["code"]) == (409, "email_in_use")

    async def test_of_two_who_invite_the_same_address_one_is_refused(self, practice: Practice, world: World) -> None:
        body = {"email": world.email(), "given_name": "A", "family_name": "B", "roles": ["intern"]}
        answers = await asyncio.gather(practice.owner.post(STAFF, body), practice.owner.post(STAFF, body))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert {a.json().get("code") for a in answers if a.status_code == 409} == {"email_in_use"}

    async def test_the_same_address_works_in_two_practices(self, practice: Practice, world: World) -> None:
        other = await world.practice()
        email = world.email()
        for place in (practice, other):
            assert (await invite(place.owner, world, "biller", email=email))["email"] == email

    async def test_who_left_comes_back_as_the_same_person_by_an_invitation(
        self, practice: Practice, world: World
    ) -> None:
        person = await join(world, practice, "practitioner")
        await practice.owner.delete(f"{STAFF}/{person.id}")
        again = await invite(practice.owner, world, "biller", email=person.email, family_name="Lindgren")
        assert (again["id"], again["state"], again["roles"]) == (person.id, "invited", ["biller"])
        assert again["family_name"] == "Lindgren"
        login = {"practice": practice.id, "email": person.email, "password": PASSWORD}
        assert (await world.http.post("/v1/auth/login", json=login)).status_code == 401

    @pytest.mark.parametrize("roles", [[], ["boss"], "owner", None])
    async def test_roles_are_at_least_one_that_exists(self, practice: Practice, world: World, roles: Any) -> None:
        body = {"email": world.email(), "given_name": "A", "family_name": "B", "roles": roles}
        response = await practice.owner.post(STAFF, body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"].startswith("/roles")

    async def test_an_admin_adds_staff_but_no_owner(self, practice: Practice, world: World) -> None:
        admin = await join(world, practice, "admin")
        await invite(admin.caller, world, "practitioner")
        body = {"email": world.email(), "given_name": "A", "family_name": "B", "roles": ["owner"]}
        response = await admin.caller.post(STAFF, body)
        assert (response.status_code, response.json()["code"]) == (403, "owner_required")

    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.OWNER, Role.ADMIN}))
    async def test_no_other_role_sees_or_manages_staff(self, practice: Practice, world: World, role: str) -> None:
        person = await join(world, practice, role)
        body = {"email": world.email(), "given_name": "A", "family_name": "B", "roles": ["intern"]}
        assert (await person.caller.get(STAFF)).status_code == 403
        assert (await person.caller.post(STAFF, body)).status_code == 403


class TestList:
    async def test_it_is_paged_and_leaves_out_who_left_unless_asked(self, practice: Practice, world: World) -> None:
        gone = await invite(practice.owner, world, "intern")
        stays = await invite(practice.owner, world, "intern")
        assert (await practice.owner.delete(f"{STAFF}/{gone['id']}")).status_code == 204
        first = (await practice.owner.get(STAFF, params={"limit": 1})).json()
        second = (await practice.owner.get(STAFF, params={"limit": 1, "cursor": first["next_cursor"]})).json()
        assert [one["id"] for one in first["data"] + second["data"]] == [stays["id"], practice.staff_id]
        assert second["next_cursor"] is None
        removed = (await practice.owner.get(STAFF, params={"state": "removed"})).json()["data"]
        assert [one["id"] for one in removed] == [gone["id"]]

    async def test_another_practice_s_staff_is_not_there(self, practice: Practice, world: World) -> None:
        other = await world.practice()
        path = f"{STAFF}/{other.staff_id}"
        answers = [
            await practice.owner.get(path),
            await practice.owner.patch(path, {"given_name": "X"}),
            await practice.owner.delete(path),
            *[await practice.owner.post(f"{path}/{verb}") for verb in ("suspend", "restore", "resend-invitation")],
        ]
        assert {answer.status_code for answer in answers} == {404}


class TestUpdate:
    async def test_names_credentials_and_supervision(self, practice: Practice, world: World) -> None:
        """F20.M3"""
        intern, person = await join(world, practice, "intern"), await join(world, practice, "supervisor")
        change = {"given_name": "Nora", "credentials": "PhD", "supervises": [intern.id]}
        changed = (await practice.owner.patch(f"{STAFF}/{person.id}", change)).json()
        assert {name: changed[name] for name in change} == change
        client = await world.client(practice.owner, practitioner_ids=[intern.id])
        assert (await person.caller.get(f"/v1/clients/{client['id']}")).status_code == 200
        await practice.owner.patch(f"{STAFF}/{person.id}", {"supervises": [], "credentials": None})
        assert (await person.caller.get(f"/v1/clients/{client['id']}")).status_code == 404

    async def test_a_stale_copy_is_refused_with_the_current_one(self, practice: Practice, world: World) -> None:
        path = f"{STAFF}/{(await invite(practice.owner, world, 'intern'))['id']}"
        etag = (await practice.owner.get(path)).headers["etag"]
        await practice.owner.patch(path, {"given_name": "One"}, headers={"If-Match": etag})
        stale = await practice.owner.patch(path, {"given_name": "Two"}, headers={"If-Match": etag})
        assert stale.status_code == 412
        assert stale.json()["current"]["given_name"] == "One"

    async def test_a_role_counts_from_the_next_request_on(self, practice: Practice, world: World) -> None:
        """A36"""
        admin = await join(world, practice, "admin")
        assert (await admin.caller.get(STAFF)).status_code == 200
        await practice.owner.patch(f"{STAFF}/{admin.id}", {"roles": ["practitioner"]})
        assert (await admin.caller.get(STAFF)).status_code == 403
        (event,) = await trail(practice, "staff.updated")
        assert event["details"] == {"old_roles": ["admin"], "new_roles": ["practitioner"]}

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"given_name": None}, "/given_name"),
            ({"roles": None}, "/roles"),
            ({"supervises": [str(new_id())]}, "/supervises"),
            ({"state": "active"}, "/state"),
            ({"email": "new@harbor.example"}, "/email"),
        ],
    )
    async def test_what_is_not_for_sending_is_refused(self, practice: Practice, body: Any, pointer: str) -> None:
        response = await practice.owner.patch(f"{STAFF}/{practice.staff_id}", body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == pointer

    async def test_nobody_supervises_themselves(self, practice: Practice) -> None:
        response = await practice.owner.patch(f"{STAFF}/{practice.staff_id}", {"supervises": [practice.staff_id]})
        assert response.status_code == 422

    async def test_an_admin_neither_grants_nor_takes_owner(self, practice: Practice, world: World) -> None:
        admin = await join(world, practice, "admin")
        for staff_id, roles in ((admin.id, ["admin", "owner"]), (practice.staff_id, ["practitioner"])):
            response = await admin.caller.patch(f"{STAFF}/{staff_id}", {"roles": roles})
            assert (response.status_code, response.json()["code"]) == (403, "owner_required")
        for answer in (
            await admin.caller.post(f"{STAFF}/{practice.staff_id}/suspend"),
            await admin.caller.delete(f"{STAFF}/{practice.staff_id}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "owner_required")


class TestOwners:
    async def test_the_last_owner_stays(self, practice: Practice, world: World) -> None:
        """F20.M4; an owner who has not accepted yet does not count."""
        await invite(practice.owner, world, "owner")
        response = await practice.owner.patch(f"{STAFF}/{practice.staff_id}", {"roles": ["practitioner"]})
        assert (response.status_code, response.json()["code"]) == (409, "last_owner")

    async def test_an_owner_steps_down_when_another_stays(self, practice: Practice, world: World) -> None:
        await join(world, practice, "owner")
        response = await practice.owner.patch(f"{STAFF}/{practice.staff_id}", {"roles": ["practitioner"]})
        assert response.status_code == 200
        assert (await practice.owner.get(STAFF)).status_code == 403

    @pytest.mark.parametrize("way", ["roles", "suspend", "remove"])
    async def test_of_two_owners_who_unmake_each_other_one_stays(
        self, practice: Practice, world: World, way: str
    ) -> None:
        other = await join(world, practice, "owner")

        async def unmake(by: Caller, staff_id: str) -> int:
            path = f"{STAFF}/{staff_id}"
            if way == "roles":
                return (await by.patch(path, {"roles": ["practitioner"]})).status_code
            if way == "suspend":
                return (await by.post(f"{path}/suspend")).status_code
            return (await by.delete(path)).status_code

        statuses = await asyncio.gather(unmake(practice.owner, other.id), unmake(other.caller, practice.staff_id))
        assert sorted(status < 300 for status in statuses) == [False, True]
        assert max(statuses) in (401, 403, 409)

    async def test_two_owners_who_step_down_at_once_do_not_both(self, practice: Practice, world: World) -> None:
        other = await join(world, practice, "owner")
        body = {"roles": ["practitioner"]}
        answers = await asyncio.gather(
            practice.owner.patch(f"{STAFF}/{practice.staff_id}", body),
            other.caller.patch(f"{STAFF}/{other.id}", body),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]

    @pytest.mark.parametrize("way", ["suspend", "remove"])
    async def test_nobody_ends_their_own_access(self, practice: Practice, world: World, way: str) -> None:
        other = await join(world, practice, "owner")
        path = f"{STAFF}/{other.id}"
        ended = await (other.caller.post(f"{path}/suspend") if way == "suspend" else other.caller.delete(path))
        assert (ended.status_code, ended.json()["code"]) == (409, "own_account")


class TestSuspend:
    async def test_it_ends_sessions_at_once_and_lets_nobody_in_until_restored(
        self, practice: Practice, world: World
    ) -> None:
        person = await join(world, practice, "practitioner")
        suspended = await practice.owner.post(f"{STAFF}/{person.id}/suspend")
        assert suspended.json()["state"] == "suspended"
        assert (await person.caller.get("/v1/practice")).status_code == 401
        refresh = await world.http.post("/v1/auth/refresh", json={"refresh_token": person.caller.refresh_token})
        assert refresh.status_code == 401
        login = {"practice": practice.id, "email": person.email, "password": PASSWORD}
        assert (await world.http.post("/v1/auth/login", json=login)).status_code == 401
        restored = await practice.owner.post(f"{STAFF}/{person.id}/restore")
        assert restored.json()["state"] == "active"
        assert (await person.caller.get("/v1/practice")).status_code == 401
        back = await world.sign_in(practice.id, person.email)
        assert (await back.get("/v1/practice")).status_code == 200

    async def test_states_that_do_not_follow_are_refused(self, practice: Practice, world: World) -> None:
        path = f"{STAFF}/{(await invite(practice.owner, world, 'intern'))['id']}"
        for verb, state in (("suspend", "invited"), ("restore", "invited")):
            response = await practice.owner.post(f"{path}/{verb}")
            assert (response.status_code, response.json()["code"]) == (409, "invalid_state")
            assert response.json()["state"] == state
        await practice.owner.delete(path)
        for answer in (
            await practice.owner.delete(path),
            await practice.owner.patch(path, {"given_name": "X"}),
            await practice.owner.post(f"{path}/resend-invitation"),
        ):
            assert (answer.status_code, answer.json()["state"]) == (409, "removed")


class TestRemove:
    async def test_clients_go_to_the_successor_and_access_ends(self, practice: Practice, world: World) -> None:
        """F20.M5"""
        leaver, successor = await join(world, practice, "practitioner"), await join(world, practice, "practitioner")
        shared = await world.client(practice.owner, practitioner_ids=[leaver.id, successor.id])
        own = await world.client(practice.owner, practitioner_ids=[leaver.id])
        body = {"reassign_to": successor.id}
        removed = await practice.owner.request("DELETE", f"{STAFF}/{leaver.id}", json=body)
        assert removed.status_code == 204
        assert (await leaver.caller.get("/v1/practice")).status_code == 401
        for client in (shared, own):
            found = await successor.caller.get(f"/v1/clients/{client['id']}")
            assert found.json()["practitioner_ids"] == [successor.id]
            assert found.json()["version"] > client["version"]
        (event,) = await trail(practice, "clients.reassigned")
        assert sorted(event["client_ids"]) == sorted([shared["id"], own["id"]])
        assert event["details"] == {"reassigned_to": successor.id}

    async def test_without_a_successor_clients_are_left_to_be_assigned(self, practice: Practice, world: World) -> None:
        leaver = await join(world, practice, "practitioner")
        client = await world.client(practice.owner, practitioner_ids=[leaver.id])
        assert (await practice.owner.delete(f"{STAFF}/{leaver.id}")).status_code == 204
        assert (await practice.owner.get(f"/v1/clients/{client['id']}")).json()["practitioner_ids"] == []
        (event,) = await trail(practice, "clients.reassigned")
        assert event["details"] == {"reassigned_to": None}

    async def test_a_successor_is_another_active_staff_member(self, practice: Practice, world: World) -> None:
        leaver = await join(world, practice, "practitioner")
        invited = await invite(practice.owner, world, "practitioner")
        for successor in (leaver.id, invited["id"], str(new_id())):
            refused = await practice.owner.request("DELETE", f"{STAFF}/{leaver.id}", json={"reassign_to": successor})
            assert refused.status_code == 422
            assert refused.json()["errors"][0]["pointer"] == "/reassign_to"
        assert (await leaver.caller.get("/v1/practice")).status_code == 200

    async def test_the_invitation_of_who_is_not_to_come_is_dead(self, practice: Practice, world: World) -> None:
        invited = await invite(practice.owner, world, "intern")
        await practice.owner.delete(f"{STAFF}/{invited['id']}")
        (invitation,) = await invitations(world, practice, invited["id"])
        assert invitation.revoked_at is not None


class TestResend:
    async def test_a_new_link_replaces_the_old_one(self, practice: Practice, world: World) -> None:
        invited = await invite(practice.owner, world, "intern")
        response = await practice.owner.post(f"{STAFF}/{invited['id']}/resend-invitation")
        assert response.status_code == 200
        old, new = await invitations(world, practice, invited["id"])
        assert old.revoked_at is not None
        assert new.revoked_at is None
        assert old.secret_hash != new.secret_hash

    async def test_who_has_accepted_is_not_invited_again(self, practice: Practice) -> None:
        response = await practice.owner.post(f"{STAFF}/{practice.staff_id}/resend-invitation")
        assert (response.status_code, response.json()["state"]) == (409, "active")


async def open_hours(practice: Practice, staff_id: str) -> None:
    hours = {"time_zone": "Europe/Berlin", "windows": [{"weekday": "monday", "start": "09:00", "end": "17:00"}]}
    response = await practice.owner.put(f"/v1/practitioners/{staff_id}/availability", hours)
    assert response.status_code == 200, response.text


async def offer(practice: Practice, **fields: Any) -> None:
    session = {"name": f"Session {uuid4()}", "duration_minutes": 50, "modes": ["video"], "client_bookable": True}
    response = await practice.owner.post("/v1/services", session | fields)
    assert response.status_code == 201, response.text


class TestPractitioners:
    async def test_clients_see_who_can_be_booked_and_no_more_of_them_than_they_need(
        self, practice: Practice, world: World
    ) -> None:
        await join(world, practice, "biller")
        await invite(practice.owner, world, "practitioner")
        await join(world, practice, "practitioner")
        suspended = await join(world, practice, "practitioner")
        declining = await join(world, practice, "practitioner")
        for staff_id in (practice.staff_id, suspended.id, declining.id):
            await open_hours(practice, staff_id)
        await offer(practice)
        await practice.owner.post(f"{STAFF}/{suspended.id}/suspend")
        off = {"appointment_requests": False}
        assert (await practice.owner.patch(f"/v1/practitioners/{declining.id}/features", off)).status_code == 200
        client = await portal_client(world, practice)
        (seen,) = (await client.get("/v1/practitioners")).json()["data"]
        assert seen == {
            "id": practice.staff_id,
            "given_name": "Ada",
            "family_name": "Harbor",
            "display_name": "Ada Harbor",
            "credentials": None,
        }

    async def test_clients_see_those_who_offer_something_to_them(self, practice: Practice, world: World) -> None:
        intern = await join(world, practice, "intern")
        for staff_id in (practice.staff_id, intern.id):
            await open_hours(practice, staff_id)
        await offer(practice, audience="new")
        await offer(practice, client_bookable=False)
        client = await portal_client(world, practice)
        assert (await client.get("/v1/practitioners")).json()["data"] == []
        await offer(practice, practitioner_ids=[intern.id])
        assert [one["id"] for one in (await client.get("/v1/practitioners")).json()["data"]] == [intern.id]

    async def test_staff_see_everybody_whose_time_can_be_booked(self, practice: Practice, world: World) -> None:
        intern = await join(world, practice, "intern")
        await join(world, practice, "scheduler")
        listed = (await practice.owner.get("/v1/practitioners")).json()["data"]
        assert [one["id"] for one in listed] == [intern.id, practice.staff_id]

    async def test_every_staff_role_sees_them_page_by_page(self, practice: Practice, world: World) -> None:
        person = await join(world, practice, "forms_admin", "practitioner")
        first = (await person.caller.get("/v1/practitioners", params={"limit": 1})).json()
        query = {"limit": 1, "cursor": first["next_cursor"]}
        second = (await person.caller.get("/v1/practitioners", params=query)).json()
        assert [one["id"] for one in first["data"] + second["data"]] == [person.id, practice.staff_id]
