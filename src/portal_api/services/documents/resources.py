"""Documents of the practice itself, such as directions to it, which all of its clients may read."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import aliased

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import NotFound, PreconditionFailed, invalid
from portal_api.core.ids import new_id
from portal_api.models.documents import DataKey, PracticeDocument, StoredFile
from portal_api.schemas.base import PageQuery
from portal_api.schemas.documents import PracticeDocumentUpdate, PracticeDocumentUpload
from portal_api.services import audit
from portal_api.services.documents import adding, disposal, opening
from portal_api.services.documents.opening import Content
from portal_api.services.paging import Pager

rendition = aliased(StoredFile)


def _given(name: str) -> Any:
    """A column of the file that is given out: of a picture, the one without what the camera noted."""
    return func.coalesce(getattr(rendition, name), getattr(StoredFile, name))


FILE_COLUMNS = (
    PracticeDocument.id,
    PracticeDocument.title,
    PracticeDocument.description,
    PracticeDocument.file_name,
    StoredFile.state,
    _given("size_bytes").label("size_bytes"),
    func.encode(_given("sha256"), "hex").label("sha256"),
    _given("media_type").label("media_type"),
    PracticeDocument.created_at,
    PracticeDocument.updated_at,
    PracticeDocument.version,
)
STAFF_COLUMNS = (
    *FILE_COLUMNS,
    PracticeDocument.shared_at.is_not(None).label("shared"),
    PracticeDocument.uploaded_by,
)
OPENING = (
    _given("id").label("stored_id"),
    _given("key").label("key"),
    _given("data_key_id").label("data_key_id"),
    DataKey.sealed_key,
)


async def page(reader: Reader, principal: Principal, query: PageQuery) -> dict[str, Any]:
    """The practice's documents, newest first; those that are shared, for clients."""
    pager = Pager(reader, principal, "practice/documents", query, "id")
    read = _many(for_clients=principal.is_client, resumed=pager.position is not None)
    after_id = UUID(pager.position[0]) if pager.position else None
    return pager.envelope(await reader.rows(read, after_id=after_id, limit=pager.limit + 1))


async def visible(source: Source, principal: Principal, document_id: UUID) -> dict[str, Any]:
    """One of them, as the caller sees it. Raises NotFound."""
    row = await source.row(_one(for_clients=principal.is_client, opening=False), document_id=document_id)
    if row is None:
        raise NotFound
    return row


async def create(session: Session, principal: Principal, data: PracticeDocumentUpload) -> dict[str, Any]:
    """Add a document. Raises QuotaExceeded."""
    stored = await adding.keep(session, data.file)
    document = PracticeDocument(
        id=new_id(),
        file_id=stored.id,
        title=data.title or data.file.name,
        description=data.description,
        file_name=data.file.name,
        shared_at=await clock.now(session) if data.shared else None,
        uploaded_by=principal.account_id,
    )
    session.add(document)
    await session.flush()
    await _record(session, principal, "practice_document.created", document)
    return await visible(session, principal, document.id)


async def update(
    session: Session, principal: Principal, document_id: UUID, data: PracticeDocumentUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given. Raises NotFound, PreconditionFailed with the current copy, Invalid."""
    document = await _held(session, document_id)
    if if_match is not None and document.version != if_match:
        raise PreconditionFailed(current=await visible(session, principal, document_id))
    changes = data.given()
    for name in changes.keys() & {"title", "shared"}:
        if changes[name] is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    for name in changes.keys() - {"shared"}:
        setattr(document, name, changes[name])
    if "shared" in changes and changes["shared"] != (document.shared_at is not None):
        document.shared_at = await clock.now(session) if changes["shared"] else None
    await session.flush()
    await _record(session, principal, "practice_document.updated", document, changed=changes)
    return await visible(session, principal, document_id)


async def remove(session: Session, principal: Principal, document_id: UUID) -> None:
    """Delete it. Raises NotFound."""
    document = await _held(session, document_id)
    await disposal.delete_of_practice(session, document)
    await _record(session, principal, "practice_document.deleted", document)


async def content(session: Session, principal: Principal, document_id: UUID) -> Content:
    """Its content. Raises NotFound, NotReady, Withheld."""
    row = await session.row(_one(for_clients=principal.is_client, opening=True), document_id=document_id)
    if row is None:
        raise NotFound
    found = opening.content_of(session, row)
    await audit.record(session, principal, "practice_document.viewed", resource=("practice_document", document_id))
    return found


async def _held(session: Session, document_id: UUID) -> PracticeDocument:
    locked = select(PracticeDocument).where(PracticeDocument.id == document_id).with_for_update()
    document = (await session.execute(locked)).scalar_one_or_none()
    if document is None:
        raise NotFound
    return document


async def _record(session: Session, principal: Principal, type: str, document: PracticeDocument, **facts: Any) -> None:
    await audit.record(session, principal, type, resource=("practice_document", document.id), **facts)


def _joined(*columns: Any, for_clients: bool) -> Rows:
    statement = (
        select(*columns)
        .select_from(PracticeDocument)
        .join(StoredFile, StoredFile.id == PracticeDocument.file_id)
        .outerjoin(rendition, rendition.id == StoredFile.rendition_id)
    )
    return statement.where(PracticeDocument.shared_at.is_not(None)) if for_clients else statement


@cache
def _one(*, for_clients: bool, opening: bool) -> Read:
    columns = FILE_COLUMNS if for_clients else STAFF_COLUMNS
    statement = _joined(*columns, *(OPENING if opening else ()), for_clients=for_clients)
    if opening:
        statement = statement.join(DataKey, DataKey.id == _given("data_key_id"))
    return Read(statement.where(PracticeDocument.id == bindparam("document_id")))


@cache
def _many(*, for_clients: bool, resumed: bool) -> Read:
    columns = FILE_COLUMNS if for_clients else STAFF_COLUMNS
    statement = _joined(*columns, for_clients=for_clients)
    if resumed:
        statement = statement.where(PracticeDocument.id < bindparam("after_id"))
    return Read(statement.order_by(PracticeDocument.id.desc()).limit(bindparam("limit")))
