"""Documents opened: their content as a stream, authorised each time and noted each time (F9.M5, F9.B5)."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, NotFound
from portal_api.core.objects import ObjectStore
from portal_api.models.documents import READABLE, Document, DocumentView, FileState
from portal_api.services import audit
from portal_api.services.documents import kinds, reading, storing


class NotReady(Conflict):
    code, title = "not_ready", "The file has not been looked at yet"


class Withheld(Conflict):
    code, title = "file_withheld", "The file was found to be harmful or damaged"


@dataclass(frozen=True, slots=True)
class Content:
    """A file to be sent. `read(start, stop)` gives the bytes of [start, stop)."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    sealed: storing.Sealed
    store: ObjectStore

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        return storing.read(self.store, self.sealed, start, stop)


async def content(session: Session, principal: Principal, document_id: UUID) -> Content:
    """The content of a document that the caller sees. Raises NotFound, NotReady, Withheld."""
    row = await reading.visible(session, principal, document_id, opening=True)
    found = content_of(session, row)
    await note_view(session, principal, row)
    return found


def content_of(session: Session, row: dict[str, Any]) -> Content:
    """What `reading` found with what it takes to open it. Raises NotReady, Withheld."""
    must_be_readable(row["state"])
    tools, media_type = session.tools, row["media_type"]
    return Content(
        name=kinds.named_as(row["file_name"], media_type),
        media_type=media_type,
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        sealed=storing.Sealed.from_row(tools, session.binding.practice_id, row),
        store=tools.storage,
    )


def must_be_readable(state: str) -> None:
    """Nothing is given out before its verdict, and nothing after a bad one (F9.M4)."""
    if state in (FileState.QUARANTINED, FileState.REJECTED):
        raise Withheld("It stays closed to everybody. Ask for it to be sent again, in good order.", state=state)
    if state not in READABLE:
        raise NotReady("Try again in a while.", state=state)


async def note_view(session: Session, principal: Principal, row: dict[str, Any]) -> None:
    """Write the receipt and the record of one document that is given out. Raises NotFound."""
    await write_receipts(session, principal, [row])
    resource, whose = ("document", UUID(str(row["id"]))), [UUID(str(row["client_id"]))]
    await audit.record(session, principal, "document.viewed", resource=resource, clients=whose)


async def write_receipts(session: Session, principal: Principal, rows: Sequence[dict[str, Any]]) -> None:
    """Note who has opened these documents; the first of staff keeps the client from deleting one.

    Raises NotFound where one was deleted at the same moment.
    """
    whose = {UUID(str(row["id"])): UUID(str(row["client_id"])) for row in rows}
    if not principal.is_client:
        await _mark_opened(session, principal, whose)
    practice_id, account_id = session.binding.practice_id, principal.account_id
    receipts = [
        {"practice_id": practice_id, "document_id": each, "account_id": account_id, "client_id": whose[each]}
        for each in sorted(whose)  # in one order, so that two archives never wait for each other
    ]
    again = {"last_viewed_at": func.now(), "views": DocumentView.views + 1}
    key = ["practice_id", "document_id", "account_id"]
    await session.execute(insert(DocumentView).values(receipts).on_conflict_do_update(index_elements=key, set_=again))


async def _mark_opened(session: Session, principal: Principal, document_ids: Collection[UUID]) -> None:
    wanted = select(Document).where(Document.id.in_(document_ids)).order_by(Document.id)
    documents = (await session.scalars(wanted.with_for_update(key_share=True))).all()
    if len(documents) < len(document_ids):
        raise NotFound
    now = await clock.now(session)
    for document in documents:
        if document.opened_by_staff_at is None and document.uploaded_by != principal.account_id:
            document.opened_by_staff_at = now
    await session.flush()
