"""How long documents are kept, and how they go: retention classes, legal holds, disposal, sweeping (F9.B4)."""

import os
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from PIL.PngImagePlugin import PngInfo

from portal_api.core.access import Role
from portal_api.jobs import documents as jobs
from tests.api.documents.shelf import MINE, OURS, PDF, STAFFS, Shelf, made, open_shelf, picture
from tests.api.documents.test_uploads import objects
from tests.people import colleague
from tests.world import World

Sql = Callable[..., list[Any]]


@pytest.fixture
async def shelf(world: World) -> Shelf:
    return await open_shelf(world)


async def tidy(shelf: Shelf) -> None:
    """What a job does each day for this practice."""
    await jobs.tidy(shelf.world.jobs, UUID(shelf.practice.id))


class TestHolds:
    async def test_a_legal_hold_keeps_it_from_everybody(self, shelf: Shelf) -> None:
        document = await shelf.upload()
        path = f"{STAFFS}/{document['id']}"
        held = await shelf.owner.patch(path, {"legal_hold": True})
        assert (held.status_code, held.json()["legal_hold"]) == (200, True)
        for refused in (await shelf.owner.delete(path), await shelf.client.delete(f"{MINE}/{document['id']}")):
            assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
        await shelf.owner.patch(path, {"legal_hold": False})
        assert (await shelf.owner.delete(path)).status_code == 204

    async def test_a_class_keeps_it_for_its_years(self, shelf: Shelf, sql: Sql) -> None:
        document = await shelf.put(retention_class="clinical")
        path = f"{STAFFS}/{document['id']}"
        assert document["retain_until"][:4] == str(int(document["created_at"][:4]) + 10)
        refused = await shelf.owner.delete(path)
        assert (refused.status_code, refused.json()["code"]) == (409, "retained")
        assert refused.json()["retain_until"][:10] == document["retain_until"][:10]
        sql("UPDATE document SET created_at = created_at - interval '10 years' WHERE id = %s", document["id"])
        assert (await shelf.owner.delete(path)).status_code == 204

    async def test_the_practice_says_how_many_years(self, shelf: Shelf) -> None:
        document = await shelf.put(retention_class="administrative")
        await shelf.settings(administrative_years=0)
        assert (await shelf.owner.delete(f"{STAFFS}/{document['id']}")).status_code == 204

    async def test_administration_alone_shortens_it(self, shelf: Shelf) -> None:
        caller, staff_id = await colleague(shelf.world, shelf.practice, Role.PRACTITIONER)
        assign = {"practitioner_ids": [staff_id]}
        assert (await shelf.owner.patch(f"/v1/clients/{shelf.client_id}", assign)).status_code == 200
        document = await shelf.put()
        path = f"{STAFFS}/{document['id']}"
        assert (await caller.patch(path, {"retention_class": "clinical"})).status_code == 200
        for change in ({"retention_class": "none"}, {"retention_class": "administrative"}, {"legal_hold": True}):
            refused = await caller.patch(path, change)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await caller.patch(path, {"legal_hold": False, "title": "Same"})).status_code == 200
        assert (await shelf.owner.patch(path, {"retention_class": "none"})).status_code == 200

    async def test_a_change_that_somebody_overtook_is_412(self, shelf: Shelf) -> None:
        document = await shelf.put()
        path = f"{STAFFS}/{document['id']}"
        etag = (await shelf.owner.get(path)).headers["etag"]
        await shelf.owner.patch(path, {"title": "First"})
        late = await shelf.owner.patch(path, {"title": "Second"}, headers={"If-Match": etag})
        assert (late.status_code, late.json()["current"]["title"]) == (412, "First")
        assert (await shelf.owner.patch(path, {"title": None})).status_code == 422


class TestDeletion:
    async def test_the_file_goes_with_it_and_its_room(self, shelf: Shelf, sql: Sql) -> None:
        photograph = await shelf.upload(picture("PNG", pnginfo=_words()), "a.png")
        document, resource = await shelf.put(), await shelf.provide()
        await shelf.look()
        assert len(objects(shelf)) == 4  # one of them what others are given of the picture
        for path in (
            f"{STAFFS}/{photograph['id']}",
            f"{STAFFS}/{document['id']}",
            f"{OURS}/{resource['id']}",
        ):
            assert (await shelf.owner.delete(path)).status_code == 204
        await shelf.look()
        assert objects(shelf) == []
        assert sql("SELECT count(*) FROM stored_file WHERE practice_id = %s", shelf.practice.id) == [(0,)]
        used = sql("SELECT DISTINCT used_bytes FROM storage_usage WHERE practice_id = %s", shelf.practice.id)
        assert used == [(0,)]

    async def test_the_record_of_it_says_what_is_gone(self, shelf: Shelf, sql: Sql) -> None:
        document = await shelf.upload(PDF, "secret.pdf", title="Secret")
        await shelf.owner.delete(f"{STAFFS}/{document['id']}")
        ((details,),) = sql(
            "SELECT details FROM event WHERE type = 'document.deleted' AND resource_id = %s", document["id"]
        )
        assert (details["sha256"], details["size_bytes"]) == (document["sha256"], len(PDF))
        assert "Secret" not in str(details) and "secret" not in str(details)

    async def test_a_storage_that_is_away_keeps_the_job(
        self, shelf: Shelf, sql: Sql, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        document = await shelf.upload()
        root = shelf.world.tools.settings.data_dir / "files" / shelf.practice.id
        await shelf.client.delete(f"{MINE}/{document['id']}")
        # A file where a directory must be: the storage answers with an error, also to root.
        away = root.with_name(root.name + ".away")
        root.rename(away)
        root.write_text("")
        await shelf.look()
        root.unlink()
        away.rename(root)
        assert len(objects(shelf)) == 1
        sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
        await shelf.look()
        assert objects(shelf) == []


class TestTidying:
    @pytest.mark.parametrize("wanted", [True, False])
    async def test_what_is_over_is_disposed_of_where_the_practice_wants_it(
        self, wanted: bool, shelf: Shelf, sql: Sql
    ) -> None:
        over, held, young, unclassed = [
            await shelf.put(retention_class=kept) for kept in ("clinical", "clinical", "clinical", "none")
        ]
        await shelf.owner.patch(f"{STAFFS}/{held['id']}", {"legal_hold": True})
        await shelf.settings(dispose_when_over=wanted)
        for document in (over, held, unclassed):
            sql("UPDATE document SET created_at = created_at - interval '11 years' WHERE id = %s", document["id"])
        await tidy(shelf)
        left = {each["id"] for each in (await shelf.owner.get(shelf.of_client)).json()["data"]}
        assert left == {held["id"], young["id"], unclassed["id"]} | (set() if wanted else {over["id"]})
        certificates = sql(
            "SELECT resource_id::text, details ->> 'sha256' FROM event WHERE type = 'document.disposed'"
            " AND practice_id = %s",
            shelf.practice.id,
        )
        assert certificates == ([(over["id"], over["sha256"])] if wanted else [])
        assert len(objects(shelf)) == len(left)

    async def test_what_something_else_shows_stays_and_holds_up_nothing(self, shelf: Shelf, sql: Sql) -> None:
        """A card of a policy that is on file; the document after it goes, and so does what no row knows."""
        card, other = await shelf.upload(picture(), "card.png", purpose="insurance_card"), await shelf.put()
        policy = {"payer": "Harbor Health", "member_id": "W123456789"}
        made(await shelf.client.post("/v1/me/insurance-policies", policy | {"front_document_id": card["id"]}))
        await shelf.settings(dispose_when_over=True)
        past = "UPDATE document SET retention_class = 'clinical', created_at = created_at - interval '11 years'"
        sql(past + " WHERE practice_id = %s", shelf.practice.id)
        assert card["id"] < other["id"]
        await tidy(shelf)
        left = {each["id"] for each in (await shelf.owner.get(shelf.of_client)).json()["data"]}
        assert left == {card["id"]}
        assert len(objects(shelf)) == 1

    async def test_what_no_row_knows_is_swept_up_after_a_day(self, shelf: Shelf) -> None:
        document = await shelf.upload()
        (path,) = objects(shelf)
        lost, part, fresh = (
            path.with_name("01a00000-0000-7000-8000-000000000001"),
            path.with_name(path.name + ".0123456789ab.part"),
            path.with_name("01a00000-0000-7000-8000-000000000002"),
        )
        long_ago = time.time() - 2 * 86_400
        for leftover in (lost, part, fresh):
            leftover.write_bytes(b"x")
        for old in (lost, part, path):
            os.utime(old, (long_ago, long_ago))
        await tidy(shelf)
        assert set(objects(shelf)) == {path, fresh}
        assert (await shelf.client.get(f"{MINE}/{document['id']}/content")).content == PDF

    @pytest.mark.every_practice
    @pytest.mark.whatever_rows  # the directory of all practices
    async def test_every_practice_has_a_job_of_its_own_each_day(self, shelf: Shelf, sql: Sql) -> None:
        await jobs.daily(shelf.world.jobs)
        waiting = sql("SELECT args ->> 'practice_id' FROM procrastinate_jobs WHERE task_name = 'documents.tidy'")
        assert (shelf.practice.id,) in waiting
        assert len(waiting) == len(set(waiting))


def _words() -> PngInfo:
    words = PngInfo()
    words.add_text("Comment", "taken at home")
    return words
