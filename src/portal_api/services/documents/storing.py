"""Files into the storage and out of it again: sealed in frames on the way in, opened on the way out."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from portal_api.core.framing import FileCipher, Opener, Sealer
from portal_api.core.ids import new_id
from portal_api.core.objects import ObjectMissing, ObjectStore, StorageUnavailable
from portal_api.core.sealing import SealError
from portal_api.core.tools import Tools
from portal_api.services.documents import keys
from portal_api.services.documents.keys import Key

BLOCK = 1024 * 1024
"""Bytes that are hashed, sealed and written at once, in a thread: the process has other requests to answer."""
Pieces = AsyncIterator[bytes]


class Look(Protocol):
    """Sees a file on its way, in a thread, and may raise what is wrong with it: then nothing is stored."""

    def see(self, piece: bytes) -> None: ...

    def finish(self, sha256: bytes) -> None:
        """All of it was seen, and this is its digest."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that lies in the storage."""

    id: UUID
    key: str
    data_key_id: UUID
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """What opening a stored file takes. `from_row` reads it from columns of `reading.FILE`."""

    practice_id: UUID
    id: UUID
    key: str
    size_bytes: int
    data_key: bytes

    @classmethod
    def from_row(cls, tools: Tools, practice_id: UUID, row: dict[str, Any]) -> "Sealed":
        data_key = keys.opened(tools.vault, practice_id, UUID(str(row["data_key_id"])), row["sealed_key"])
        return cls(practice_id, UUID(str(row["stored_id"])), row["key"], row["size_bytes"], data_key)


def key_of(practice_id: UUID, file_id: UUID) -> str:
    """What a file is called in the storage: nothing that anybody sent (A28)."""
    return f"{practice_id}/{file_id.hex[-2:]}/{file_id}"


async def write(
    store: ObjectStore, practice_id: UUID, data_key: Key, pieces: Pieces, look: Look | None = None
) -> Written:
    """Store a file as it comes. Raises StorageUnavailable, and whatever the pieces or the look raise."""
    file_id = new_id()
    stream = _Sealing(pieces, Sealer(FileCipher(data_key[1], practice_id, file_id)), look)
    key = key_of(practice_id, file_id)
    try:
        await store.put(key, stream.frames())
    except StorageUnavailable:
        # A store may have wrapped what the pieces raised.
        raise stream.failure or StorageUnavailable("The file could not be kept. Try again in a while.") from None
    return Written(file_id, key, data_key[0], stream.size, stream.digest.digest())


async def read(store: ObjectStore, file: Sealed, start: int = 0, stop: int | None = None) -> Pieces:
    """The bytes of [start, stop) of a stored file. Raises StorageUnavailable, also for an object that is damaged."""
    cipher = FileCipher(file.data_key, file.practice_id, file.id)
    opener = Opener(cipher, file.size_bytes, start, file.size_bytes if stop is None else stop)
    try:
        async for sealed in store.get(file.key, opener.sealed_start, opener.sealed_stop):
            for opened in opener.update(sealed):
                yield opened
        opener.finish()
    except (ObjectMissing, SealError):
        raise StorageUnavailable("The file cannot be read.") from None


class _Sealing:
    """Counts, hashes and seals on the way through."""

    def __init__(self, pieces: Pieces, sealer: Sealer, look: Look | None) -> None:
        self._pieces, self._sealer, self._look = pieces, sealer, look
        self.size = 0
        self.digest = hashlib.sha256()
        self.failure: Exception | None = None

    async def frames(self) -> AsyncIterator[Sequence[bytes]]:
        """One block is sealed while the next one arrives."""
        blocks = _blocks(self._pieces)
        arriving = asyncio.ensure_future(anext(blocks, None))
        try:
            while (block := await arriving) is not None:
                arriving = asyncio.ensure_future(anext(blocks, None))
                if sealed := await asyncio.to_thread(self._take, block):
                    yield sealed
            if self._look:
                await asyncio.to_thread(self._look.finish, self.digest.digest())
            yield [self._sealer.finish()]
        except Exception as error:
            self.failure = error
            raise
        finally:
            arriving.cancel()
            await asyncio.wait({arriving})
            if not arriving.cancelled():
                arriving.exception()  # it is known, or comes too late to matter

    def _take(self, block: Sequence[bytes]) -> list[bytes]:
        for piece in block:
            self.size += len(piece)
            if self._look:
                self._look.see(piece)
            self.digest.update(piece)
        return self._sealer.update(block)


async def _blocks(pieces: Pieces) -> AsyncIterator[list[bytes]]:
    """The same pieces, some at a time: of at least BLOCK bytes together, but for the last."""
    held, size = list[bytes](), 0
    async for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield held
            held, size = list[bytes](), 0
    if held:
        yield held
