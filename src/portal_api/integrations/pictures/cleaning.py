"""Pictures that somebody else has made, read where they can do no harm."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

PROGRAM = "portal_api.integrations.pictures.rendering"
CPU_SECONDS = 30
PATIENCE = 600.0
"""Seconds from the start of the process to its end: the machine has other work to do, and a storage may be slow."""
UNREADABLE, TOO_LARGE = 3, 4
"""Exit statuses of the program; the kernel's own say that it took too much."""
BLOCK = 256 * 1024
LONGEST_NAME = 100


class Unreadable(Exception):
    """It is no picture, or takes more than reading one may take. `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Picture:
    """What others are given in a picture's place. The pieces raise Unreadable where it turns out to be none."""

    media_type: str
    pieces: AsyncIterator[bytes]


@asynccontextmanager
async def cleaned(content: AsyncIterator[bytes], *, cpu_seconds: int = CPU_SECONDS) -> AsyncIterator[Picture | None]:
    """The picture without its metadata, upright, HEIC as JPEG; None where it says nothing that must go.

    Raises Unreadable, and TimeoutError, which says nothing about the picture. It is read in a process of its own, with
    limits: a few bytes can stand for more than a machine has. It goes there and comes back in pieces, and never to a
    disk.
    """
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", PROGRAM, str(cpu_seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},  # our settings, and so our secrets, are none of its business
    )
    try:
        async with asyncio.timeout(PATIENCE):
            assert child.stdin is not None and child.stdout is not None  # noqa: S101 - both are pipes
            await _hand_over(content, child.stdin)
            media_type = (await child.stdout.readline()).decode("ascii", "replace").strip()
            if not media_type:
                await _must_end_well(child)
            yield Picture(media_type, _pieces(child, child.stdout)) if media_type else None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def _hand_over(content: AsyncIterator[bytes], to: asyncio.StreamWriter) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it has ended: its status says why
        async for piece in content:
            to.write(piece)
            await to.drain()
        to.close()
        await to.wait_closed()


async def _pieces(child: asyncio.subprocess.Process, source: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await source.read(BLOCK):
        yield piece
    await _must_end_well(child)


async def _must_end_well(child: asyncio.subprocess.Process) -> None:
    status = await child.wait()
    if status:
        raise Unreadable("unreadable_picture" if status == UNREADABLE else "too_complex")
