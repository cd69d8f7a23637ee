"""The audit trail over HTTP: complete, searchable, and a client's own view of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import make_url, select

from portal_api.core.db import Binding
from portal_api.core.ids import new_id
from portal_api.models.auth import Account
from portal_api.models.clients import ClientGrant
from portal_api.models.portal import PortalSettings
from tests.entry import client_login, open_practice
from tests.world import Caller, Practice, World, hash_of_password, let_in


@pytest.fixture
async def practice(world: World) -> AsyncIterator[Practice]:
    yield await world.practice()


async def events(by: Caller, **filters: Any) -> list[dict[str, Any]]:
    response = await by.get("/v1/audit-events", params={"limit": 100, **filters})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["data"]
    return found


async def portal_account(world: World, practice: Practice, *client_ids: str) -> Caller:
    """Somebody who may act for the clients, signed in."""
    email = world.email("client")
    account = Account(
        id=new_id(), kind="client", email=email, email_norm=email, given_name="Grace", family_name="Client"
    )
    account.password_hash = await hash_of_password(world.tools)
    async with world.tools.database.session(Binding.system(UUID(practice.id))) as session:
        (await session.execute(select(PortalSettings))).scalar_one().enabled = True
        session.add(account)
        await session.flush()
        session.add_all(
            ClientGrant(
                account_id=account.id,
                client_id=UUID(client_id),
                relationship="parent",
                permissions=[],
                source="guardian",
            )
            for client_id in client_ids
        )
    return await let_in(world.app, world.http, practice.id, account.id)


@contextmanager
def refused_by_the_database(cluster: str, database_url: str, practice: Practice, type: str) -> Iterator[None]:
    """While it lasts, this practice's events of the type cannot be inserted."""
    url = make_url(cluster).set(drivername="postgresql", database=make_url(database_url).database)
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as superuser:
        check = f"CHECK (type <> '{type}' OR practice_id <> '{practice.id}')"
        superuser.execute(f"ALTER TABLE event ADD CONSTRAINT refused {check} NOT VALID")  # type: ignore[arg-type]
        try:
            yield
        finally:
            superuser.execute("ALTER TABLE event DROP CONSTRAINT refused")


class TestList:
    async def test_it_says_who_did_what_to_what_from_where(self, practice: Practice, world: World) -> None:
        """F18.M1"""
        client = await world.client(practice.owner)
        await practice.owner.patch(f"/v1/clients/{client['id']}", {"pronouns": "they"})
        (event,) = await events(practice.owner, type="client.updated")
        assert event["actor_name"] == "Ada Harbor"
        assert event["actor_kind"] == "staff"
        assert event["actor_id"] == practice.owner.account["id"]
        assert (event["resource_type"], event["resource_id"]) == ("client", client["id"])
        assert event["client_ids"] == [client["id"]]
        assert event["changed"] == ["pronouns"]
        assert event["outcome"] == "success"
        assert event["request_id"]
        assert event["ip"]
        assert "they" not in str(event)

    async def test_who_signs_in_or_accepts_is_named(self, world: World) -> None:
        """F18.M1: from the moment when they have shown whose account it is."""
        practice = await open_practice(world)
        client, caller = await client_login(world, practice)
        (accepted,) = await events(practice.owner, type="invitation.accepted")
        assert (accepted["actor_kind"], accepted["actor_id"]) == ("client", caller.account["id"])
        assert accepted["on_behalf_of"] == client["id"]
        await world.sign_in(practice.id, client["email"])
        (entered,) = await events(practice.owner, type="login.succeeded", actor_id=caller.account["id"])
        assert (entered["actor_kind"], entered["actor_name"]) == ("client", accepted["actor_name"])

    async def test_reading_it_is_recorded(self, practice: Practice) -> None:
        await events(practice.owner, type="login.succeeded")
        (reading,) = await events(practice.owner, type="audit.listed")
        assert reading["actor_id"] == practice.owner.account["id"]
        assert "type" in reading["details"]["filters"]

    async def test_pages_follow_each_other_without_gap_or_repetition(self, practice: Practice, world: World) -> None:
        for _ in range(4):
            await world.client(practice.owner)
        query: dict[str, Any] = {"limit": 3, "type": "client.created"}
        first = (await practice.owner.get("/v1/audit-events", params=query)).json()
        second = (await practice.owner.get("/v1/audit-events", params=query | {"cursor": first["next_cursor"]})).json()
        ids = [event["id"] for event in first["data"] + second["data"]]
        assert len(ids) == len(set(ids)) == 4
        assert ids == sorted(ids, reverse=True)
        assert second["next_cursor"] is None

    async def test_filters_narrow_it(self, practice: Practice, world: World) -> None:
        """F18.M2: by client, actor, type, outcome and time; sealed or not yet."""
        client, other = await world.client(practice.owner), await world.client(practice.owner)
        await world.seal_audit(practice)
        await practice.owner.get(f"/v1/clients/{client['id']}")
        await practice.owner.get(f"/v1/clients/{other['id']}")
        types = [event["type"] for event in await events(practice.owner, client_id=client["id"])]
        assert types == ["client.viewed", "client.created"]
        mine = await events(practice.owner, actor_id=practice.owner.account["id"])
        assert {event["actor_id"] for event in mine} == {practice.owner.account["id"]}
        assert await events(practice.owner, actor_id=str(new_id())) == []
        assert await events(practice.owner, outcome="denied") == []
        (created, *_) = await events(practice.owner, type="client.created")
        assert await events(practice.owner, type="client.created", to=created["occurred_at"]) != []
        later = await events(practice.owner, type="client.created", **{"from": created["occurred_at"]})
        assert [event["id"] for event in later] == [created["id"]]

    async def test_a_page_about_one_client_goes_over_sealed_and_new_events(
        self, practice: Practice, world: World
    ) -> None:
        client = await world.client(practice.owner)
        await practice.owner.get(f"/v1/clients/{client['id']}")
        await world.seal_audit(practice)
        await practice.owner.post(f"/v1/clients/{client['id']}/archive")
        found, cursor = [], None
        while True:
            query = {"client_id": client["id"], "limit": "1", **({"cursor": cursor} if cursor else {})}
            page = (await practice.owner.get("/v1/audit-events", params=query)).json()
            found += [event["type"] for event in page["data"] if event["type"] != "audit.listed"]
            if (cursor := page["next_cursor"]) is None:
                break
        assert found == ["client.archived", "client.viewed", "client.created"]

    async def test_nothing_of_another_practice_is_in_it(self, practice: Practice, world: World) -> None:
        other = await world.practice()
        foreign = await world.client(other.owner)
        assert await events(practice.owner, client_id=foreign["id"]) == []
        assert not {event["actor_id"] for event in await events(practice.owner)} & {other.owner.account["id"]}

    @pytest.mark.parametrize(
        "query", [{"type": "no type"}, {"outcome": "maybe"}, {"from": "yesterday"}, {"client_id": "1"}, {"x": "1"}]
    )
    async def test_a_filter_that_is_none_is_refused(self, practice: Practice, query: dict[str, str]) -> None:
        response = await practice.owner.get("/v1/audit-events", params=query)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == f"/query/{next(iter(query))}"

    async def test_clients_may_not_read_it_and_the_refusal_is_recorded(self, practice: Practice, world: World) -> None:
        """ASVS 16.3.2"""
        client = await world.client(practice.owner)
        caller = await portal_account(world, practice, client["id"])
        assert (await caller.get("/v1/audit-events")).status_code == 403
        (denial,) = await events(practice.owner, type="access.denied")
        assert denial["outcome"] == "denied"
        assert denial["actor_id"] == caller.account["id"]
        assert denial["details"] == {"code": "forbidden", "route": "/v1/audit-events", "method": "GET"}


class TestReads:
    async def test_fifty_parallel_reads_are_recorded_once_each(self, practice: Practice, world: World) -> None:
        """S42"""
        clients = [await world.client(practice.owner) for _ in range(5)]
        read = [practice.owner.get(f"/v1/clients/{client['id']}") for client in clients for _ in range(10)]
        answers = await asyncio.gather(*read)
        assert {answer.status_code for answer in answers} == {200}
        seen = Counter(tuple(event["client_ids"]) for event in await events(practice.owner, type="client.viewed"))
        assert seen == {(client["id"],): 10 for client in clients}

    async def test_a_list_names_exactly_whom_it_showed(self, practice: Practice, world: World) -> None:
        clients = [await world.client(practice.owner) for _ in range(3)]
        shown = (await practice.owner.get("/v1/clients", params={"limit": 2})).json()["data"]
        (event,) = await events(practice.owner, type="clients.listed")
        assert sorted(event["client_ids"]) == sorted(client["id"] for client in shown)
        assert len(event["client_ids"]) < len(clients)

    async def test_a_read_that_cannot_be_recorded_is_not_answered(
        self, practice: Practice, world: World, cluster: str, database_url: str
    ) -> None:
        client = await world.client(practice.owner)
        other = await world.practice()
        with refused_by_the_database(cluster, database_url, practice, "client.viewed"):
            refused = await practice.owner.get(f"/v1/clients/{client['id']}")
            assert refused.status_code == 503
            assert "given_name" not in refused.text
            mine = await world.client(other.owner)
            assert (await other.owner.get(f"/v1/clients/{mine['id']}")).status_code == 200

    async def test_a_change_that_cannot_be_recorded_does_not_happen(
        self, practice: Practice, cluster: str, database_url: str
    ) -> None:
        with refused_by_the_database(cluster, database_url, practice, "practice.updated"):
            assert (await practice.owner.patch("/v1/practice", {"name": "Unrecorded"})).is_client_error
        assert (await practice.owner.get("/v1/practice")).json()["name"] != "Unrecorded"


class TestAccessHistory:
    async def history(self, by: Caller, **query: Any) -> list[dict[str, Any]]:
        response = await by.get("/v1/me/access-history", params=query)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["data"]
        return found

    async def test_every_staff_read_is_in_it_once_and_nothing_of_other_clients(
        self, practice: Practice, world: World
    ) -> None:
        """F18.B1, S44"""
        mine, other = await world.client(practice.owner), await world.client(practice.owner)
        caller = await portal_account(world, practice, mine["id"])
        for client in (mine, other, mine):
            await practice.owner.get(f"/v1/clients/{client['id']}")
        await practice.owner.get("/v1/clients")
        await world.seal_audit(practice)
        found = await self.history(caller)
        assert [entry["type"] for entry in found] == [
            "clients.listed",
            "client.viewed",
            "client.viewed",
            "client.created",
        ]
        assert {entry["actor_name"] for entry in found} == {"Ada Harbor"}
        assert {tuple(entry["actor_roles"]) for entry in found} == {("owner", "practitioner")}
        assert other["id"] not in str(found)
        assert all(entry["description"].endswith(".") for entry in found)

    async def test_the_parallel_reads_of_many_are_all_in_it(self, practice: Practice, world: World) -> None:
        mine, other = await world.client(practice.owner), await world.client(practice.owner)
        caller = await portal_account(world, practice, mine["id"])
        targets = [mine, other] * 25
        await asyncio.gather(*(practice.owner.get(f"/v1/clients/{client['id']}") for client in targets))
        await world.seal_audit(practice)
        found = await self.history(caller, limit=100)
        assert Counter(entry["type"] for entry in found) == {"client.viewed": 25, "client.created": 1}

    @pytest.mark.parametrize("sealed_before", [True, False])
    async def test_what_was_just_done_is_in_it_before_it_is_sealed(
        self, practice: Practice, world: World, sealed_before: bool
    ) -> None:
        """F18.B1: once, and in its place, whichever part of the chain it stands in."""
        mine, other = await world.client(practice.owner), await world.client(practice.owner)
        caller = await portal_account(world, practice, mine["id"])
        if sealed_before:
            await world.seal_audit(practice)
        for client in (mine, other):
            await practice.owner.get(f"/v1/clients/{client['id']}")
        found = await self.history(caller)
        assert [entry["type"] for entry in found] == ["client.viewed", "client.created"]
        first = (await caller.get("/v1/me/access-history", params={"limit": 1})).json()
        query = {"limit": 1, "cursor": first["next_cursor"]}
        second = (await caller.get("/v1/me/access-history", params=query)).json()
        assert first["data"] + second["data"] == found
        await world.seal_audit(practice)
        assert await self.history(caller) == found

    async def test_it_is_paged(self, practice: Practice, world: World) -> None:
        mine = await world.client(practice.owner)
        caller = await portal_account(world, practice, mine["id"])
        await practice.owner.get(f"/v1/clients/{mine['id']}")
        await world.seal_audit(practice)
        first = (await caller.get("/v1/me/access-history", params={"limit": 1})).json()
        query = {"limit": 1, "cursor": first["next_cursor"]}
        second = (await caller.get("/v1/me/access-history", params=query)).json()
        assert [entry["type"] for entry in first["data"] + second["data"]] == ["client.viewed", "client.created"]
        assert second["next_cursor"] is None

    async def test_who_acts_for_several_says_for_which(self, practice: Practice, world: World) -> None:
        one, two = await world.client(practice.owner), await world.client(practice.owner)
        caller = await portal_account(world, practice, one["id"], two["id"])
        await world.seal_audit(practice)
        refused = await caller.get("/v1/me/access-history")
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/query/client_id"
        (entry,) = await self.history(caller, client_id=two["id"])
        assert entry["type"] == "client.created"

    async def test_another_client_is_not_there(self, practice: Practice, world: World) -> None:
        mine, other = await world.client(practice.owner), await world.client(practice.owner)
        caller = await portal_account(world, practice, mine["id"])
        for client_id in (other["id"], str(new_id())):
            response = await caller.get("/v1/me/access-history", params={"client_id": client_id})
            assert response.status_code == 404

    async def test_staff_have_none(self, practice: Practice) -> None:
        assert (await practice.owner.get("/v1/me/access-history")).status_code == 403
