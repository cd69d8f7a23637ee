"""Files that are declared first and then sent to a link of their own (F9.M1)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from portal_api.core.access import Role
from portal_api.services.documents import uploads
from tests.api.documents.shelf import MINE, PDF, STAFFS, TEXT, Shelf, open_shelf, picture, sha256
from tests.people import colleague, guardian
from tests.world import Caller, World

Sql = Callable[..., list[Any]]
UPLOADS = f"{MINE}/uploads"


@pytest.fixture
async def shelf(world: World) -> Shelf:
    return await open_shelf(world)


def objects(shelf: Shelf) -> list[Path]:
    directory = shelf.world.tools.settings.data_dir / "files" / shelf.practice.id
    return [path for path in directory.rglob("*") if path.is_file()]


def declaration(content: bytes = PDF, name: str = "report.pdf", **changes: Any) -> dict[str, Any]:
    said = {"file_name": name, "media_type": "application/pdf", "size_bytes": len(content), "sha256": sha256(content)}
    return said | changes


async def declared(by: Caller, path: str = UPLOADS, content: bytes = PDF, **changes: Any) -> dict[str, Any]:
    response = await by.post(path, declaration(content, **changes))
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    assert answer["method"] == "PUT"
    return answer


async def put(shelf: Shelf, link: dict[str, Any], content: bytes | AsyncIterator[bytes] = PDF) -> httpx.Response:
    """Send the bytes with nothing but the link."""
    return await shelf.world.http.put(urlsplit(link["url"]).path, content=content)


async def must_be_gone(shelf: Shelf, link: dict[str, Any]) -> None:
    """The link takes nothing, says as little as one that never was, and nothing is kept."""
    refused = await put(shelf, link)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert objects(shelf) == []


class TestSending:
    async def test_a_client_sends_the_file_to_the_link_alone(self, shelf: Shelf) -> None:
        link = await declared(shelf.client, title="A letter", purpose="insurance_card")
        assert (await shelf.client.get(MINE)).json()["data"] == []
        sent = await put(shelf, link)
        assert sent.status_code == 201, sent.text
        assert sent.json() == {
            "id": link["id"],
            "state": "not_scanned",
            "size_bytes": len(PDF),
            "sha256": sha256(PDF),
            "media_type": "application/pdf",
        }
        document = (await shelf.client.get(f"{MINE}/{link['id']}")).json()
        assert (document["title"], document["purpose"], document["own"]) == ("A letter", "insurance_card", True)
        assert (await shelf.owner.get(f"{STAFFS}/{link['id']}/content")).content == PDF

    async def test_staff_send_one_into_a_record_and_share_it(self, shelf: Shelf) -> None:
        path = f"{shelf.of_client}/uploads"
        link = await declared(shelf.owner, path, shared=True, retention_class="clinical")
        assert (await put(shelf, link)).status_code == 201
        document = (await shelf.owner.get(f"{STAFFS}/{link['id']}")).json()
        assert (document["purpose"], document["retention_class"]) == ("shared", "clinical")
        assert (document["source"], document["title"]) == ("staff", "report.pdf")
        assert [each["id"] for each in (await shelf.client.get(MINE)).json()["data"]] == [link["id"]]

    async def test_the_key_is_the_servers_and_the_link_names_nobody(self, shelf: Shelf) -> None:
        """A28."""
        link = await declared(shelf.client, name="../../secret diary.pdf", title="Secret")
        assert link["id"] not in link["url"] and "secret" not in link["url"].lower()
        assert (await put(shelf, link)).status_code == 201
        (path,) = objects(shelf)
        assert UUID(path.name)
        assert b"%PDF" not in path.read_bytes()
        assert (await shelf.client.get(f"{MINE}/{link['id']}")).json()["file_name"] == "secret diary.pdf"

    async def test_sent_again_the_answer_is_the_same_and_nothing_is_stored_twice(self, shelf: Shelf) -> None:
        """A52: who did not hear the answer sends the file once more."""
        link = await declared(shelf.client)
        first, second = await put(shelf, link), await put(shelf, link)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert (len(objects(shelf)), len((await shelf.client.get(MINE)).json()["data"])) == (1, 1)

    async def test_sent_twice_at_once_it_is_one_document(self, shelf: Shelf) -> None:
        link = await declared(shelf.client)
        answers = await asyncio.gather(*(put(shelf, link) for _ in range(4)))
        assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
        assert (len(objects(shelf)), len((await shelf.client.get(MINE)).json()["data"])) == (1, 1)
        settings = (await shelf.owner.get("/v1/practice/document-settings")).json()
        assert settings["practice_used_bytes"] == len(PDF)

    async def test_after_a_mismatch_the_right_bytes_still_come(self, shelf: Shelf) -> None:
        link = await declared(shelf.client)
        assert (await put(shelf, link, PDF[::-1])).status_code == 422
        assert (await put(shelf, link)).status_code == 201
        assert len(objects(shelf)) == 1


class TestWhatDiffers:
    @pytest.mark.parametrize(
        ("said", "sent", "code"),
        [
            (PDF, PDF + b"more", "size_mismatch"),
            (PDF, PDF[:-1], "size_mismatch"),
            (PDF, PDF[:-1] + b"!", "sha256_mismatch"),
            (PDF, b"", "empty_file"),
            (TEXT, TEXT, "content_mismatch"),
            (picture(), picture(), "content_mismatch"),
        ],
        ids=["longer", "shorter", "other bytes", "nothing", "a text", "a picture"],
    )
    async def test_from_what_was_declared_is_422_and_nothing_is_kept(
        self, said: bytes, sent: bytes, code: str, shelf: Shelf
    ) -> None:
        link = await declared(shelf.client, content=said)
        response = await put(shelf, link, sent)
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, code), response.text
        assert response.headers["content-type"].startswith("application/problem+json")
        assert objects(shelf) == []
        assert (await shelf.client.get(MINE)).json()["data"] == []

    async def test_what_is_longer_is_refused_while_it_arrives(self, shelf: Shelf) -> None:
        """A30: a body without a length, of which no more is taken than was declared."""
        link = await declared(shelf.client)

        async def endless() -> AsyncIterator[bytes]:
            yield PDF
            for _ in range(200):
                yield b"\0" * 65536

        response = await put(shelf, link, endless())
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "size_mismatch")
        assert objects(shelf) == []

    async def test_what_cannot_be_taken_is_refused_before_it_is_sent(self, shelf: Shelf) -> None:
        await shelf.settings(max_upload_bytes=1000)
        for changes, status, code in (
            ({"size_bytes": 1001}, 413, "too_large"),
            ({"file_name": "a.exe"}, 415, "file_type_not_allowed"),
            ({"media_type": "image/png"}, 422, "content_mismatch"),
            ({"sha256": "abc"}, 422, "string_pattern_mismatch"),
            ({"size_bytes": 0}, 422, "greater_than_equal"),
            ({"key": "mine/of/choice"}, 422, "extra_forbidden"),
        ):
            refused = await shelf.client.post(UPLOADS, declaration(**changes))
            told = refused.json()
            assert refused.status_code == status, refused.text
            assert code in {told["code"], *(fault["code"] for fault in told.get("errors", ()))}

    async def test_there_must_be_room_when_it_comes(self, shelf: Shelf, sql: Sql) -> None:
        link = await declared(shelf.client)
        await shelf.settings(client_quota_bytes=1_000_000)
        sql(
            "INSERT INTO storage_usage (practice_id, subject_id, used_bytes) VALUES (%s, %s, 1000000)",
            shelf.practice.id,
            shelf.client_id,
        )
        refused = await put(shelf, link)
        assert (refused.status_code, refused.json()["code"]) == (409, "quota_exceeded")
        assert objects(shelf) == []


class TestWhoMay:
    async def test_a_link_lives_as_long_as_the_session(self, shelf: Shelf) -> None:
        link = await declared(shelf.client)
        assert (await shelf.client.post("/v1/auth/logout")).status_code == 204
        await must_be_gone(shelf, link)

    async def test_a_link_is_over_when_it_says(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        assert timedelta(minutes=5) == uploads.LINK.lasts
        monkeypatch.setattr(uploads, "LINK", replace(uploads.LINK, lasts=timedelta(0)))
        await must_be_gone(shelf, await declared(shelf.client))

    async def test_a_link_dies_with_the_switch_and_with_the_grant(self, shelf: Shelf, sql: Sql) -> None:
        """A09."""
        writer = await guardian(shelf.world, shelf.practice, shelf.client_id, "documents.upload")
        his, hers = await declared(shelf.client), await declared(writer)
        await shelf.switch(client_uploads=False)
        await must_be_gone(shelf, his)
        await shelf.switch(client_uploads=True)
        sql(
            "UPDATE client_grant SET revoked_at = now() WHERE account_id = %s AND client_id = %s",
            writer.account["id"],
            shelf.client_id,
        )
        await must_be_gone(shelf, hers)
        assert (await put(shelf, his)).status_code == 201

    async def test_a_guardian_declares_for_their_child_alone(self, shelf: Shelf) -> None:
        """A11: with the permission, and a document that is not kept from those who act for the child (F6.B3)."""
        reader = await guardian(shelf.world, shelf.practice, shelf.client_id, "documents.view")
        writer = await guardian(shelf.world, shelf.practice, shelf.client_id, "documents.upload")
        sibling = await shelf.world.client(shelf.owner)
        assert (await reader.post(UPLOADS, declaration())).status_code == 403
        assert (await writer.post(UPLOADS, declaration(client_id=sibling["id"]))).status_code == 404
        assert (await writer.post(UPLOADS, declaration(confidential=True))).status_code == 403
        link = await declared(writer)
        assert (await put(shelf, link)).status_code == 201
        assert [each["id"] for each in (await writer.get(MINE)).json()["data"]] == [link["id"]]

    async def test_of_staff_only_who_sees_the_client(self, shelf: Shelf) -> None:
        biller, _ = await colleague(shelf.world, shelf.practice, Role.BILLER)
        stranger, _ = await colleague(shelf.world, shelf.practice, Role.PRACTITIONER)
        path = f"{shelf.of_client}/uploads"
        assert (await biller.post(path, declaration())).status_code == 403
        assert (await stranger.post(path, declaration())).status_code == 404
        assert (await shelf.owner.post(UPLOADS, declaration())).status_code == 403

    @pytest.mark.parametrize("ticket", ["x", "no-such-ticket", "A" * 400, "%F0%9F%92%A9"])
    async def test_what_is_no_link_is_404(self, ticket: str, shelf: Shelf) -> None:
        assert (await shelf.world.http.put(f"/v1/uploads/{ticket}", content=PDF)).status_code == 404

    async def test_a_link_to_read_takes_nothing(self, shelf: Shelf) -> None:
        document = await shelf.upload()
        link = (await shelf.client.post(f"{MINE}/{document['id']}/content-url")).json()
        answer = await put(shelf, {"url": link["url"].replace("/content/", "/uploads/")})
        assert answer.status_code == 404
