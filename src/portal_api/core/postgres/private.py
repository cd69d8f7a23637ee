"""Files that only one account can read, and locks on them between processes."""

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open_private(new) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def open_private(path: Path) -> IO[str]:
    """Open a file for writing, made with mode 0600 and, by root, for the owner of its directory."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return os.fdopen(descriptor, "r+")


@contextmanager
def turn(path: Path, waiting: Callable[[], None]) -> Generator[None]:
    """Be the only process inside the block; call `waiting` once if another one is in there."""
    with open_private(path) as file:
        if not locked(file, fcntl.LOCK_EX):
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def locked(file: IO[str], kind: int) -> bool:
    """Try to take a lock of this kind (fcntl.LOCK_EX, fcntl.LOCK_SH) without waiting; whether it was had."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
