"""A file that arrives: looked at, measured, sealed and stored, before there is a row of it."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.errors import Invalid, TooLarge, Unavailable, invalid
from portal_api.core.tools import Tools
from portal_api.core.uploads import UploadedFile
from portal_api.integrations import sniffing
from portal_api.services.documents import keys, kinds, policy, storing
from portal_api.services.documents.policy import Policy

MOST_PIXELS = 100_000_000
"""Of a picture. What claims more is not opened anywhere."""


@dataclass(frozen=True, slots=True)
class Practice:
    """To whom a file comes, and what they take."""

    id: UUID
    policy: Policy


@dataclass(frozen=True, slots=True)
class Announced:
    """What was said of a file before it came: its name as sent, media type, bytes and SHA-256."""

    name: str
    media_type: str
    size_bytes: int
    sha256: bytes


async def practice(tools: Tools, practice_id: UUID) -> Practice:
    async with tools.database.reader(Binding.system(practice_id)) as reader:
        return Practice(practice_id, await policy.of_practice(reader))


async def receive(
    tools: Tools, practice: Practice, name: str, pieces: AsyncIterator[bytes], announced: Announced | None = None
) -> UploadedFile:
    """Store a file as it comes. Its name and its bytes must agree on what it is, and both with what was announced.

    Raises KindNotAllowed, Invalid, TooLarge, StorageUnavailable; then nothing is stored.
    """
    name = kinds.clean_name(name)
    media_type = kinds.by_name(name, practice.policy.allowed_types)
    data_key = await keys.of_practice(tools.database, practice.id)
    look = _Look(media_type, practice.policy.max_upload_bytes, announced)
    written = await storing.write(tools.storage, practice.id, data_key, pieces, look)
    return UploadedFile(
        id=written.id,
        key=written.key,
        data_key_id=written.data_key_id,
        name=name,
        media_type=media_type,
        size_bytes=written.size_bytes,
        sha256=written.sha256,
    )


async def discard(tools: Tools, file: UploadedFile) -> None:
    """Take a file away that nothing refers to; where that fails, the next sweep does it."""
    with suppress(Unavailable):
        await tools.storage.delete(file.key)


class _Look:
    """Raises what is wrong with a file, as soon as it is seen."""

    def __init__(self, media_type: str, max_bytes: int, announced: Announced | None) -> None:
        self._media_type, self._max, self._announced = media_type, max_bytes, announced
        self._size = 0
        self._head: bytearray | None = bytearray()
        """Until there is enough of it to be looked at."""
        self._tail = bytearray()

    def see(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max:
            raise TooLarge(f"A file may have at most {self._max} bytes.", max_bytes=self._max)
        if self._announced is not None and self._size > self._announced.size_bytes:
            raise _other_size(self._announced)
        if self._head is not None:
            self._head += piece
            if len(self._head) >= sniffing.HEAD:
                self._look_at_head(bytes(self._head))
        if kinds.is_text(self._media_type) and b"\0" in piece:
            raise kinds.mismatch()
        if kinds.is_package(self._media_type):
            self._tail += piece
            if len(self._tail) > 2 * sniffing.TAIL:
                del self._tail[: -sniffing.TAIL]

    def finish(self, sha256: bytes) -> None:
        if not self._size:
            raise invalid("/file", "empty_file", "The file is empty.")
        if self._announced is not None and self._size != self._announced.size_bytes:
            raise _other_size(self._announced)
        if self._announced is not None and sha256 != self._announced.sha256:
            raise invalid("/file", "sha256_mismatch", "These are not the bytes whose SHA-256 was declared.")
        if self._head is not None:
            self._look_at_head(bytes(self._head))
        if kinds.is_package(self._media_type):
            kinds.must_be_package(self._media_type, sniffing.open_xml(bytes(self._tail[-sniffing.TAIL :])))

    def _look_at_head(self, head: bytes) -> None:
        self._head = None
        kinds.must_be(self._media_type, sniffing.media_type_of(head))
        size = sniffing.png_size(head)
        if size is not None and size[0] * size[1] > MOST_PIXELS:
            raise invalid("/file", "too_many_pixels", f"A picture may have at most {MOST_PIXELS} pixels.")


def _other_size(announced: Announced) -> Invalid:
    return invalid("/file", "size_mismatch", f"A file of {announced.size_bytes} bytes was declared.")
