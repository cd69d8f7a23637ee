"""Documents that go: rows at once, what lies in the storage by a job after the commit."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy import delete as delete_rows

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Session
from portal_api.models.documents import (
    Document,
    DocumentSettings,
    DocumentView,
    PracticeDocument,
    RetentionClass,
    StoredFile,
)
from portal_api.services import audit
from portal_api.services.documents import adding, reading, references

BATCH = 100
UNCLAIMED = timedelta(days=1)
"""After so long an object without a row is what is left of an upload that came to nothing."""
DOOMED = Read(select(StoredFile.id, StoredFile.key).where(StoredFile.doomed_at.is_not(None)).limit(BATCH))
OVER = Read(
    select(Document.id)
    .join(DocumentSettings, DocumentSettings.practice_id == Document.practice_id)
    .where(
        DocumentSettings.dispose_when_over,
        Document.retention_class != RetentionClass.NONE,
        ~Document.legal_hold,
        func.now() >= reading.RETAIN_UNTIL,
        Document.id > bindparam("after_id"),
    )
    .order_by(Document.id)
    .limit(BATCH)
)
KNOWN = Read(select(StoredFile.key).where(StoredFile.id == func.any(bindparam("ids", type_=reading.UUIDS))))


async def delete(session: Session, principal: Principal, document: Document, type: str) -> None:
    """Delete a document, its receipts and its file. The event is the certificate of its disposal (F9.B4).

    Raises DocumentInUse.
    """
    await references.must_not_be_asked_for(session, document.id)
    stored = await held(session, document.file_id)
    facts = {
        "sha256": stored.sha256.hex(),
        "size_bytes": stored.size_bytes,
        "created_at": document.created_at.isoformat(),
        "retention_class": document.retention_class,
        # Who is told that it is gone: who could see it.
        "confidential": document.confidential,
        "shared_at": document.shared_at and document.shared_at.isoformat(),
        "uploaded_by": document.uploaded_by and str(document.uploaded_by),
        "withdrawn_at": document.withdrawn_at and document.withdrawn_at.isoformat(),
    }
    resource, whose = ("document", document.id), [document.client_id]
    await session.execute(delete_rows(DocumentView).where(DocumentView.document_id == document.id))
    await session.delete(document)
    await session.flush()
    await references.must_answer_nothing(session, document)
    await doom(session, stored, document.client_id)
    await audit.record(session, principal, type, resource=resource, clients=whose, details=facts)


async def delete_of_practice(session: Session, document: PracticeDocument) -> None:
    """Delete a document of the practice itself, and its file."""
    stored = await held(session, document.file_id)
    await session.delete(document)
    await session.flush()
    await doom(session, stored)


async def doom(session: Session, stored: StoredFile, client_id: UUID | None = None) -> None:
    """Nothing refers to the file any more: its room is free, and a job takes its object away."""
    practice_id = session.binding.practice_id
    now, size = await clock.now(session), stored.size_bytes
    stored.doomed_at = now
    if stored.rendition_id is not None:
        rendition = await held(session, stored.rendition_id)
        rendition.doomed_at, stored.rendition_id, size = now, None, size + rendition.size_bytes
    await session.flush()
    await adding.count(session, -size, practice_id)
    if client_id is not None:
        await adding.count(session, -stored.size_bytes, client_id)
    await session.tools.queue.defer(session, "documents.erase", practice_id, key="doomed")


async def held(session: Session, file_id: UUID) -> StoredFile:
    """The file, held for a change."""
    locked = select(StoredFile).where(StoredFile.id == file_id).with_for_update()
    return (await session.execute(locked)).scalar_one()


async def doomed(session: Session) -> Sequence[dict[str, Any]]:
    """Files to take away, at most BATCH: their ids and keys."""
    return await session.rows(DOOMED)


async def forget(session: Session, file_ids: Collection[UUID]) -> None:
    """Their objects are gone: so are they."""
    gone = delete_rows(StoredFile).where(StoredFile.id.in_(file_ids), StoredFile.doomed_at.is_not(None))
    await session.execute(gone.execution_options(synchronize_session=False))


async def over(session: Session, after_id: UUID) -> list[UUID]:
    """Documents of a practice that disposes of them, whose class no longer keeps them; at most BATCH, by id."""
    return [UUID(str(row["id"])) for row in await session.rows(OVER, after_id=after_id)]


async def dispose(session: Session, document_id: UUID) -> None:
    """Delete a document whose time is over, unless it was put under a hold meanwhile. Raises DocumentInUse."""
    locked = select(Document).where(Document.id == document_id).with_for_update()
    document = (await session.execute(locked)).scalar_one_or_none()
    if document is not None and not document.legal_hold:
        with references.kept_in_use():
            await delete(session, Principal.program(session.binding.practice_id), document, "document.disposed")


async def unclaimed(session: Session, keys: Sequence[str]) -> list[str]:
    """Those of the objects that no row knows."""
    ids = [file_id for key in keys if (file_id := _id_of(key)) is not None]
    known = {row["key"] for row in await session.rows(KNOWN, ids=ids)}
    return [key for key in keys if key not in known]


def _id_of(key: str) -> UUID | None:
    try:
        return UUID(key.rsplit("/", 1)[-1])
    except ValueError:
        return None
