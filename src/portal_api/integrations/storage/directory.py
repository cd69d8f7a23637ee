"""Objects as files of a directory: readable by this account alone, and on the disk when `put` returns."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from portal_api.core.objects import Listed, ObjectMissing, StorageUnavailable

BLOCK = 1024 * 1024
"""Bytes that are read at once."""
UNFINISHED = ".part"
MOST_AT_ONCE = 512
"""Pieces of one system call; IOV_MAX is 1024."""
T = TypeVar("T")
_KEY = re.compile(r"[0-9a-f-]+(?:/[0-9a-f-]+)*")


class Directory:
    """An object's key is its path. It is written under another name and moved when it is whole."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    async def put(self, key: str, content: AsyncIterator[Sequence[bytes]]) -> None:
        path = self._path(key)
        part = path.with_name(f"{path.name}.{token_hex(6)}{UNFINISHED}")
        try:
            file = await _in_thread(_create, self._root, part)
            try:
                async for pieces in content:
                    await _in_thread(_write, file, pieces)
                await _in_thread(_finish, file, part, path)
            finally:
                os.close(file)
        except OSError as error:
            raise StorageUnavailable("The file could not be kept. Try again in a while.") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    async def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[memoryview]:
        try:
            file = await _in_thread(os.open, self._path(key), os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise ObjectMissing(key) from None
        except OSError as error:
            raise StorageUnavailable from error
        try:
            block = memoryview(bytearray(BLOCK if stop is None else min(BLOCK, stop - start)))
            while stop is None or start < stop:
                wanted = block if stop is None else block[: stop - start]
                got = await _in_thread(os.preadv, file, [wanted], start)
                if not got:
                    return
                start += got
                yield block[:got]
        except OSError as error:
            raise StorageUnavailable from error
        finally:
            os.close(file)

    async def delete(self, key: str) -> None:
        try:
            await asyncio.to_thread(self._path(key, unfinished=True).unlink, missing_ok=True)
        except OSError as error:
            raise StorageUnavailable from error

    async def list(self, prefix: str) -> AsyncIterator[Listed]:
        try:
            found = await asyncio.to_thread(lambda: list(_walk(self._root, self._path(prefix))))
        except OSError as error:
            raise StorageUnavailable from error
        for listed in found:
            yield listed

    async def check(self) -> None:
        probe = self._root / f"{token_hex(6)}{UNFINISHED}"
        try:
            os.close(await _in_thread(_create, self._root, probe))
            await asyncio.to_thread(probe.unlink)
        except OSError as error:
            raise StorageUnavailable from error

    def _path(self, key: str, *, unfinished: bool = False) -> Path:
        name = re.sub(rf"\.[0-9a-f]+{re.escape(UNFINISHED)}$", "", key) if unfinished else key
        if not _KEY.fullmatch(name):
            raise ValueError("not a key of ours")
        return self._root / key


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Who is cancelled meanwhile leaves when the thread has ended: it must not write to a descriptor that is closed."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise


def _create(root: Path, part: Path) -> int:
    """A new file that nobody else can read, in directories that nobody else can enter."""
    for directory in (root, *(parent for parent in reversed(part.parents) if parent.is_relative_to(root))):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)


def _write(file: int, pieces: Sequence[bytes]) -> None:
    left = [memoryview(piece) for piece in pieces]
    while left:
        written = os.writev(file, left[:MOST_AT_ONCE])
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]


def _finish(file: int, part: Path, path: Path) -> None:
    os.fsync(file)
    part.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)  # else the name may be gone after a crash, though the file is there
    finally:
        os.close(directory)


def _walk(root: Path, below: Path) -> Iterator[Listed]:
    for directory, _, names in os.walk(below):
        for name in names:
            path = Path(directory) / name
            with suppress(FileNotFoundError):
                yield Listed(str(path.relative_to(root)), datetime.fromtimestamp(path.stat().st_mtime, UTC))
