"""Files that come in: stored sealed while they arrive, counted, and known by what they are (F9.M2 to F9.M4)."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal_api.core.access import Role
from portal_api.core.config import Settings
from portal_api.web import middleware
from tests.api.documents.shelf import (
    DOCX,
    MINE,
    OURS,
    PDF,
    STAFFS,
    TEXT,
    Shelf,
    made,
    office,
    open_shelf,
    picture,
    sha256,
)
from tests.people import colleague, grant, guardian
from tests.served import served
from tests.world import World

Sql = Callable[..., list[Any]]


@pytest.fixture
async def shelf(world: World) -> Shelf:
    return await open_shelf(world)


def objects(shelf: Shelf) -> list[Path]:
    """What lies in the practice's storage."""
    directory = shelf.world.tools.settings.data_dir / "files" / shelf.practice.id
    return [path for path in directory.rglob("*") if path.is_file()]


class TestWhatComesIn:
    async def test_a_client_gives_the_practice_a_file(self, shelf: Shelf) -> None:
        document = await shelf.upload(PDF, "letter from my GP.pdf", title="A letter")
        assert document == document | {
            "state": "not_scanned",
            "size_bytes": len(PDF),
            "sha256": sha256(PDF),
            "media_type": "application/pdf",
            "title": "A letter",
            "file_name": "letter from my GP.pdf",
            "purpose": "upload",
            "source": "client",
            "own": True,
            "removable": True,
            "client_id": shelf.client_id,
        }
        assert UUID(document["id"]).version == 7
        opened = await shelf.client.get(f"{MINE}/{document['id']}/content")
        assert opened.content == PDF
        staffs = (await shelf.owner.get(f"{STAFFS}/{document['id']}")).json()
        assert (staffs["uploaded_by"], staffs["sha256"]) == (shelf.client.account["id"], sha256(PDF))

    async def test_staff_put_one_into_the_record_and_share_it_or_not(self, shelf: Shelf) -> None:
        kept, shared = await shelf.put(), await shelf.put(shared=True, title="For you")
        assert (kept["shared_at"], kept["purpose"], shared["purpose"]) == (None, "upload", "shared")
        listed = (await shelf.client.get(MINE)).json()["data"]
        assert [(each["id"], each["title"]) for each in listed] == [(shared["id"], "For you")]

    async def test_without_a_title_it_is_called_as_its_file(self, shelf: Shelf) -> None:
        assert (await shelf.upload(name="scan 7.pdf"))["title"] == "scan 7.pdf"

    async def test_the_title_may_come_after_the_file(self, shelf: Shelf) -> None:
        body = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n' + PDF + b"\r\n"
            b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nAfterwards\r\n--b--\r\n'
        )
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        document = made(await shelf.client.request("POST", MINE, content=body, headers=headers))
        assert (document["title"], document["sha256"]) == ("Afterwards", sha256(PDF))

    @pytest.mark.parametrize(
        ("name", "content", "media_type"),
        [
            ("a.pdf", PDF, "application/pdf"),
            ("a.PDF", PDF, "application/pdf"),
            ("a.txt", TEXT, "text/plain"),
            ("a.txt", "Grüße".encode("latin-1"), "text/plain"),
            ("a.txt", "Grüße".encode(), "text/plain"),
            ("a.csv", b"day,mood\nMonday,4\n", "text/csv"),
            ("a.rtf", rb"{\rtf1\ansi hello}", "application/rtf"),
            ("a.jpeg", picture("JPEG"), "image/jpeg"),
            ("a.png", picture(), "image/png"),
            ("a.gif", picture("GIF"), "image/gif"),
            ("a.webp", picture("WEBP"), "image/webp"),
            ("a.tif", picture("TIFF"), "image/tiff"),
            ("a.docx", office(*DOCX), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            (
                "a.xlsx",
                office("[Content_Types].xml", "xl/workbook.xml"),
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
        ],
    )
    async def test_it_is_known_by_its_name_and_its_bytes(
        self, name: str, content: bytes, media_type: str, shelf: Shelf
    ) -> None:
        document = await shelf.put(content, name)
        assert (document["media_type"], document["sha256"]) == (media_type, sha256(content))
        await shelf.look()
        opened = await shelf.owner.get(f"{STAFFS}/{document['id']}/content")
        assert (opened.status_code, opened.content) == (200, content)
        assert opened.headers["content-type"].split(";")[0] == media_type


class TestWhatIsRefused:
    @pytest.mark.parametrize("name", ["a.exe", "a.html", "a.svg", "a.zip", "a.docm", "a.pdf.js", "pdf", "a.", ".pdf"])
    async def test_a_kind_that_is_not_taken_is_415_and_says_which_are(self, name: str, shelf: Shelf) -> None:
        response = await shelf.send(shelf.client, MINE, PDF, name)
        assert (response.status_code, response.json()["code"]) == (415, "file_type_not_allowed")
        assert {"pdf", "docx", "heic"} < set(response.json()["allowed"])
        assert objects(shelf) == []

    @pytest.mark.parametrize(
        ("fields", "pointer", "code"),
        [
            ({"title": "x" * 201}, "/title", "string_too_long"),
            ({"title": "a\x00b"}, "/title", "control_character"),
            ({"shared": "perhaps"}, "/shared", "bool_parsing"),
            ({"state": "clean"}, "/state", "extra_forbidden"),
            ({"retention_class": "forever"}, "/retention_class", "enum"),
        ],
    )
    async def test_a_field_that_is_wrong_keeps_nothing(
        self, fields: dict[str, str], pointer: str, code: str, shelf: Shelf
    ) -> None:
        response = await shelf.send(shelf.owner, shelf.of_client, **fields)
        assert response.status_code == 422, response.text
        assert [(fault["pointer"], fault["code"]) for fault in response.json()["errors"]] == [(pointer, code)]
        assert objects(shelf) == []

    async def test_without_a_file_it_says_what_is_missing(self, shelf: Shelf) -> None:
        response = await shelf.client.request("POST", MINE, files={"title": (None, "No file")})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/file")

    async def test_an_empty_file_is_none(self, shelf: Shelf) -> None:
        response = await shelf.send(shelf.client, MINE, b"")
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "empty_file")

    async def test_a_field_that_calls_itself_file_is_no_file(self, shelf: Shelf) -> None:
        response = await shelf.client.request("POST", MINE, files={"file": (None, "text")})
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "file_name_missing")

    async def test_two_files_are_one_too_many(self, shelf: Shelf) -> None:
        files = [("file", ("a.pdf", PDF)), ("file", ("b.pdf", PDF))]
        response = await shelf.client.request("POST", MINE, files=files)
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "repeated")
        assert objects(shelf) == []

    async def test_json_is_415(self, shelf: Shelf) -> None:
        response = await shelf.client.post(MINE, {"title": "x"})
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
        assert "application/json" not in response.text

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("multipart/form-data", b"--b\r\n"),
            ("multipart/form-data; boundary=" + "b" * 300, b"--b\r\n"),
            ("multipart/form-data; boundary=b", b""),
            ("multipart/form-data; boundary=b", b"--c\r\n\r\n--c--"),
            ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
            ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nx'),
            ("multipart/form-data; boundary=b", b"--b\r\nno colon here\r\n\r\nx\r\n--b--\r\n"),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n' * 60 + b"--b--\r\n",
            ),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n' + b"x" * 30_000 + b"\r\n--b--\r\n",
            ),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xff\xfe\r\n--b--\r\n',
            ),
        ],
    )
    async def test_what_is_no_form_is_400(self, content_type: str, body: bytes, shelf: Shelf) -> None:
        headers = {"Content-Type": content_type}
        response = await shelf.client.request("POST", MINE, content=body, headers=headers)
        assert (response.status_code, response.json()["code"]) in {(400, "malformed"), (422, "invalid")}, response.text
        assert objects(shelf) == []

    async def test_a_body_that_breaks_off_keeps_nothing(self, shelf: Shelf) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n' + PDF
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        response = await shelf.client.request("POST", MINE, content=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, "malformed")
        assert objects(shelf) == []


class TestWhoMay:
    async def test_who_may_not_send_is_refused_before_a_byte_is_read(self, shelf: Shelf) -> None:
        await shelf.switch(client_uploads=False)
        biller, _ = await colleague(shelf.world, shelf.practice, Role.BILLER)

        async def never() -> AsyncIterator[bytes]:
            raise AssertionError("the body was read")
            yield b""

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        for caller, path, code in (
            (shelf.client, MINE, "feature_disabled"),
            (shelf.owner, MINE, "forbidden"),
            (biller, shelf.of_client, "forbidden"),
        ):
            response = await caller.request("POST", path, content=never(), headers=headers)
            assert (response.status_code, response.json()["code"]) == (403, code)

    async def test_a_guardian_needs_the_permission(self, shelf: Shelf) -> None:
        reader = await guardian(shelf.world, shelf.practice, shelf.client_id, "documents.view")
        writer = await guardian(shelf.world, shelf.practice, shelf.client_id, "documents.upload")
        assert (await shelf.send(reader, MINE)).status_code == 403
        document = made(await shelf.send(writer, MINE))
        assert [each["id"] for each in (await writer.get(MINE)).json()["data"]] == [document["id"]]
        assert (await writer.get(f"{MINE}/{document['id']}/content")).content == PDF
        assert (await reader.get(MINE)).json()["data"] == []

    async def test_who_acts_for_several_says_for_whom(self, shelf: Shelf) -> None:
        sibling = await shelf.world.client(shelf.owner)
        parent = await guardian(shelf.world, shelf.practice, shelf.client_id)
        held = ("documents.upload", "documents.view")
        await grant(shelf.world, shelf.practice, parent.account["id"], sibling["id"], "parent", held)
        response = await shelf.send(parent, MINE)
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "client_id_required")
        assert made(await shelf.send(parent, MINE, client_id=sibling["id"]))["client_id"] == sibling["id"]
        other = await shelf.world.client(shelf.owner)
        assert (await shelf.send(parent, MINE, client_id=other["id"])).status_code == 404
        assert len(objects(shelf)) == 1

    async def test_a_client_of_somebody_else_is_not_there(self, shelf: Shelf) -> None:
        stranger, _ = await colleague(shelf.world, shelf.practice, Role.PRACTITIONER)
        assert (await shelf.send(stranger, shelf.of_client)).status_code == 404
        assert objects(shelf) == []

    async def test_only_administration_adds_documents_of_the_practice(self, shelf: Shelf) -> None:
        practitioner, _ = await colleague(shelf.world, shelf.practice, Role.PRACTITIONER)
        assert (await shelf.send(practitioner, OURS)).status_code == 403
        assert (await shelf.provide())["shared"] is True
        assert (await shelf.provide(shared=False))["shared"] is False


class TestRetries:
    async def test_the_same_upload_again_is_the_same_document(self, shelf: Shelf) -> None:
        """R03: one document, one object; the answer is replayed, whatever the boundary of the form."""
        headers = {"Idempotency-Key": "once"}
        first = await shelf.send(shelf.client, MINE, title="One", headers=headers)
        again = await shelf.send(shelf.client, MINE, title="One", headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
        assert len(objects(shelf)) == 1
        assert len((await shelf.client.get(MINE)).json()["data"]) == 1

    @pytest.mark.parametrize(
        "other", [{"content": PDF + b" "}, {"name": "other.pdf"}, {"title": "Two"}, {"purpose": "insurance_card"}]
    )
    async def test_another_upload_under_the_same_key_is_422(self, other: dict[str, Any], shelf: Shelf) -> None:
        headers = {"Idempotency-Key": "once"}
        assert (await shelf.send(shelf.client, MINE, title="One", headers=headers)).status_code == 201
        response = await shelf.send(shelf.client, MINE, **({"title": "One", "headers": headers} | other))
        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
        assert len(objects(shelf)) == 1

    async def test_a_refused_upload_can_be_mended_under_the_same_key(self, shelf: Shelf) -> None:
        headers = {"Idempotency-Key": "once"}
        assert (await shelf.send(shelf.client, MINE, title="x" * 300, headers=headers)).status_code == 422
        assert (await shelf.send(shelf.client, MINE, title="x", headers=headers)).status_code == 201


class TestSize:
    async def test_a_file_over_the_practices_limit_is_413(self, shelf: Shelf) -> None:
        await shelf.settings(max_upload_bytes=2_000)
        assert (await shelf.send(shelf.client, MINE, PDF.ljust(2_000))).status_code == 201
        response = await shelf.send(shelf.client, MINE, PDF.ljust(2_001))
        assert (response.status_code, response.json()["code"], response.json()["max_bytes"]) == (413, "too_large", 2000)
        assert len(objects(shelf)) == 1

    async def test_a_practice_may_raise_it_to_40_mb_and_no_further(self, shelf: Shelf) -> None:
        assert (await shelf.settings(max_upload_bytes=40_000_000))["max_upload_bytes"] == 40_000_000
        response = await shelf.owner.patch("/v1/practice/document-settings", {"max_upload_bytes": 40_000_001})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/max_upload_bytes")
        assert (await shelf.settings(max_upload_bytes=None))["max_upload_bytes"] == 25_000_000

    async def test_where_the_operator_lowers_it_that_holds_for_everybody(self, settings: Settings) -> None:
        async with served(settings.model_copy(update={"max_upload_bytes": 3_000})) as world:
            shelf = await open_shelf(world)
            assert (await shelf.send(shelf.client, MINE, PDF.ljust(3_001))).status_code == 413
            assert (await shelf.send(shelf.client, MINE, PDF.ljust(3_000))).status_code == 201
            raised = await shelf.owner.patch("/v1/practice/document-settings", {"max_upload_bytes": 4_000})
            assert (raised.status_code, raised.json()["errors"][0]["code"]) == (422, "too_large")

    async def test_an_endless_body_is_refused_while_it_arrives(
        self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A30: no length is declared; what is read ends some time after the limit, so that the sender is heard out."""
        monkeypatch.setattr(middleware, "LINGER_BYTES", 1_000_000)
        await shelf.settings(max_upload_bytes=1_000_000)
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n' + PDF
            while True:
                sent += 65536
                assert sent < 10_000_000, "the body is read to no end"
                yield b"\0" * 65536

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        response = await shelf.client.request("POST", MINE, content=endless(), headers=headers)
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert objects(shelf) == []

    async def test_a_declared_length_over_the_limit_is_refused_before_anything_is_kept(self, shelf: Shelf) -> None:
        async def short() -> AsyncIterator[bytes]:
            yield b"--b\r\n"

        headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "1000000000"}
        response = await shelf.client.request("POST", MINE, content=short(), headers=headers)
        assert (response.status_code, response.json()["code"]) == (413, "too_large")

    async def test_other_routes_take_no_more_than_before(self, shelf: Shelf) -> None:
        response = await shelf.owner.patch("/v1/practice", {"name": "x" * 1_100_000})
        assert response.status_code == 413


class TestRoom:
    async def test_a_clients_quota(self, shelf: Shelf, sql: Sql) -> None:
        await shelf.settings(client_quota_bytes=1_000_000)
        sql(
            "INSERT INTO storage_usage (practice_id, subject_id, used_bytes) VALUES (%s, %s, %s)",
            shelf.practice.id,
            shelf.client_id,
            1_000_000 - len(PDF),
        )
        document = await shelf.upload()
        response = await shelf.send(shelf.client, MINE)
        assert (response.status_code, response.json()["code"]) == (409, "quota_exceeded")
        assert response.json()["scope"] == "client"
        assert len(objects(shelf)) == 1
        assert (await shelf.send(shelf.owner, shelf.of_client)).status_code == 409
        other = await shelf.world.client(shelf.owner)
        made(await shelf.send(shelf.owner, f"/v1/clients/{other['id']}/documents"))
        assert (await shelf.client.delete(f"{MINE}/{document['id']}")).status_code == 204
        await shelf.upload()

    async def test_the_practices_quota(self, shelf: Shelf, sql: Sql) -> None:
        room = shelf.world.tools.settings.practice_quota_bytes
        await shelf.provide()
        sql("UPDATE storage_usage SET used_bytes = %s WHERE subject_id = %s", room, shelf.practice.id)
        response = await shelf.send(shelf.owner, OURS)
        assert (response.status_code, response.json()["scope"]) == (409, "practice")
        settings = (await shelf.owner.get("/v1/practice/document-settings")).json()
        assert (settings["practice_used_bytes"], settings["practice_quota_bytes"]) == (room, room)


class TestKindsOfAPractice:
    async def test_it_takes_what_it_says_and_nothing_else(self, shelf: Shelf) -> None:
        settings = await shelf.settings(allowed_types=["application/pdf"])
        assert (settings["allowed_types"], "image/png" in settings["supported_types"]) == (["application/pdf"], True)
        assert (await shelf.send(shelf.client, MINE, picture(), "a.png")).status_code == 415
        assert (await shelf.send(shelf.client, MINE)).status_code == 201

    async def test_it_cannot_take_what_is_not_supported(self, shelf: Shelf) -> None:
        response = await shelf.owner.patch("/v1/practice/document-settings", {"allowed_types": ["text/html"]})
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "unknown_type")

    async def test_a_change_that_somebody_overtook_is_412(self, shelf: Shelf) -> None:
        path = "/v1/practice/document-settings"
        seen = await shelf.owner.get(path)
        assert seen.headers["etag"] == '"v0"'
        await shelf.settings(clinical_years=12)
        late = await shelf.owner.patch(path, {"clinical_years": 1}, headers={"If-Match": '"v0"'})
        assert (late.status_code, late.json()["current"]["clinical_years"]) == (412, 12)


class TestAtRest:
    async def test_nothing_of_a_file_can_be_read_in_the_storage(self, shelf: Shelf) -> None:
        """A28: sealed, under a name that is an id, for this account alone."""
        await shelf.upload(b"%PDF-1.4 the words of a client" * 5000, "secret diary.pdf")
        (path,) = objects(shelf)
        assert UUID(path.name)
        assert b"words of a client" not in path.read_bytes()
        assert b"%PDF" not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600
        assert {parent.stat().st_mode & 0o777 for parent in list(path.parents)[:3]} == {0o700}

    @pytest.mark.parametrize("harm", ["flipped", "cut off", "swapped", "lengthened", "another's"])
    async def test_a_file_that_somebody_changed_is_not_given_out(self, harm: str, shelf: Shelf) -> None:
        """Neither altered, nor cut at the border of a frame, nor put together anew, nor another's file."""
        size, frame = 300_000, 65_536 + 16
        document = await shelf.upload(PDF.ljust(size))
        (path,) = objects(shelf)
        content = path.read_bytes()
        other = await shelf.upload(PDF.ljust(size))
        (another,) = set(objects(shelf)) - {path}
        path.write_bytes(
            {
                "flipped": content[:99] + bytes([content[99] ^ 1]) + content[100:],
                "cut off": content[: 2 * frame],
                "swapped": content[frame : 2 * frame] + content[:frame] + content[2 * frame :],
                "lengthened": content[:frame] + content,
                "another's": another.read_bytes(),
            }[harm]
        )
        assert (await shelf.client.get(f"{MINE}/{other['id']}/content")).status_code == 200
        if harm == "cut off":
            with pytest.raises((httpx.HTTPError, RuntimeError)):
                await shelf.client.get(f"{MINE}/{document['id']}/content")
        else:
            response = await shelf.client.get(f"{MINE}/{document['id']}/content")
            assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
