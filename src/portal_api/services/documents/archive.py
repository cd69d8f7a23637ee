"""Several documents at once, as a ZIP archive that is written while it is sent (F9.M7)."""

import io
import time
import zipfile
from collections.abc import AsyncIterator, Sequence
from functools import cache
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam

from portal_api.core.access import Principal
from portal_api.core.db import Read, Session
from portal_api.core.db.base import UUIDS
from portal_api.core.errors import NotFound
from portal_api.models.documents import Document
from portal_api.services import audit
from portal_api.services.clients import reading as clients
from portal_api.services.documents import opening, reading
from portal_api.services.documents.opening import Content


class NotAllThere(NotFound):
    """One of the ids is not the caller's to see: nothing of the others is given either, and that is recorded."""

    keeps_effects = True


async def contents(
    session: Session, principal: Principal, ids: Sequence[UUID], client_id: UUID | None = None
) -> list[Content]:
    """The contents of all these documents, of one client where it is named, each noted as opened.

    Raises NotFound where one of them is not the caller's to see, NotReady, Withheld.
    """
    wanted = list(dict.fromkeys(ids))
    rows = await session.rows(_read(principal), ids=wanted, **reading.who_asks(principal))
    found = {UUID(str(row["id"])): row for row in rows if client_id in (None, UUID(str(row["client_id"])))}
    if len(found) != len(wanted):
        details = {"code": NotFound.code, "ids": len(wanted), "found": len(found)}
        await audit.record(session, principal, "access.denied", outcome="denied", details=details)
        raise NotAllThere
    chosen = [opening.content_of(session, found[document_id]) for document_id in wanted]
    await opening.write_receipts(session, principal, list(found.values()))
    whose = {UUID(str(row["client_id"])) for row in found.values()}
    details = {"document_ids": [str(document_id) for document_id in wanted]}
    await audit.record(session, principal, "documents.downloaded", clients=whose, details=details)
    return chosen


async def zipped(files: Sequence[Content]) -> AsyncIterator[bytes]:
    """The archive, piece by piece. Files are stored as they are: most of them are packed already."""
    written = _Written()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, file in _named(files):
            entry = zipfile.ZipInfo(name, time.gmtime()[:6])
            entry.external_attr = 0o600 << 16
            entry.file_size = file.size_bytes
            with archive.open(entry, "w") as member:
                async for piece in file.read(0, file.size_bytes):
                    member.write(piece)
                    yield written.taken()
            yield written.taken()
    yield written.taken()


class _Written(io.RawIOBase):
    """What the archive has written since it was last asked; it cannot go back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


def _named(files: Sequence[Content]) -> list[tuple[str, Content]]:
    """Each under a name of its own: report.pdf, report (2).pdf."""
    named: list[tuple[str, Content]] = []
    taken: set[str] = set()
    for file in files:
        path, count, name = PurePosixPath(file.name), 1, file.name
        while name.casefold() in taken:
            count += 1
            name = f"{path.stem} ({count}){path.suffix}"
        taken.add(name.casefold())
        named.append((name, file))
    return named


def _read(principal: Principal) -> Read:
    return _many("client", True) if principal.is_client else _many("staff", clients.sees_all(principal))


@cache
def _many(kind: str, everyone: bool) -> Read:
    columns = reading.STAFF_COLUMNS if kind == "staff" else reading.CLIENT_COLUMNS
    statement = reading.with_key(reading.joined(*columns, *reading.FILE))
    statement = statement.where(Document.id == bindparam("ids", type_=UUIDS).any_())
    return Read(reading.for_staff(statement, everyone) if kind == "staff" else reading.for_client(statement))
