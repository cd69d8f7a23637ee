"""Frames: a file comes back as it was from any range and in any pieces, and from nothing but its own frames."""

import os
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_api.core.framing import FRAME, TAG, FileCipher, Opener, Sealer
from portal_api.core.sealing import SealError

KEY, PRACTICE, FILE = b"k" * 32, UUID(int=1), UUID(int=2)
SIZES = st.sampled_from([1, 2, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 3 * FRAME + 5])
PIECES = st.sampled_from([1000, FRAME - 1, FRAME, FRAME + TAG, 10 * FRAME])


def cipher(key: bytes = KEY, practice: UUID = PRACTICE, file: UUID = FILE) -> FileCipher:
    return FileCipher(key, practice, file)


def sealed(content: bytes, size: int = FRAME) -> bytes:
    sealer = Sealer(cipher())
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(sealer.update(pieces)) + sealer.finish()


def opened(
    frames: bytes, size: int, start: int = 0, stop: int | None = None, piece: int = FRAME, **of: object
) -> bytes:
    opener = Opener(cipher(**of), size, start, size if stop is None else stop)  # type: ignore[arg-type]
    wanted = frames[opener.sealed_start : opener.sealed_stop]
    found = b"".join(part for at in range(0, len(wanted), piece) for part in opener.update(wanted[at : at + piece]))
    opener.finish()
    return found


@given(size=SIZES, in_pieces=PIECES, out_pieces=PIECES, ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_any_range_comes_back(size: int, in_pieces: int, out_pieces: int, ends: tuple[float, float]) -> None:
    content = os.urandom(size)
    frames = sealed(content, in_pieces)
    assert len(frames) == size + TAG * -(-size // FRAME)
    start, stop = sorted(int(end * size) for end in ends)
    stop = max(stop, start + 1) if start < size else size
    start = min(start, size - 1)
    assert opened(frames, size, start, stop, out_pieces) == content[start:stop]


SIZE = 3 * FRAME + 100
CONTENT = bytes(SIZE)
FRAMES = sealed(CONTENT)
ONE = FRAME + TAG


@pytest.mark.parametrize(
    ("what", "frames", "size"),
    [
        ("the last frame gone", FRAMES[: 3 * ONE], SIZE),
        ("the last frame gone, and the size says so", FRAMES[: 3 * ONE], 3 * FRAME),
        ("the first frame gone", FRAMES[ONE:], SIZE - FRAME),
        ("a frame twice", FRAMES[:ONE] + FRAMES, SIZE + FRAME),
        ("two frames swapped", FRAMES[ONE : 2 * ONE] + FRAMES[:ONE] + FRAMES[2 * ONE :], SIZE),
        ("a frame left out", FRAMES[:ONE] + FRAMES[2 * ONE :], SIZE - FRAME),
        ("a bit flipped", FRAMES[:500] + bytes([FRAMES[500] ^ 1]) + FRAMES[501:], SIZE),
        ("more behind it", FRAMES + FRAMES[-116:], SIZE + 100),
        ("nothing", b"", SIZE),
    ],
)
def test_frames_that_were_touched_do_not_open(what: str, frames: bytes, size: int) -> None:
    with pytest.raises(SealError):
        opened(frames, size)


@pytest.mark.parametrize("other", [{"key": b"x" * 32}, {"practice": uuid4()}, {"file": uuid4()}])
def test_frames_open_in_their_own_place_alone(other: dict[str, object]) -> None:
    with pytest.raises(SealError):
        opened(FRAMES, SIZE, **other)


def test_the_same_words_look_different_in_another_file() -> None:
    sealer = Sealer(cipher(file=uuid4()))
    assert b"".join(sealer.update([CONTENT])) + sealer.finish() != FRAMES
