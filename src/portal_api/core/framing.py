"""Files encrypted at rest in frames, so that they can be written, read and cut into ranges as streams.

Each frame is sealed with AES-256-GCM under a key of its file alone (HKDF-SHA256 of the practice's data key). Its nonce
is its place in the file and whether it is the last one, as in STREAM (Hoang et al. 2015): frames can be neither moved,
swapped, cut off nor added, nor brought from another file.
"""

from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal_api.core.sealing import SealError

FRAME = 64 * 1024
"""Bytes of a file in one frame; the last may have fewer."""
TAG = 16
_USE = b"portal-api file v1"


class FileCipher:
    """The key of one file of one practice. A file is written once: nonces are never used twice."""

    def __init__(self, data_key: bytes, practice_id: UUID, file_id: UUID) -> None:
        self._place = practice_id.bytes + file_id.bytes
        info = _USE + self._place
        self._cipher = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(data_key))

    def seal(self, index: int, frame: bytes | memoryview, *, last: bool) -> bytes:
        return self._cipher.encrypt(_nonce(index, last), frame, self._place)

    def open(self, index: int, sealed: bytes | memoryview, *, last: bool) -> bytes:
        """Raises SealError for anything but this very frame."""
        try:
            return self._cipher.decrypt(_nonce(index, last), sealed, self._place)
        except InvalidTag:
            raise SealError("the frame does not open here") from None


class Sealer:
    """Takes a file in pieces of any size and gives its frames."""

    def __init__(self, cipher: FileCipher) -> None:
        self._cipher = cipher
        self._index = 0
        self._held = bytearray()

    def update(self, piece: bytes) -> bytes:
        """The frames that are complete. What may be the last one is held back."""
        self._held += piece
        whole = (len(self._held) - 1) // FRAME if self._held else 0
        if not whole:
            return b""
        with memoryview(self._held) as held:
            sealed = b"".join(
                self._cipher.seal(self._index + i, held[i * FRAME : (i + 1) * FRAME], last=False) for i in range(whole)
            )
        self._index += whole
        del self._held[: whole * FRAME]
        return sealed

    def finish(self) -> bytes:
        return self._cipher.seal(self._index, bytes(self._held), last=True)


class Opener:
    """Takes the sealed frames of a range in pieces of any size and gives the bytes of the range.

    size: of the file, in bytes. The range is [start, stop), which lies within it and is not empty.
    """

    def __init__(self, cipher: FileCipher, size: int, start: int, stop: int) -> None:
        self._cipher = cipher
        self._last = (size - 1) // FRAME
        self._size_of_last = size - self._last * FRAME + TAG
        self._index, self._end = start // FRAME, (stop - 1) // FRAME
        self._skip, self._left = start - self._index * FRAME, stop - start
        self._held = bytearray()
        self.sealed_start = self._index * (FRAME + TAG)
        """Where the frames of the range begin in the object, and where they end."""
        self.sealed_stop = min((self._end + 1) * (FRAME + TAG), self._last * (FRAME + TAG) + self._size_of_last)

    def update(self, piece: bytes | memoryview) -> bytes:
        """The bytes of the range in the frames that are complete. Raises SealError."""
        self._held += piece
        taken = 0
        opened: list[bytes] = []
        with memoryview(self._held) as held:
            while self._index <= self._end and len(held) - taken >= (size := self._sealed_size()):
                frame = self._cipher.open(self._index, held[taken : taken + size], last=self._index == self._last)
                opened.append(frame[self._skip : self._skip + self._left])
                self._left -= len(opened[-1])
                self._skip, self._index, taken = 0, self._index + 1, taken + size
        del self._held[:taken]
        return b"".join(opened)

    def _sealed_size(self) -> int:
        return self._size_of_last if self._index == self._last else FRAME + TAG

    def finish(self) -> None:
        """Raises SealError where the object ended before the range did."""
        if self._left:
            raise SealError("the file is cut off")


def _nonce(index: int, last: bool) -> bytes:
    return index.to_bytes(11) + bytes([last])
