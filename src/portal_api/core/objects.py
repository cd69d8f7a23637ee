"""Objects outside the database: what services need of a storage. The stores themselves are in integrations."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal_api.core.errors import Unavailable


class StorageUnavailable(Unavailable):
    code, title = "storage_unavailable", "The storage of files cannot be reached"


class ObjectMissing(Exception):
    """There is no object of this key."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object, or what is left of one whose writing broke off."""

    key: str
    modified_at: datetime


class ObjectStore(Protocol):
    """Objects by key. Keys are the program's own: lower-case hexadecimal digits, hyphens and slashes.

    Every method raises StorageUnavailable when the storage does not answer.
    """

    async def put(self, key: str, content: AsyncIterator[Sequence[bytes]]) -> None:
        """Write an object as its pieces come. It is whole and durable on return; one that breaks off is not there."""
        ...

    def get(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes | memoryview]:
        """The bytes of [start, stop), to the end without a stop; a piece is good until the next one is asked for.

        Raises ObjectMissing before the first of them.
        """
        ...

    async def delete(self, key: str) -> None:
        """Take an object away; one that is not there is no error."""
        ...

    def list(self, prefix: str) -> AsyncIterator[Listed]:
        """Every object whose key begins with `prefix` and a slash."""
        ...

    async def check(self) -> None:
        """Return when the storage can be written to."""
        ...
