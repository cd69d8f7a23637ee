"""What a scanner does."""

from collections.abc import AsyncIterator
from typing import Protocol


class ScannerUnavailable(Exception):
    """There is no verdict: the scanner does not answer, or cannot take the file. It is never a good one."""


class Scanner(Protocol):
    async def scan(self, content: AsyncIterator[bytes]) -> str | None:
        """The name of what was found in the content; None for nothing. Raises ScannerUnavailable."""
        ...

    async def check(self) -> None:
        """Return when the scanner answers. Raises ScannerUnavailable."""
        ...
