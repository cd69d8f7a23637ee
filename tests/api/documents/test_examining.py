"""Files are looked at before anybody reads them: scanned, and pictures cleaned (F9.M4, F9.B1, A30, A31)."""

import asyncio
import io
import shutil
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pillow_heif
import pytest
from PIL import Image, ImageSequence

from portal_api.core.config import Settings
from portal_api.integrations.antivirus import Clamd, ScannerUnavailable
from portal_api.integrations.pictures import cleaning
from portal_api.jobs.documents import ask_again, examine
from portal_api.services.documents import examining
from tests.api.documents import scanner
from tests.api.documents.scanner import EICAR
from tests.api.documents.shelf import DOCX, MINE, OURS, PDF, STAFFS, Shelf, made, office, open_shelf, picture, sha256
from tests.served import served
from tests.world import World

Sql = Callable[..., list[Any]]
needs_clamd = pytest.mark.skipif(scanner.CLAMD is None, reason="there is no clamd: run scripts/install-clamd.sh")
GPS = 0x8825


@pytest.fixture
async def shelf(world: World) -> Shelf:
    return await open_shelf(world)


@pytest.fixture
def place() -> Iterator[Path]:
    directory = scanner.place()
    yield directory
    shutil.rmtree(directory)


@asynccontextmanager
async def scanned(settings: Settings, url: str, sql: Sql) -> AsyncIterator[Shelf]:
    """A shelf of an installation whose scanner is at this address."""
    sql("DELETE FROM procrastinate_jobs")
    async with served(settings.model_copy(update={"antivirus_url": url})) as world:
        yield await open_shelf(world)


async def states(shelf: Shelf, *documents: dict[str, Any]) -> list[str]:
    return [(await shelf.owner.get(f"{STAFFS}/{each['id']}")).json()["state"] for each in documents]


async def content_status(shelf: Shelf, document: dict[str, Any]) -> set[int]:
    """What whoever may see it gets who asks for the file."""
    theirs = await shelf.client.get(f"{MINE}/{document['id']}/content")
    return {theirs.status_code, (await shelf.owner.get(f"{STAFFS}/{document['id']}/content")).status_code}


def due_now(sql: Sql) -> None:
    sql("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")


@needs_clamd
class TestClamd:
    async def test_a_file_is_closed_until_it_was_found_clean(self, settings: Settings, place: Path, sql: Sql) -> None:
        with scanner.running(place) as url:
            async with scanned(settings, url, sql) as shelf:
                document = await shelf.upload()
                assert document["state"] == "scanning"
                assert await content_status(shelf, document) == {409}
                before = (await shelf.client.get(f"{MINE}/{document['id']}")).headers["etag"]
                await shelf.look()
                assert await states(shelf, document) == ["clean"]
                assert await content_status(shelf, document) == {200}
                after = await shelf.client.get(f"{MINE}/{document['id']}", headers={"If-None-Match": before})
                assert (after.status_code, after.json()["state"]) == (200, "clean")

    @pytest.mark.parametrize("hidden_in", ["a text", "a document", "a document of the practice"])
    async def test_what_is_harmful_is_locked_away_for_good(
        self, hidden_in: str, settings: Settings, place: Path, sql: Sql
    ) -> None:
        """A31: EICAR is downloadable by nobody, in no way, whoever sent it."""
        with scanner.running(place) as url:
            async with scanned(settings, url, sql) as shelf:
                if hidden_in == "a document of the practice":
                    document = await shelf.provide(EICAR, "directions.txt", shared=True)
                    await shelf.look()
                    assert (await shelf.owner.get(f"{OURS}/{document['id']}")).json()["state"] == "quarantined"
                    assert (await shelf.owner.get(f"{OURS}/{document['id']}/content")).status_code == 409
                    theirs = await shelf.client.get(f"/v1/me/practice-documents/{document['id']}/content")
                    assert theirs.status_code == 409
                    return
                sent = (EICAR, "notes.txt") if hidden_in == "a text" else (office(*DOCX, content=EICAR), "notes.docx")
                document = await shelf.upload(*sent)
                await shelf.look()
                seen = (await shelf.owner.get(f"{STAFFS}/{document['id']}")).json()
                assert (seen["state"], seen["finding"]) == ("quarantined", "Eicar-Test.UNOFFICIAL")
                assert await content_status(shelf, document) == {409}
                assert (await shelf.client.post(f"{MINE}/{document['id']}/content-url")).status_code == 409
                archive = await shelf.owner.get(f"{shelf.of_client}/archive", params={"ids": document["id"]})
                assert archive.status_code == 409
                query = "SELECT reason FROM event WHERE type = 'document.quarantined' AND resource_id = %s"
                events = sql(query, seen["id"])
                assert events == [("Eicar-Test.UNOFFICIAL",)]

    async def test_while_it_is_down_everything_waits(self, settings: Settings, place: Path, sql: Sql) -> None:
        """A31: never open; then it is made up for."""
        url = f"clamd://{place}/clamd.ctl"
        async with scanned(settings, url, sql) as shelf:
            document, harmful = await shelf.upload(), await shelf.upload(EICAR, "a.txt")
            await shelf.look()
            assert await states(shelf, document, harmful) == ["scanning", "scanning"]
            assert await content_status(shelf, document) == {409}
            with scanner.running(place):
                due_now(sql)
                await shelf.look()
                assert await states(shelf, document, harmful) == ["clean", "quarantined"]

    @pytest.mark.whatever_rows
    async def test_however_long_it_was_down_it_is_made_up_for(self, settings: Settings, place: Path, sql: Sql) -> None:
        """A31: also where the look at a file was given up."""
        async with scanned(settings, f"clamd://{place}/clamd.ctl", sql) as shelf:
            document = await shelf.upload()
            sql("UPDATE procrastinate_jobs SET attempts = 100 WHERE task_name = 'documents.examine'")
            await shelf.look()
            assert sql("SELECT status::text FROM procrastinate_jobs WHERE task_name = 'documents.examine'") == [
                ("failed",)
            ]
            assert await states(shelf, document) == ["scanning"]
            with scanner.running(place):
                await ask_again(shelf.world.jobs)
                await shelf.look()
                assert await states(shelf, document) == ["clean"]

    @pytest.mark.whatever_rows
    async def test_what_was_taken_before_there_was_one_is_scanned_later(
        self, shelf: Shelf, settings: Settings, place: Path, sql: Sql
    ) -> None:
        document, harmful = await shelf.upload(), await shelf.upload(EICAR, "a.txt")
        assert await states(shelf, document, harmful) == ["not_scanned", "not_scanned"]
        with scanner.running(place) as url:
            async with scanned(settings, url, sql) as later:
                await ask_again(later.world.jobs)
                await later.look()
                assert await states(shelf, document, harmful) == ["clean", "quarantined"]
                assert await content_status(shelf, harmful) == {409}

    async def test_a_large_file(self, settings: Settings, place: Path, sql: Sql) -> None:
        with scanner.running(place) as url:
            async with scanned(settings, url, sql) as shelf:
                document = await shelf.upload(PDF.ljust(9_000_000, b"x"))
                await shelf.look()
                assert await states(shelf, document) == ["clean"]


class TestWaiting:
    """A31: for a scanner that is away, no longer than it takes to ask again."""

    async def test_it_is_asked_again_within_minutes_however_often_it_was_away(
        self, settings: Settings, place: Path, sql: Sql
    ) -> None:
        async with scanned(settings, f"clamd://{place}/clamd.ctl", sql) as shelf:
            await shelf.upload()
            for attempts in (0, 6):
                sql("UPDATE procrastinate_jobs SET attempts = %s, scheduled_at = now()", attempts)
                await shelf.look()
                late = (
                    "SELECT scheduled_at > now() + interval '5 minutes' FROM procrastinate_jobs WHERE status = 'todo'"
                )
                assert sql(late) == [(False,)]

    @pytest.mark.whatever_rows
    async def test_what_is_closed_meanwhile_is_asked_for_first(
        self, shelf: Shelf, settings: Settings, sql: Sql, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before what can be read as it is, of a time without a scanner."""
        await shelf.upload()
        closed = await shelf.upload()
        file_id = "SELECT file_id FROM document WHERE id = %s"
        sql(f"UPDATE stored_file SET state = 'scanning' WHERE id = ({file_id})", closed["id"])
        monkeypatch.setattr(examining, "AT_ONCE", 1)
        async with scanned(settings, "clamd:///nowhere/clamd.ctl", sql) as later:
            await ask_again(later.world.jobs)
            asked = "SELECT (args ->> 'file_id')::uuid FROM procrastinate_jobs WHERE task_name = 'documents.examine'"
            ours = " AND args ->> 'practice_id' = %s"
            assert sql(asked + ours, shelf.practice.id) == sql(file_id, closed["id"])


class TestDaemonsThatMisbehave:
    """No verdict is never a good one."""

    @pytest.mark.parametrize(
        "reply",
        [
            b"",
            b"stream: OK",
            b"stream: ok\0",
            b"OK\0",
            b"INSTREAM size limit exceeded. ERROR\0",
            b"stream: lstat() failed ERROR\0",
            b"x" * 10_000,
        ],
    )
    async def test_what_it_says_is_no_verdict(self, reply: bytes) -> None:
        async with self.daemon(reply) as clamd:
            with pytest.raises(ScannerUnavailable):
                await clamd.scan(self.content())

    @pytest.mark.parametrize(("reply", "verdict"), [(b"stream: OK\0", None), (b"stream: Win.Test FOUND\0", "Win.Test")])
    async def test_a_verdict(self, reply: bytes, verdict: str | None) -> None:
        async with self.daemon(reply) as clamd:
            assert await clamd.scan(self.content()) == verdict

    async def test_nobody_there(self) -> None:
        with pytest.raises(ScannerUnavailable):
            await Clamd(host="127.0.0.1", port=1).scan(self.content())
        with pytest.raises(ScannerUnavailable):
            await Clamd(path="/nowhere/clamd.ctl").check()

    async def test_one_that_hangs_up(self) -> None:
        async with self.daemon(b"INSTREAM size limit exceeded. ERROR\0", reads=False) as clamd:
            with pytest.raises(ScannerUnavailable):
                await clamd.scan(self.content(pieces=200))

    @staticmethod
    async def content(pieces: int = 2) -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield b"x" * 100_000

    @staticmethod
    @asynccontextmanager
    async def daemon(reply: bytes, *, reads: bool = True) -> AsyncIterator[Clamd]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            command = await reader.readuntil(b"\0")
            assert command == b"zINSTREAM\0"
            while reads and (size := int.from_bytes(await reader.readexactly(4))):
                await reader.readexactly(size)
            writer.write(reply)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            yield Clamd(host="127.0.0.1", port=server.sockets[0].getsockname()[1])


def noted(kind: str, **options: Any) -> bytes:
    """A picture with the place, the camera and the owner in it, lying on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F], exif[0x013B] = "Camera of Grace", "Grace Client"
    exif.get_ifd(GPS).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    return picture(kind, (40, 20), exif=exif, **options)


def heic() -> bytes:
    pillow_heif.register_heif_opener()
    return noted("HEIF")


class TestPictures:
    """F9.B1: others are given them without what the camera noted."""

    @pytest.mark.parametrize(
        ("name", "media_type", "upright"),
        [
            ("a.jpg", "image/jpeg", (20, 40)),
            ("a.png", "image/png", (20, 40)),
            ("a.webp", "image/webp", (20, 40)),
            ("a.tiff", "image/tiff", (20, 40)),
            ("a.heic", "image/jpeg", (40, 20)),
        ],
    )
    async def test_what_the_camera_noted_is_for_its_owner_alone(
        self, name: str, media_type: str, upright: tuple[int, int], shelf: Shelf
    ) -> None:
        sent = heic() if name == "a.heic" else noted({"jpg": "JPEG"}.get(name[2:], name[2:].upper()))
        document = await shelf.upload(sent, name)
        assert document["state"] == "scanning"
        assert await content_status(shelf, document) == {409}
        await shelf.look()
        assert await states(shelf, document) == ["not_scanned"]
        own = await shelf.client.get(f"{MINE}/{document['id']}/content")
        assert own.content == sent
        seen = (await shelf.owner.get(f"{STAFFS}/{document['id']}")).json()
        opened = await shelf.owner.get(f"{STAFFS}/{document['id']}/content")
        assert opened.headers["content-type"] == media_type == seen["media_type"]
        assert (seen["sha256"], seen["size_bytes"]) == (sha256(opened.content), len(opened.content))
        assert name.replace("heic", "jpg") in opened.headers["content-disposition"]
        assert b"Grace" in sent and b"Grace" not in opened.content
        cleaned = Image.open(io.BytesIO(opened.content))
        assert dict(cleaned.getexif().get_ifd(GPS)) == {}
        assert cleaned.size == upright
        assert cleaned.convert("RGB").getpixel((5, 5))[0] > 180

    async def test_a_fax_keeps_all_its_pages(self, shelf: Shelf) -> None:
        """A scanner that notes its name makes a TIFF of many pages no shorter."""
        pages = [Image.new("1", (60, 80), number % 2) for number in range(3)]
        written = io.BytesIO()
        pages[0].save(written, "TIFF", save_all=True, append_images=pages[1:], software="Fax of Grace")
        document = await shelf.upload(written.getvalue(), "fax.tiff")
        await shelf.look()
        opened = (await shelf.owner.get(f"{STAFFS}/{document['id']}/content")).content
        assert b"Grace" in written.getvalue() and b"Grace" not in opened
        with Image.open(io.BytesIO(opened)) as given:
            assert [page.getpixel((1, 1)) for page in ImageSequence.Iterator(given)] == [0, 255, 0]

    async def test_of_two_pictures_in_one_the_first_is_given(self, shelf: Shelf) -> None:
        """What some telephones call a JPEG is a Multi-Picture Object (CIPA DC-007)."""
        written = io.BytesIO()
        first, second = Image.new("RGB", (8, 6), (200, 30, 30)), Image.new("RGB", (8, 6), (30, 30, 200))
        first.save(written, "MPO", save_all=True, append_images=[second])
        document = await shelf.upload(written.getvalue(), "a.jpg")
        await shelf.look()
        opened = await shelf.owner.get(f"{STAFFS}/{document['id']}/content")
        assert (opened.status_code, opened.headers["content-type"]) == (200, "image/jpeg")
        with Image.open(io.BytesIO(opened.content)) as given:
            assert (given.format, given.getpixel((1, 1))[0] > 180) == ("JPEG", True)

    async def test_what_is_noted_behind_the_pixels_goes_too(self, shelf: Shelf) -> None:
        """ISO 15948 section 5.6: a PNG may have its text after its picture."""
        plain, note = picture("PNG"), b"tEXtComment\0at home"
        chunk = struct.pack(">I", len(note) - 4) + note + struct.pack(">I", zlib.crc32(note))
        sent = plain[:-12] + chunk + plain[-12:]
        document = await shelf.upload(sent, "a.png")
        await shelf.look()
        opened = (await shelf.owner.get(f"{STAFFS}/{document['id']}/content")).content
        assert b"at home" in sent and b"at home" not in opened

    async def test_a_storage_that_is_slow_says_nothing_about_a_picture(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is not refused for good: the job tries again."""

        async def never() -> AsyncIterator[bytes]:
            await asyncio.Event().wait()
            yield b""

        monkeypatch.setattr(cleaning, "PATIENCE", 0.01)
        with pytest.raises(TimeoutError):
            async with cleaning.cleaned(never()):
                pass

    async def test_two_who_look_at_once_leave_one_picture(self, shelf: Shelf, sql: Sql) -> None:
        """A job that asks again may find the first look still under way."""
        document = await shelf.upload(noted("JPEG"), "a.jpg")
        query = "SELECT id FROM stored_file WHERE practice_id = %s"
        ((file_id,),) = sql(query, shelf.practice.id)
        await asyncio.gather(*(examine(shelf.world.jobs, UUID(shelf.practice.id), file_id) for _ in range(2)))
        assert len(sql(query, shelf.practice.id)) == 2
        assert (await shelf.owner.delete(f"{STAFFS}/{document['id']}")).status_code == 204
        assert sql("SELECT used_bytes FROM storage_usage WHERE subject_id = %s", shelf.practice.id) == [(0,)]

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
    async def test_one_that_says_nothing_is_given_as_it_is(self, kind: str, shelf: Shelf) -> None:
        content = picture(kind)
        document = await shelf.upload(content, f"a.{kind.lower()}")
        await shelf.look()
        assert (await shelf.owner.get(f"{STAFFS}/{document['id']}/content")).content == content

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.png", picture("PNG", (300, 300))[:-200]),
            ("a.jpg", picture("JPEG", (300, 300))[:700]),
            ("a.jpg", picture("JPEG")[:40] + b"\0" * 500),
            ("a.gif", b"GIF89a/*<script>alert(1)</script>*/"),
            ("a.webp", b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 40),
        ],
    )
    async def test_one_that_cannot_be_read_is_refused(self, name: str, content: bytes, shelf: Shelf, sql: Sql) -> None:
        response = await shelf.send(shelf.client, MINE, content, name)
        if response.status_code == 422:
            return
        document = made(response)
        await shelf.look()
        assert await states(shelf, document) == ["rejected"]
        assert await content_status(shelf, document) == {409}
        assert sql(
            "SELECT count(*) FROM event WHERE type = 'document.rejected' AND resource_id = %s", document["id"]
        ) == [(1,)]

    async def test_a_bomb_of_pixels_does_no_harm(self, shelf: Shelf) -> None:
        """A30: a few bytes that claim nine hundred million pixels."""
        header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (30_000).to_bytes(4) * 2 + b"\x08\x02\0\0\0"
        response = await shelf.send(shelf.client, MINE, header + b"\0" * 100, "a.png")
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "too_many_pixels")
        small = picture("JPEG")
        size = small.index(b"\xff\xc0") + 5
        bomb = small[:size] + (30_000).to_bytes(2) * 2 + small[size + 4 :]
        document = await shelf.upload(bomb, "a.jpg")
        await shelf.look()
        assert await states(shelf, document) == ["rejected"]

    async def test_what_is_deleted_while_it_waits_is_looked_at_by_nobody(self, shelf: Shelf) -> None:
        document = await shelf.upload(picture(), "a.png")
        assert (await shelf.client.delete(f"{MINE}/{document['id']}")).status_code == 204
        await shelf.look()
        assert (await shelf.owner.get(f"{STAFFS}/{document['id']}")).status_code == 404
