"""Prospects: who sees them, whom they may be, and what becomes of them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from dirty_equals import IsPartialDict
from sqlalchemy import func, select, update

from portal_api.core.db import Binding
from portal_api.integrations.mail import SmtpMailer
from portal_api.jobs import JobContext
from portal_api.jobs.prospects import daily
from portal_api.models.audit import Event
from portal_api.models.auth import Account, AuthSession
from portal_api.models.clients import ClientGrant, PortalAccessChange
from portal_api.models.invitations import Invitation
from portal_api.models.prospects import Prospect
from portal_api.models.staff import StaffMember
from tests.newcomers import Portal, open_portal, profiles, prospect, sign_up, verify_as_holder
from tests.world import World

VERBS = ("verify", "create-client", "associate", "reject", "restore", "dissociate")
STRANGER = "00000000-0000-7000-8000-000000000000"


async def act(portal: Portal, prospect: dict[str, Any], verb: str, body: Any = None) -> Any:
    return await portal.owner.post(f"/v1/prospects/{prospect['id']}/{verb}", body)


async def now_of(portal: Portal, prospect: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await portal.owner.get(f"/v1/prospects/{prospect['id']}")).json()
    return found


async def candidates(portal: Portal, prospect: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await now_of(portal, prospect))["duplicate_candidates"]
    return found


async def change(world: World, portal: Portal, statement: Any) -> None:
    async with world.tools.database.session(Binding.system(UUID(portal.practice.id))) as session:
        await session.execute(statement)


async def all_of(world: World, portal: Portal, statement: Any) -> list[Any]:
    async with world.tools.database.session(Binding.system(UUID(portal.practice.id))) as session:
        return list((await session.scalars(statement)).all())


async def events_of(world: World, portal: Portal, prospect: dict[str, Any]) -> list[str]:
    of_it = select(Event.type).where(Event.resource_id == UUID(prospect["id"])).order_by(Event.id)
    return await all_of(world, portal, of_it)


class TestReading:
    async def test_the_newest_come_first_page_by_page_and_state_by_state(self, world: World) -> None:
        """F5.M1"""
        portal = await open_portal(world)
        made = [await prospect(world, portal, verified=i % 2 == 0) for i in range(4)]
        await act(portal, made[3], "reject")
        pages, cursor = [], None
        while cursor or not pages:
            query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            answer = (await portal.owner.get("/v1/prospects", params=query)).json()
            pages.append([found["id"] for found in answer["data"]])
            cursor = answer["next_cursor"]
        newest_first = [found["id"] for found in reversed(made)]
        assert pages == [newest_first[:3], newest_first[3:]]
        for state, expected in {"new": [1], "verified": [2, 0], "rejected": [3], "expired": []}.items():
            answer = (await portal.owner.get("/v1/prospects", params={"state": state})).json()
            assert [found["id"] for found in answer["data"]] == [made[i]["id"] for i in expected], state

    async def test_the_state_follows_the_holders_own_verification(self, world: World) -> None:
        portal = await open_portal(world)
        found = await prospect(world, portal, verified=False)
        assert (found["state"], found["email_verification"]) == ("new", "none")
        await verify_as_holder(world, portal, found["email"])
        assert await now_of(portal, found) == IsPartialDict(
            state="verified", email_verification="self", email_verified_by=None
        )

    @pytest.mark.parametrize("role", ["practitioner", "supervisor", "intern", "biller", "scheduler", "forms_admin"])
    async def test_only_owners_and_admins_see_them(self, world: World, role: str) -> None:
        """F5.M2"""
        portal = await open_portal(world)
        found = await prospect(world, portal)
        await change(world, portal, update(StaffMember).values(roles=["admin"]))
        assert (await portal.owner.get("/v1/prospects")).status_code == 200
        await change(world, portal, update(StaffMember).values(roles=[role]))
        one = f"/v1/prospects/{found['id']}"
        answers = [await portal.owner.get("/v1/prospects"), await portal.owner.get(one)]
        answers += [await portal.owner.post(f"{one}/{verb}", {"client_id": STRANGER}) for verb in ("associate",)]
        answers += [await portal.owner.post(f"{one}/{verb}") for verb in VERBS if verb != "associate"]
        assert [answer.json()["code"] for answer in answers] == ["forbidden"] * 8

    async def test_another_practices_prospect_is_not_there(self, world: World) -> None:
        here, there = await open_portal(world), await open_portal(world)
        found = await prospect(world, there)
        body = {"associate": {"client_id": STRANGER}}
        answers = [await act(here, found, verb, body.get(verb)) for verb in VERBS]
        answers += [await here.owner.get(f"/v1/prospects/{found['id']}")]
        assert [answer.status_code for answer in answers] == [404] * 7
        assert (await here.owner.get("/v1/prospects")).json()["data"] == []


class TestDuplicateCandidates:
    @pytest.mark.parametrize(
        ("chart", "reasons"),
        [
            ({"email": "NINA@harbor.example", "given_name": "Z", "family_name": "Z"}, ["email"]),
            ({"phone": "+1 415 555 2671", "given_name": "Z", "family_name": "Z"}, ["phone"]),
            (
                {"given_name": "NÍNA", "family_name": "newcomer", "date_of_birth": "1990-04-01"},
                ["date_of_birth_and_name", "similar_name"],
            ),
            ({"given_name": "Newcomer", "family_name": "Nina"}, ["similar_name"]),
            ({"given_name": "Nena", "family_name": "Newcommer"}, ["similar_name"]),
        ],
    )
    async def test_reasons_are_given(self, world: World, chart: dict[str, str], reasons: list[str]) -> None:
        """F5.M6"""
        portal = await open_portal(world)
        client = await world.client(portal.owner, **chart)
        found = await prospect(
            world, portal, email="nina@harbor.example", phone="+1 415 555 2671", date_of_birth="1990-04-01"
        )
        [candidate] = await candidates(portal, found)
        assert candidate == IsPartialDict(client_id=client["id"], reasons=reasons, has_login=False)

    @pytest.mark.parametrize(
        "chart",
        [
            {"given_name": "Noah", "family_name": "Nakamura"},
            {"given_name": "Grace", "family_name": "Other", "date_of_birth": "1990-04-01"},
            {"given_name": "Grace", "family_name": "Other"},
        ],
    )
    async def test_nobody_is_named_without_a_reason(self, world: World, chart: dict[str, str]) -> None:
        portal = await open_portal(world)
        await world.client(portal.owner, **chart)
        assert await candidates(portal, await prospect(world, portal, date_of_birth="1990-04-01")) == []

    async def test_the_likeliest_come_first_and_archived_ones_not_at_all(self, world: World) -> None:
        portal = await open_portal(world)
        similar = await world.client(portal.owner, given_name="Nina", family_name="Newcomb")
        same = await world.client(
            portal.owner,
            given_name="Nina",
            family_name="Newcomer",
            email="n@harbor.example",
            date_of_birth="1990-04-01",
        )
        archived = await world.client(portal.owner, given_name="Nina", family_name="Newcomer")
        await portal.owner.post(f"/v1/clients/{archived['id']}/archive")
        found = await prospect(world, portal, email="n@harbor.example", date_of_birth="1990-04-01")
        assert [candidate["client_id"] for candidate in await candidates(portal, found)] == [same["id"], similar["id"]]

    async def test_nothing_is_linked_by_itself(self, world: World) -> None:
        portal = await open_portal(world)
        email = world.email("nina")
        client = await world.client(portal.owner, given_name="Nina", family_name="Newcomer", email=email)
        await prospect(world, portal, email=email)
        assert await profiles(await world.sign_in(portal.slug, email)) == []
        assert (await portal.owner.get(f"/v1/clients/{client['id']}")).json()["portal_state"] == "none"

    async def test_looking_at_them_is_recorded(self, world: World) -> None:
        portal = await open_portal(world)
        client = await world.client(portal.owner, given_name="Nina", family_name="Newcomer")
        await now_of(portal, await prospect(world, portal))
        seen = await all_of(world, portal, select(Event.client_ids).where(Event.type == "prospect.viewed"))
        assert [[str(client_id) for client_id in ids] for ids in seen] == [[client["id"]]]


class TestVerify:
    async def test_staff_verify_with_who_when_and_why(self, world: World) -> None:
        """F4.M3, F4.B2, A06"""
        portal = await open_portal(world)
        found = await prospect(world, portal, verified=False)
        answer = await act(portal, found, "verify", {"reason": "Read her address out on the phone"})
        assert answer.json() == IsPartialDict(
            state="verified", email_verification="staff", email_verified_by=portal.owner.account["id"]
        )
        [reason] = await all_of(world, portal, select(Event.reason).where(Event.type == "email.vouched"))
        assert reason == "Read her address out on the phone"
        account = select(Account).where(Account.id == UUID(found["account_id"]))
        assert (await all_of(world, portal, account))[0].self_verified is False

    async def test_the_holders_own_proof_counts_for_more(self, world: World) -> None:
        """A06"""
        portal = await open_portal(world)
        found = await prospect(world, portal, verified=False)
        await act(portal, found, "verify")
        await verify_as_holder(world, portal, found["email"])
        assert (await now_of(portal, found))["email_verification"] == "self"

    async def test_it_is_done_once(self, world: World) -> None:
        portal = await open_portal(world)
        again = await act(portal, await prospect(world, portal), "verify")
        assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "invalid_state", "verified")


class TestVerifyFromTheClientList:
    async def test_a_clients_own_login_is_verified(self, world: World) -> None:
        """F4.M3"""
        portal = await open_portal(world)
        found = await prospect(world, portal)
        client = (await act(portal, found, "create-client")).json()
        path = f"/v1/clients/{client['id']}/verify-email"
        assert (await portal.owner.post(path)).json()["code"] == "invalid_state"
        await change(world, portal, update(Account).values(email_verified_at=None))
        answer = await portal.owner.post(path, {"reason": "Known for years"})
        assert answer.json() == IsPartialDict(
            email=found["email"], email_verification="staff", email_verified_by=portal.owner.account["id"]
        )

    async def test_without_a_login_there_is_nothing_to_verify(self, world: World) -> None:
        portal = await open_portal(world)
        client = await world.client(portal.owner)
        answer = await portal.owner.post(f"/v1/clients/{client['id']}/verify-email")
        assert (answer.status_code, answer.json()["code"]) == (409, "no_login")
        assert (await portal.owner.post(f"/v1/clients/{STRANGER}/verify-email")).status_code == 404


class TestCreateClient:
    async def test_an_empty_body_takes_what_the_person_entered(self, world: World) -> None:
        """F5.M3, F5.M5"""
        portal = await open_portal(world)
        found = await prospect(world, portal, phone="+1 415 555 2671", date_of_birth="1990-04-01")
        nina = await world.sign_in(portal.slug, found["email"])
        answer = await act(portal, found, "create-client")
        assert answer.status_code == 201
        client = answer.json()
        assert client == IsPartialDict(
            given_name="Nina",
            family_name="Newcomer",
            email=found["email"],
            phone="+14155552671",
            date_of_birth="1990-04-01",
            portal_state="active",
        )
        assert await profiles(nina) == [client["id"]]
        assert await now_of(portal, found) == IsPartialDict(
            state="converted", client_id=client["id"], decided_by=portal.owner.account["id"]
        )
        assert await events_of(world, portal, found) == ["prospect.created", "prospect.converted"]

    async def test_fields_of_the_body_stand_instead(self, world: World) -> None:
        portal = await open_portal(world)
        found = await prospect(world, portal, phone="+1 415 555 2671")
        body = {
            "given_name": "Antonina",
            "phone": None,
            "practitioner_ids": [portal.practice.staff_id],
            "external_ids": {"ehr": "P-1", "lab": None},
        }
        client = (await act(portal, found, "create-client", body)).json()
        assert client == IsPartialDict(
            given_name="Antonina",
            family_name="Newcomer",
            phone=None,
            practitioner_ids=[portal.practice.staff_id],
            external_ids={"ehr": "P-1"},
        )

    @pytest.mark.parametrize("body", [{"given_name": None}, {"practitioner_ids": [STRANGER]}, {"portal_state": "none"}])
    async def test_what_no_client_may_have_is_refused(self, world: World, body: dict[str, Any]) -> None:
        portal = await open_portal(world)
        found = await prospect(world, portal)
        answer = await act(portal, found, "create-client", body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(body))}"
        assert (await now_of(portal, found))["state"] == "verified"
        assert (await portal.owner.get("/v1/clients")).json()["data"] == []

    async def test_the_person_is_told(self, world: World) -> None:
        portal = await open_portal(world)
        found = await prospect(world, portal)
        await act(portal, found, "create-client")
        mail = await world.mail(found["email"], "is ready")
        assert f"https://{portal.slug}.portal.test/sign-in" in (mail.text or "")

    async def test_an_unverified_prospect_is_not_let_in(self, world: World) -> None:
        portal = await open_portal(world)
        found = await prospect(world, portal, verified=False)
        client = await world.client(portal.owner)
        answers = [await act(portal, found, "create-client")]
        answers += [await act(portal, found, "associate", {"client_id": client["id"]})]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "not_verified")] * 2
        assert len((await portal.owner.get("/v1/clients")).json()["data"]) == 1


class TestAssociate:
    async def test_the_account_acts_for_the_client_from_the_next_request(self, world: World) -> None:
        """A07, F5.M5"""
        portal = await open_portal(world)
        found = await prospect(world, portal)
        nina = await world.sign_in(portal.slug, found["email"])
        client = await world.client(portal.owner)
        assert await profiles(nina) == []
        answer = await act(portal, found, "associate", {"client_id": client["id"]})
        assert answer.json() == IsPartialDict(state="associated", client_id=client["id"])
        assert await profiles(nina) == [client["id"]]
        chart = (await portal.owner.get(f"/v1/clients/{client['id']}")).json()
        assert chart == {**client, "portal_state": "active", "updated_at": chart["updated_at"], "version": 2}
        [step] = await all_of(world, portal, select(PortalAccessChange))
        assert (step.state, str(step.changed_by)) == ("active", portal.owner.account["id"])
        [grant] = await all_of(world, portal, select(ClientGrant))
        assert (grant.source, grant.relationship) == ("association", "self")
        assert "appointments.view" in grant.permissions
        assert "is ready" in (await world.mail(found["email"])).subject

    async def test_it_takes_a_recent_sign_in(self, world: World) -> None:
        """A07: step-up."""
        portal = await open_portal(world)
        found, client = await prospect(world, portal), await world.client(portal.owner)
        await change(world, portal, update(AuthSession).values(authenticated_at=func.now() - timedelta(hours=1)))
        answer = await act(portal, found, "associate", {"client_id": client["id"]})
        assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
        assert (await now_of(portal, found))["state"] == "verified"

    async def test_a_client_with_a_login_is_left_alone(self, world: World) -> None:
        """F5.M4"""
        portal = await open_portal(world)
        first, second = await prospect(world, portal), await prospect(world, portal)
        client = (await act(portal, first, "create-client")).json()
        answer = await act(portal, second, "associate", {"client_id": client["id"]})
        assert (answer.status_code, answer.json()["code"]) == (409, "already_linked")
        assert "create_client" in answer.json()["choices"]
        assert (await now_of(portal, second))["state"] == "verified"
        assert await profiles(await world.sign_in(portal.slug, second["email"])) == []
        assert (await candidates(portal, second))[0]["has_login"] is True

    async def test_an_archived_client_is_refused_and_a_foreign_one_unknown(self, world: World) -> None:
        portal, elsewhere = await open_portal(world), await open_portal(world)
        found = await prospect(world, portal)
        archived, foreign = await world.client(portal.owner), await world.client(elsewhere.owner)
        await portal.owner.post(f"/v1/clients/{archived['id']}/archive")
        answer = await act(portal, found, "associate", {"client_id": archived["id"]})
        assert (answer.status_code, answer.json()["state"]) == (409, "archived")
        for unknown in (foreign["id"], STRANGER):
            assert (await act(portal, found, "associate", {"client_id": unknown})).status_code == 404

    async def test_open_invitations_of_the_client_end(self, world: World) -> None:
        portal = await open_portal(world)
        found, client = await prospect(world, portal), await world.client(portal.owner)
        async with world.tools.database.session(Binding.system(UUID(portal.practice.id))) as session:
            owner = UUID(portal.owner.account["id"])
            session.add(
                Invitation(
                    client_id=UUID(client["id"]),
                    email="x@harbor.example",
                    email_norm="x@harbor.example",
                    secret_hash=b"x",
                    expires_at=await session.scalar(select(func.now() + timedelta(days=1))),
                    created_by=owner,
                )
            )
        await act(portal, found, "associate", {"client_id": client["id"]})
        assert await all_of(world, portal, select(Invitation.id).where(Invitation.revoked_at.is_(None))) == []

    async def test_of_two_admins_one_wins(self, world: World) -> None:
        """A07: also when one makes a client while the other associates."""
        portal = await open_portal(world)
        found = await prospect(world, portal)
        clients = [await world.client(portal.owner) for _ in range(3)]
        answers = await asyncio.gather(
            act(portal, found, "create-client"),
            *(act(portal, found, "associate", {"client_id": client["id"]}) for client in clients),
        )
        assert sorted(answer.status_code for answer in answers)[1:] == [409] * 3
        assert len(await all_of(world, portal, select(ClientGrant.id))) == 1

    async def test_of_two_prospects_one_gets_the_client(self, world: World) -> None:
        portal = await open_portal(world)
        people = [await prospect(world, portal) for _ in range(3)]
        client = await world.client(portal.owner)
        answers = await asyncio.gather(
            *(act(portal, found, "associate", {"client_id": client["id"]}) for found in people)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
        codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
        assert codes == {"already_linked"}


class TestDissociate:
    @pytest.mark.parametrize("verb", ["create-client", "associate"])
    async def test_the_access_ends_and_the_record_stays(self, world: World, verb: str) -> None:
        """A07, F5.M6: gone on the next request, the sessions with it."""
        portal = await open_portal(world)
        found = await prospect(world, portal)
        nina = await world.sign_in(portal.slug, found["email"])
        client_id = (await world.client(portal.owner))["id"]
        body = {"client_id": client_id} if verb == "associate" else None
        answer = (await act(portal, found, verb, body)).json()
        client_id = answer["client_id"] if verb == "associate" else answer["id"]
        undone = await act(portal, found, "dissociate")
        assert undone.json() == IsPartialDict(state="verified", client_id=None, decided_at=None, decided_by=None)
        assert (await nina.get("/v1/clients")).json()["code"] == "session_ended"
        assert await profiles(await world.sign_in(portal.slug, found["email"])) == []
        assert (await portal.owner.get(f"/v1/clients/{client_id}")).json()["portal_state"] == "revoked"

    async def test_it_can_be_associated_again(self, world: World) -> None:
        portal = await open_portal(world)
        found = await prospect(world, portal)
        wrong, right = await world.client(portal.owner), await world.client(portal.owner)
        for client in (wrong, right, wrong):
            answer = await act(portal, found, "associate", {"client_id": client["id"]})
            assert answer.json()["client_id"] == client["id"]
            nina = await world.sign_in(portal.slug, found["email"])
            assert await profiles(nina) == [client["id"]]
            assert (await act(portal, found, "dissociate")).status_code == 200
        assert (await events_of(world, portal, found))[-2:] == ["prospect.associated", "prospect.dissociated"]

    async def test_others_who_act_for_the_client_keep_their_access(self, world: World) -> None:
        portal = await open_portal(world)
        parent, wrong = await prospect(world, portal), await prospect(world, portal)
        client = await world.client(portal.owner)
        async with world.tools.database.session(Binding.system(UUID(portal.practice.id))) as session:
            session.add(
                ClientGrant(
                    account_id=UUID(parent["account_id"]),
                    client_id=UUID(client["id"]),
                    relationship="parent",
                    permissions=[],
                    source="guardian",
                )
            )
        await act(portal, wrong, "associate", {"client_id": client["id"]})
        await act(portal, wrong, "dissociate")
        assert await profiles(await world.sign_in(portal.slug, parent["email"])) == [client["id"]]

    async def test_a_day_later_it_stands(self, world: World) -> None:
        portal = await open_portal(world)
        found = await prospect(world, portal)
        await act(portal, found, "create-client")
        await change(world, portal, update(Prospect).values(decided_at=func.now() - timedelta(hours=25)))
        answer = await act(portal, found, "dissociate")
        assert (answer.status_code, answer.json()["code"]) == (409, "invalid_state")
        assert (await now_of(portal, found))["state"] == "converted"

    async def test_no_mail_says_that_access_is_ready_when_it_was_undone_before(self, world: World) -> None:
        portal = await open_portal(world)
        found = await prospect(world, portal)
        await act(portal, found, "create-client")
        await act(portal, found, "dissociate")
        assert [mail.subject for mail in await world.mails(found["email"]) if "is ready" in mail.subject] == []


class TestRejectAndRestore:
    async def test_a_rejection_can_be_taken_back(self, world: World) -> None:
        portal = await open_portal(world)
        for verified, state in ((False, "new"), (True, "verified")):
            found = await prospect(world, portal, verified=verified)
            rejected = (await act(portal, found, "reject", {"reason": "Spam"})).json()
            assert rejected == IsPartialDict(state="rejected", decided_by=portal.owner.account["id"])
            restored = (await act(portal, found, "restore")).json()
            assert restored == IsPartialDict(state=state, decided_at=None, decided_by=None)
            assert await events_of(world, portal, found) == [
                "prospect.created",
                "prospect.rejected",
                "prospect.restored",
            ]

    @pytest.mark.parametrize(
        ("done", "refused"),
        [
            ([], ["restore", "dissociate"]),
            (["reject"], ["verify", "create-client", "associate", "reject", "dissociate"]),
            (["create-client"], ["verify", "create-client", "associate", "reject", "restore"]),
        ],
    )
    async def test_a_move_that_does_not_exist_is_refused(
        self, world: World, done: list[str], refused: list[str]
    ) -> None:
        """F5.M1"""
        portal = await open_portal(world)
        found, client = await prospect(world, portal), await world.client(portal.owner)
        for verb in done:
            assert (await act(portal, found, verb)).is_success
        state = (await now_of(portal, found))["state"]
        for verb in refused:
            answer = await act(portal, found, verb, {"client_id": client["id"]} if verb == "associate" else None)
            assert (answer.status_code, answer.json()["code"]) == (409, "invalid_state"), verb
            assert answer.json()["state"] == state

    async def test_a_retry_with_the_same_key_does_it_once(self, world: World) -> None:
        """F5.M5"""
        portal = await open_portal(world)
        path = f"/v1/prospects/{(await prospect(world, portal))['id']}/create-client"
        headers = {"Idempotency-Key": path}
        first = await portal.owner.post(path, {}, headers=headers)
        again = await portal.owner.post(path, {}, headers=headers)
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert len((await portal.owner.get("/v1/clients")).json()["data"]) == 1


class TestExpiry:
    @staticmethod
    async def run(world: World, portal: Portal) -> None:
        practice_id = UUID(portal.practice.id)
        async with world.tools.database.session(Binding.system(practice_id)) as session:
            await world.tools.queue.defer(session, "prospects.expire", practice_id)
        await world.run_jobs()

    async def test_who_does_not_verify_in_thirty_days_expires_and_can_be_restored(self, world: World) -> None:
        """F4.B4, F5.M1"""
        portal = await open_portal(world)
        overdue, verified = await prospect(world, portal, verified=False), await prospect(world, portal)
        month_ago = update(Prospect).values(open_since=func.now() - timedelta(days=31))
        await change(world, portal, month_ago)
        fresh = await prospect(world, portal, verified=False)
        await self.run(world, portal)
        states = [(await now_of(portal, found))["state"] for found in (overdue, verified, fresh)]
        assert states == ["expired", "verified", "new"]
        assert (await act(portal, overdue, "restore")).json()["state"] == "new"
        await self.run(world, portal)
        assert (await now_of(portal, overdue))["state"] == "new"

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows  # the directory of all practices
    async def test_every_practice_has_its_turn(self, world: World) -> None:
        portals = [await open_portal(world) for _ in range(2)]
        people = [await prospect(world, portal, verified=False) for portal in portals]
        for portal in portals:
            await change(world, portal, update(Prospect).values(open_since=func.now() - timedelta(days=31)))
        settings = world.tools.settings
        await daily(JobContext(world.tools, SmtpMailer(settings.smtp_url, settings.mail_from)))
        await world.run_jobs()
        states = [(await now_of(*pair))["state"] for pair in zip(portals, people, strict=True)]
        assert states == ["expired", "expired"]

    async def test_the_holder_of_an_expired_signup_can_still_ask_again(self, world: World) -> None:
        portal = await open_portal(world)
        found = await prospect(world, portal, verified=False)
        await change(world, portal, update(Prospect).values(open_since=func.now() - timedelta(days=31)))
        await self.run(world, portal)
        assert (await sign_up(world, portal, found["email"])).status_code == 202
        assert (await now_of(portal, found))["state"] == "expired"
