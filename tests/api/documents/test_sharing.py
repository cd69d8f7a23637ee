"""Who sees which document, until when, and who has opened it (F9.M5 to F9.M7, F9.B5)."""

import io
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from portal_api.core.access import Role
from tests.api.documents.shelf import MINE, OURS, PDF, STAFFS, TEXT, Shelf, made, open_shelf
from tests.people import client_login, colleague, grant, guardian
from tests.world import Caller, World

RESOURCES = "/v1/me/practice-documents"
ACTORS = "SELECT actor_id::text FROM event WHERE practice_id = %s AND type"
Sql = Callable[..., list[Any]]


@pytest.fixture
async def shelf(world: World) -> Shelf:
    return await open_shelf(world)


async def listed(caller: Caller, path: str = MINE, **query: Any) -> list[str]:
    response = await caller.get(path, params=query)
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()["data"]]


async def is_hidden(caller: Caller, document_id: str) -> bool:
    """Whether it is not there by any route, as one that never was (F9.M7)."""
    ways = [
        await caller.get(f"{MINE}/{document_id}"),
        await caller.get(f"{MINE}/{document_id}/content"),
        await caller.post(f"{MINE}/{document_id}/content-url"),
        await caller.get(f"{MINE}/archive", params={"ids": document_id}),
        await caller.delete(f"{MINE}/{document_id}"),
        await caller.post(f"{MINE}/{document_id}/withdraw"),
    ]
    return {way.status_code for way in ways} == {404} and document_id not in await listed(caller)


class TestSharing:
    async def test_shared_and_taken_back(self, shelf: Shelf) -> None:
        document = await shelf.put()
        path = f"{STAFFS}/{document['id']}"
        assert await is_hidden(shelf.client, document["id"])
        shared = await shelf.owner.post(f"{path}/share")
        assert (shared.status_code, shared.json()["shared_at"] is not None) == (200, True)
        assert await listed(shelf.client) == [document["id"]]
        assert (await shelf.client.get(f"{MINE}/{document['id']}/content")).content == PDF
        assert (await shelf.owner.post(f"{path}/unshare")).json()["shared_at"] is None
        assert await is_hidden(shelf.client, document["id"])
        assert (await shelf.owner.get(f"{path}/content")).content == PDF

    async def test_said_again_it_is_as_it_was(self, shelf: Shelf, sql: Sql) -> None:
        """F9.M6: the same answer, and nobody is told twice."""
        document = await shelf.put()
        path = f"{STAFFS}/{document['id']}"
        for verb in ("share", "unshare"):
            first, again = await shelf.owner.post(f"{path}/{verb}"), await shelf.owner.post(f"{path}/{verb}")
            assert (first.status_code, again.status_code) == (200, 200)
            assert again.json() == first.json()
            told = sql(
                "SELECT count(*) FROM event WHERE resource_id = %s AND type = %s", document["id"], f"document.{verb}d"
            )
            assert told == [(1,)]

    async def test_a_client_never_takes_back_what_the_practice_gave(self, shelf: Shelf) -> None:
        document = await shelf.put(shared=True)
        for response in (
            await shelf.client.delete(f"{MINE}/{document['id']}"),
            await shelf.client.post(f"{MINE}/{document['id']}/withdraw"),
        ):
            assert (response.status_code, response.json()["code"]) == (403, "forbidden")

    async def test_staff_see_those_of_their_clients_alone(self, shelf: Shelf) -> None:
        document = await shelf.put()
        path = f"{STAFFS}/{document['id']}"
        stranger, staff_id = await colleague(shelf.world, shelf.practice, Role.PRACTITIONER)
        ways = [
            await stranger.get(path),
            await stranger.get(f"{path}/content"),
            await stranger.get(f"{path}/views"),
            await stranger.post(f"{path}/content-url"),
            await stranger.post(f"{path}/share"),
            await stranger.patch(path, {"title": "Mine"}),
            await stranger.delete(path),
            await stranger.get(shelf.of_client),
            await stranger.get(f"{shelf.of_client}/archive", params={"ids": document["id"]}),
        ]
        assert {way.status_code for way in ways} == {404}
        assign = {"practitioner_ids": [staff_id]}
        assert (await shelf.owner.patch(f"/v1/clients/{shelf.client_id}", assign)).status_code == 200
        assert (await stranger.get(f"{path}/content")).content == PDF

    @pytest.mark.parametrize("role", [Role.BILLER, Role.SCHEDULER, Role.FORMS_ADMIN])
    async def test_billing_and_scheduling_see_none(self, role: Role, shelf: Shelf) -> None:
        document = await shelf.put()
        caller, _ = await colleague(shelf.world, shelf.practice, role)
        assert (await caller.get(f"{STAFFS}/{document['id']}/content")).status_code == 403
        assert (await caller.get(shelf.of_client)).status_code == 403

    async def test_lists_are_paged_and_filtered(self, shelf: Shelf) -> None:
        cards = [await shelf.upload(purpose="insurance_card") for _ in range(3)]
        other = await shelf.put()
        newest_first = [other["id"], *(card["id"] for card in reversed(cards))]
        assert await listed(shelf.owner, shelf.of_client) == newest_first
        assert await listed(shelf.owner, shelf.of_client, purpose="insurance_card") == newest_first[1:]
        assert await listed(shelf.owner, shelf.of_client, state="quarantined") == []
        assert await listed(shelf.client, purpose="insurance_card") == newest_first[1:]
        first = (await shelf.client.get(MINE, params={"limit": 2})).json()
        rest = (await shelf.client.get(MINE, params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert [each["id"] for each in first["data"] + rest["data"]] == newest_first[1:]


class TestGuardians:
    """F6.M3, F6.B3: each sees what is shared, and what they gave themselves."""

    async def test_one_without_the_permission_sees_nothing_shared(self, shelf: Shelf) -> None:
        document = await shelf.put(shared=True)
        without = await guardian(shelf.world, shelf.practice, shelf.client_id, "appointments.view")
        assert (await without.get(MINE)).status_code == 403
        assert (await without.get(f"{MINE}/{document['id']}/content")).status_code == 404

    async def test_none_sees_what_another_has_given(self, shelf: Shelf) -> None:
        mother, father = [await guardian(shelf.world, shelf.practice, shelf.client_id) for _ in range(2)]
        document = made(await shelf.send(mother, MINE))
        assert await listed(mother) == [document["id"]]
        assert await is_hidden(father, document["id"])
        assert await is_hidden(shelf.client, document["id"])
        await shelf.owner.post(f"{STAFFS}/{document['id']}/share")
        assert await listed(father) == await listed(shelf.client) == [document["id"]]
        assert (await father.delete(f"{MINE}/{document['id']}")).status_code == 403

    async def test_what_is_confidential_is_the_clients_alone(self, shelf: Shelf) -> None:
        parent = await guardian(shelf.world, shelf.practice, shelf.client_id)
        document = await shelf.put(shared=True, confidential=True)
        assert await listed(shelf.client) == [document["id"]]
        assert await is_hidden(parent, document["id"])
        opened = await shelf.owner.patch(f"{STAFFS}/{document['id']}", {"confidential": False})
        assert (opened.status_code, await listed(parent)) == (200, [document["id"]])

    async def test_only_the_client_can_keep_something_from_guardians(self, shelf: Shelf) -> None:
        parent = await guardian(shelf.world, shelf.practice, shelf.client_id)
        assert (await shelf.send(parent, MINE, confidential=True)).status_code == 403
        assert (await shelf.upload(confidential=True))["confidential"] is True

    async def test_a_siblings_document_is_not_there(self, shelf: Shelf) -> None:
        """A11: a grant for one child opens nothing of another."""
        parent = await guardian(shelf.world, shelf.practice, shelf.client_id)
        sibling = await shelf.world.client(shelf.owner)
        theirs = made(await shelf.send(shelf.owner, f"/v1/clients/{sibling['id']}/documents", shared=True))
        assert await is_hidden(parent, theirs["id"])
        held = ("documents.view",)
        await grant(shelf.world, shelf.practice, parent.account["id"], sibling["id"], "parent", held)
        assert await listed(parent) == await listed(parent, client_id=sibling["id"]) == [theirs["id"]]
        assert await listed(parent, client_id=shelf.client_id) == []


class TestTakingBack:
    async def test_an_own_upload_can_be_deleted_until_staff_open_it(self, shelf: Shelf) -> None:
        """F9.M6."""
        document, other = await shelf.upload(), await shelf.upload()
        assert (await shelf.client.delete(f"{MINE}/{document['id']}")).status_code == 204
        assert await is_hidden(shelf.client, document["id"])
        assert (await shelf.owner.get(f"{STAFFS}/{document['id']}")).status_code == 404
        assert (await shelf.owner.get(f"{STAFFS}/{other['id']}")).json()["opened_by_staff_at"] is None
        assert (await shelf.owner.get(f"{STAFFS}/{other['id']}/content")).status_code == 200
        seen = (await shelf.client.get(f"{MINE}/{other['id']}")).json()
        assert (seen["own"], seen["removable"]) == (True, False)
        refused = await shelf.client.delete(f"{MINE}/{other['id']}")
        assert (refused.status_code, refused.json()["code"]) == (409, "already_opened")

    async def test_then_it_can_be_withdrawn_and_the_practice_keeps_it(self, shelf: Shelf) -> None:
        document = await shelf.upload()
        await shelf.owner.get(f"{STAFFS}/{document['id']}/content")
        response = await shelf.client.post(f"{MINE}/{document['id']}/withdraw")
        assert (response.status_code, response.json()["removable"]) == (200, False)
        assert await is_hidden(shelf.client, document["id"])
        kept = (await shelf.owner.get(f"{STAFFS}/{document['id']}")).json()
        assert kept["withdrawn_at"] is not None
        assert (await shelf.owner.get(f"{STAFFS}/{document['id']}/content")).content == PDF
        shared = await shelf.owner.post(f"{STAFFS}/{document['id']}/share")
        assert (shared.status_code, shared.json()["state"]) == (409, "withdrawn")

    async def test_opening_it_oneself_changes_nothing(self, shelf: Shelf) -> None:
        document = await shelf.upload()
        await shelf.client.get(f"{MINE}/{document['id']}/content")
        assert (await shelf.client.delete(f"{MINE}/{document['id']}")).status_code == 204


class TestReceipts:
    async def test_who_has_opened_it_and_how_often(self, shelf: Shelf, sql: Sql) -> None:
        document = await shelf.put(shared=True)
        views = f"{STAFFS}/{document['id']}/views"
        assert (await shelf.owner.get(views)).json()["data"] == []
        parent = await guardian(shelf.world, shelf.practice, shelf.client_id)
        for caller, times in ((shelf.client, 2), (parent, 1)):
            for _ in range(times):
                assert (await caller.get(f"{MINE}/{document['id']}/content")).status_code == 200
        await shelf.owner.get(f"{STAFFS}/{document['id']}/content")
        receipts = {each["account_id"]: each for each in (await shelf.owner.get(views)).json()["data"]}
        assert {account: (each["kind"], each["views"]) for account, each in receipts.items()} == {
            shelf.client.account["id"]: ("client", 2),
            parent.account["id"]: ("client", 1),
            shelf.owner.account["id"]: ("staff", 1),
        }
        events = sql(
            "SELECT actor_id::text FROM event WHERE type = 'document.viewed' AND resource_id = %s", document["id"]
        )
        assert len(events) == 4
        assert {actor for (actor,) in events} == receipts.keys()

    async def test_what_was_not_given_out_was_not_opened(self, shelf: Shelf, sql: Sql) -> None:
        document = await shelf.put(shared=True)
        sql("UPDATE stored_file SET state = 'scanning' WHERE practice_id = %s", shelf.practice.id)
        refused = await shelf.client.get(f"{MINE}/{document['id']}/content")
        assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "not_ready", "scanning")
        assert (await shelf.owner.get(f"{STAFFS}/{document['id']}/views")).json()["data"] == []

    async def test_lists_are_recorded_too(self, shelf: Shelf, sql: Sql) -> None:
        await shelf.upload()
        await shelf.owner.get(shelf.of_client)
        actors = sql(
            "SELECT actor_id::text FROM event WHERE type = 'documents.listed' AND practice_id = %s", shelf.practice.id
        )
        assert actors == [(shelf.owner.account["id"],)]


class TestArchives:
    async def test_several_at_once(self, shelf: Shelf, sql: Sql) -> None:
        documents = [
            await shelf.put(PDF, "report.pdf", shared=True),
            await shelf.put(TEXT, "Report.txt", shared=True),
            await shelf.upload(PDF.ljust(200_000), "report.pdf"),
        ]
        ids = ",".join(each["id"] for each in documents)
        for caller, path in ((shelf.client, f"{MINE}/archive"), (shelf.owner, f"{shelf.of_client}/archive")):
            response = await caller.get(path, params={"ids": ids})
            assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
            archive = zipfile.ZipFile(io.BytesIO(response.content))
            assert archive.testzip() is None
            assert {name: archive.read(name) for name in archive.namelist()} == {
                "report.pdf": PDF,
                "Report.txt": TEXT,
                "report (2).pdf": PDF.ljust(200_000),
            }
        views = (await shelf.owner.get(f"{STAFFS}/{documents[2]['id']}/views")).json()["data"]
        assert {each["kind"] for each in views} == {"client", "staff"}
        query = "SELECT details -> 'document_ids' FROM event WHERE type = 'documents.downloaded' AND practice_id = %s"
        assert sql(query, shelf.practice.id) == [(ids.split(","),)] * 2

    @pytest.mark.parametrize("whose", ["nobody's", "another client's", "not shared", "another practice's"])
    async def test_one_that_is_not_there_refuses_them_all(self, whose: str, shelf: Shelf, sql: Sql) -> None:
        """F9.M7: bulk download with a foreign id."""
        mine = await shelf.upload()
        other = await shelf.world.client(shelf.owner)
        ids = {
            "nobody's": {"id": str(uuid4())},
            "another client's": made(
                await shelf.send(shelf.owner, f"/v1/clients/{other['id']}/documents", shared=True)
            ),
            "not shared": await shelf.put(),
            "another practice's": await (await open_shelf(shelf.world)).put(shared=True),
        }
        query = {"ids": [mine["id"], ids[whose]["id"]]}
        response = await shelf.client.get(f"{MINE}/archive", params=query)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
        staffs = await shelf.owner.get(f"{shelf.of_client}/archive", params=query)
        assert staffs.status_code == (200 if whose == "not shared" else 404)
        denied = sql(
            "SELECT actor_id::text FROM event WHERE type = 'access.denied' AND practice_id = %s", shelf.practice.id
        )
        assert (shelf.client.account["id"],) in denied
        views = (await shelf.owner.get(f"{STAFFS}/{mine['id']}/views")).json()["data"]
        assert [each["kind"] for each in views] == (["staff"] if whose == "not shared" else [])

    @pytest.mark.parametrize("ids", ["", "nonsense", ",".join(str(uuid4()) for _ in range(101))])
    async def test_ids_that_are_none_are_422(self, ids: str, shelf: Shelf) -> None:
        assert (await shelf.client.get(f"{MINE}/archive", params={"ids": ids})).status_code == 422
        assert (await shelf.client.get(f"{MINE}/archive")).status_code == 422

    async def test_one_that_is_not_ready_is_said(self, shelf: Shelf, sql: Sql) -> None:
        document = await shelf.upload()
        sql("UPDATE stored_file SET state = 'scanning' WHERE practice_id = %s", shelf.practice.id)
        response = await shelf.client.get(f"{MINE}/archive", params={"ids": document["id"]})
        assert (response.status_code, response.json()["code"]) == (409, "not_ready")


class TestOfThePractice:
    async def test_shared_with_every_client_or_with_none(self, shelf: Shelf) -> None:
        document = await shelf.provide(shared=False, title="How to find us", description="By bus and on foot.")
        second = await client_login(shelf.world, shelf.practice, (await shelf.world.client(shelf.owner))["id"])
        assert await listed(shelf.client, RESOURCES) == []
        assert (await shelf.client.get(f"{RESOURCES}/{document['id']}/content")).status_code == 404
        changed = await shelf.owner.patch(f"{OURS}/{document['id']}", {"shared": True})
        assert (changed.status_code, changed.json()["shared"]) == (200, True)
        for client in (shelf.client, second):
            assert await listed(client, RESOURCES) == [document["id"]]
            assert (await client.get(f"{RESOURCES}/{document['id']}/content")).content == PDF
            seen = (await client.get(f"{RESOURCES}/{document['id']}")).json()
            assert (seen["title"], seen["description"]) == ("How to find us", "By bus and on foot.")
        await shelf.owner.patch(f"{OURS}/{document['id']}", {"shared": False})
        assert (await shelf.client.get(f"{RESOURCES}/{document['id']}")).status_code == 404

    async def test_every_role_reads_them(self, shelf: Shelf) -> None:
        document = await shelf.provide()
        biller, _ = await colleague(shelf.world, shelf.practice, Role.BILLER)
        assert await listed(biller, OURS) == [document["id"]]
        assert (await biller.get(f"{OURS}/{document['id']}/content")).content == PDF
        assert (await biller.delete(f"{OURS}/{document['id']}")).status_code == 403

    async def test_changed_and_deleted(self, shelf: Shelf) -> None:
        document = await shelf.provide()
        path = f"{OURS}/{document['id']}"
        stale = await shelf.owner.patch(path, {"title": "x"}, headers={"If-Match": '"v9"'})
        assert (stale.status_code, stale.json()["current"]["id"]) == (412, document["id"])
        assert (await shelf.owner.patch(path, {"title": None})).status_code == 422
        assert (await shelf.owner.patch(path, {"description": None})).status_code == 200
        assert (await shelf.owner.delete(path)).status_code == 204
        assert (await shelf.owner.get(path)).status_code == 404
