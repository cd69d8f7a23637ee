"""PDFs, made by a short-lived process: its memory is given back, and whatever a paper does to it ends with it."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import structlog

from portal_api.core.errors import Unavailable
from portal_api.integrations.papers.content import Paper

TIMEOUT = 8.0
"""Seconds; a transaction that waits is ended by the database after ten."""
AT_ONCE = 2
_LENGTH = 8
_PRINTER = "portal_api.integrations.papers.printer"
_busy = asyncio.Semaphore(AT_ONCE)
_log = structlog.get_logger()


async def as_pdf(papers: Sequence[Paper]) -> list[bytes]:
    """Tagged PDFs (PDF/UA-1), each of its paper, in that order. Raises Unavailable."""
    order = json.dumps([asdict(paper) for paper in papers], default=_numbers).encode()
    async with _busy:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", _PRINTER,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={},
        )  # fmt: skip
        try:
            printed, complaint = await asyncio.wait_for(process.communicate(order), TIMEOUT)
        except TimeoutError:
            printed, complaint = b"", b"took too long"
        finally:
            await _ended(process)
    found = _split(printed)
    if process.returncode or len(found) != len(papers):
        # The last line is a class of errors or a missing module; a whole traceback could hold what the paper says.
        _log.error("paper_not_printed", why=complaint.decode(errors="replace").strip().rpartition("\n")[2][:100])
        raise Unavailable("The paper cannot be written now.")
    return found


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _split(printed: bytes) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    while at + _LENGTH <= len(printed):
        end = at + _LENGTH + int.from_bytes(printed[at : at + _LENGTH])
        found.append(printed[at + _LENGTH : end])
        at = end
    return found if at == len(printed) else []


def _numbers(value: Any) -> list[int]:
    """JSON has no bytes."""
    if isinstance(value, bytes):
        return list(value)
    raise TypeError(f"a paper holds no {type(value).__name__}")
