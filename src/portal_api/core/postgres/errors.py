"""What can go wrong with the embedded PostgreSQL, and what to do about it."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ANOTHER_SERVER = "or set PORTAL_DATABASE_URL to a PostgreSQL server of your own"

_FULL = (
    "The disk (or the quota) that holds {home} is full. "
    "Free some space, a new database needs about 100 MB, and start again."
)
_CLOSED = (
    "The database cannot write in {home}. Give this user write access to it, "
    f"choose another data directory, {ANOTHER_SERVER}."
)
_NO_MEMORY = f"The machine has too little free memory for the database. Free some and start again, {ANOTHER_SERVER}."
_STILL_THERE = (
    "Another process still holds {home}/cluster. Wait for it to end and start again; if the process "
    "named in the first line of {home}/cluster/postmaster.pid is not a database server, remove that file."
)
_ADVICE = {
    "No space left on device": _FULL,
    "Check free disk space": _FULL,
    "Disk quota exceeded": _FULL,
    "File too large": _FULL,
    "File size limit exceeded": _FULL,
    "Permission denied": _CLOSED,
    "Operation not permitted": _CLOSED,
    "Read-only file system": _CLOSED,
    "Cannot allocate memory": _NO_MEMORY,
    "could not create shared memory segment": _NO_MEMORY,
    '"postmaster.pid" already exists': _STILL_THERE,
    "is still in use": _STILL_THERE,
}
_UNKNOWN = f"The reason is in {{home}}/server.log and below. Mend it and start again, {ANOTHER_SERVER}."


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be had; the message says what happened and what to do next."""


def explained(what: str, output: str, home: Path) -> EmbeddedPostgresError:
    """The error for a step `what` that failed with this output, for the server that lives in `home`."""
    advice = next((advice for sign, advice in _ADVICE.items() if sign in output), _UNKNOWN)
    tail = "\n".join(f"  {line}" for line in output.strip().splitlines()[-5:])
    return EmbeddedPostgresError(f"{what}. {advice.format(home=home)}\n{tail}")


@contextmanager
def explaining(what: str, home: Path) -> Generator[None]:
    """Turn an operating system's refusal inside the block into an EmbeddedPostgresError."""
    try:
        yield
    except OSError as error:
        raise explained(what, str(error), home) from error
