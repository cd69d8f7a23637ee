"""Files encrypted at rest in frames, so that they can be written, read and cut into ranges as streams.

Each frame is sealed with AES-256-GCM under a key of its file alone (HKDF-SHA256 of the practice's data key). Its nonce
is its place in the file and whether it is the last one, as in STREAM (Hoang et al. 2015): frames can be neither moved,
swapped, cut off nor added, nor brought from another file.
"""

from collections.abc import Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal_api.core.sealing import SealError

FRAME = 64 * 1024
"""Bytes of a file in one frame; the last may have fewer."""
TAG = 16
Piece = bytes | bytearray | memoryview
_USE = b"portal-api file v1"


class FileCipher:
    """The key of one file of one practice. A file is written once: nonces are never used twice."""

    def __init__(self, data_key: bytes, practice_id: UUID, file_id: UUID) -> None:
        self._place = practice_id.bytes + file_id.bytes
        info = _USE + self._place
        self._cipher = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(data_key))

    def seal(self, index: int, frame: Piece, *, last: bool) -> bytes:
        return self._cipher.encrypt(_nonce(index, last), frame, self._place)

    def open(self, index: int, sealed: Piece, *, last: bool) -> bytes:
        """Raises SealError for anything but this very frame."""
        try:
            return self._cipher.decrypt(_nonce(index, last), sealed, self._place)
        except InvalidTag:
            raise SealError("the frame does not open here") from None


class Sealer:
    """Takes a file in pieces of any size and gives its frames. One frame is all that it holds."""

    def __init__(self, cipher: FileCipher) -> None:
        self._cipher = cipher
        self._index = 0
        self._frame = memoryview(bytearray(FRAME))
        self._filled = 0

    def update(self, pieces: Sequence[Piece]) -> list[bytes]:
        """The frames that are complete. What may be the last one is held back."""
        sealed = []
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                if self._filled == FRAME:
                    sealed.append(self._cipher.seal(self._index, self._frame, last=False))
                    self._index, self._filled = self._index + 1, 0
                taken = rest[: FRAME - self._filled]
                self._frame[self._filled : self._filled + len(taken)] = taken
                self._filled += len(taken)
                rest = rest[len(taken) :]
        return sealed

    def finish(self) -> bytes:
        return self._cipher.seal(self._index, self._frame[: self._filled], last=True)


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

    def update(self, piece: Piece) -> list[bytes]:
        """The bytes of the range in each frame that is complete. Raises SealError."""
        rest = memoryview(piece)
        opened: list[bytes] = []
        while rest and self._index <= self._end:
            size = self._size_of_last if self._index == self._last else FRAME + TAG
            taken = rest[: size - len(self._held)]
            rest = rest[len(taken) :]
            if len(taken) == size:  # nothing of it is held: it need not be copied
                opened.append(self._open(taken))
                continue
            self._held += taken
            if len(self._held) == size:
                opened.append(self._open(self._held))
                self._held = bytearray()
        return opened

    def _open(self, sealed: Piece) -> bytes:
        frame = self._cipher.open(self._index, sealed, last=self._index == self._last)
        wanted = frame[self._skip : self._skip + self._left]
        self._left -= len(wanted)
        self._index, self._skip = self._index + 1, 0
        return wanted

    def finish(self) -> None:
        """Raises SealError where the object ended before the range did."""
        if self._left:
            raise SealError("the file is cut off")


def _nonce(index: int, last: bool) -> bytes:
    return index.to_bytes(11) + bytes([last])
