"""Documents in a client's record, as staff work with them."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Reader, Session
from portal_api.core.errors import Forbidden, PreconditionFailed, invalid
from portal_api.core.ids import new_id
from portal_api.models.auth import Account
from portal_api.models.documents import (
    Document,
    DocumentSource,
    DocumentView,
    Purpose,
    RetentionClass,
    StoredFile,
)
from portal_api.schemas.base import PageQuery
from portal_api.schemas.documents import DocumentFilters, DocumentUpdate, DocumentUpload
from portal_api.services import audit
from portal_api.services.clients import reading as clients
from portal_api.services.documents import adding, disposal, reading, references
from portal_api.services.paging import Pager

_VIEWS = (
    select(
        DocumentView.account_id,
        Account.kind,
        Account.given_name,
        Account.family_name,
        DocumentView.first_viewed_at,
        DocumentView.last_viewed_at,
        DocumentView.views,
    )
    .join(Account, Account.id == DocumentView.account_id)
    .where(DocumentView.document_id == bindparam("document_id"))
    .order_by(DocumentView.account_id)
    .limit(bindparam("limit"))
)
VIEWS, VIEWS_AFTER = Read(_VIEWS), Read(_VIEWS.where(DocumentView.account_id > bindparam("after_id")))
KEPT_LONGER = {RetentionClass.NONE: 0, RetentionClass.ADMINISTRATIVE: 1, RetentionClass.CLINICAL: 2}


async def page(reader: Reader, principal: Principal, client_id: UUID, filters: DocumentFilters) -> dict[str, Any]:
    """A client's documents, newest first. Raises NotFound."""
    await clients.must_see(reader, principal, client_id)
    pager = Pager(reader, principal, f"clients/{client_id}/documents", filters, "id")
    read = _many(
        by_purpose=filters.purpose is not None, by_state=filters.state is not None, resumed=pager.position is not None
    )
    rows = await reader.rows(
        read,
        client_id=client_id,
        purpose=filters.purpose,
        state=filters.state,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
        **reading.who_asks(principal),
    )
    audit.viewed(reader, principal, "documents.listed", [client_id])
    return pager.envelope(rows)


async def get(reader: Reader, principal: Principal, document_id: UUID) -> dict[str, Any]:
    """What is known of one document; its content is opened elsewhere. Raises NotFound."""
    return await reading.visible(reader, principal, document_id)


async def create(
    session: Session, principal: Principal, client_id: UUID, data: DocumentUpload, document_id: UUID | None = None
) -> dict[str, Any]:
    """Put a file into a client's record; document_id: the one that it was promised. Raises NotFound, QuotaExceeded."""
    await clients.must_see(session, principal, client_id)
    stored = await adding.keep(session, data.file, client_id)
    document = Document(
        id=document_id or new_id(),
        client_id=client_id,
        file_id=stored.id,
        title=data.title or data.file.name,
        file_name=data.file.name,
        purpose=Purpose.SHARED if data.shared else Purpose.UPLOAD,
        source=DocumentSource.STAFF,
        uploaded_by=principal.account_id,
        shared_at=await clock.now(session) if data.shared else None,
        confidential=data.confidential,
        retention_class=data.retention_class,
    )
    session.add(document)
    await session.flush()
    await _record(session, principal, "document.uploaded", document)
    if data.shared:
        await _record(session, principal, "document.shared", document)
    return await reading.visible(session, principal, document.id)


async def update(
    session: Session, principal: Principal, document_id: UUID, data: DocumentUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given.

    Raises NotFound, PreconditionFailed with the current copy, Forbidden, Invalid, and DocumentInUse where it is signed
    and would be kept for less.
    """
    document, current = await reading.held(session, principal, document_id)
    if if_match is not None and document.version != if_match:
        raise PreconditionFailed(current=current)
    changes = data.given()
    for name, value in changes.items():
        if value is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    shorter = _is_shorter(document, changes)
    _must_be_allowed(principal, document, changes, shorter=shorter)
    if shorter:
        await references.must_not_be_signed(session, document.id)
    for name, value in changes.items():
        setattr(document, name, value)
    await session.flush()
    await _record(session, principal, "document.updated", document, changed=changes)
    return await reading.visible(session, principal, document_id)


async def share(session: Session, principal: Principal, document_id: UUID) -> dict[str, Any]:
    """Let the client see it; one that they see already stays as it is. Raises NotFound, InvalidState."""
    document, _ = await reading.held(session, principal, document_id)
    if document.share(await clock.now(session)):
        await session.flush()
        await _record(session, principal, "document.shared", document)
    return await reading.visible(session, principal, document_id)


async def unshare(session: Session, principal: Principal, document_id: UUID) -> dict[str, Any]:
    """Clients see it no more, from their next request on; it stays on file. Raises NotFound."""
    document, _ = await reading.held(session, principal, document_id)
    if document.unshare():
        await session.flush()
        await _record(session, principal, "document.unshared", document)
    return await reading.visible(session, principal, document_id)


async def remove(session: Session, principal: Principal, document_id: UUID) -> None:
    """Delete it, if nothing keeps it. Raises NotFound, LegalHold, Retained, DocumentInUse."""
    document, current = await reading.held(session, principal, document_id)
    document.must_be_free(current["retain_until"], await clock.now(session))
    await disposal.delete(session, principal, document, "document.deleted")


async def page_views(reader: Reader, principal: Principal, document_id: UUID, query: PageQuery) -> dict[str, Any]:
    """Who has opened a document, and when (F9.B5). Raises NotFound."""
    await reading.visible(reader, principal, document_id)
    pager = Pager(reader, principal, f"documents/{document_id}/views", query, "account_id")
    after_id = UUID(pager.position[0]) if pager.position else None
    rows = await reader.rows(
        VIEWS_AFTER if after_id else VIEWS, document_id=document_id, after_id=after_id, limit=pager.limit + 1
    )
    return pager.envelope(rows)


def _is_shorter(document: Document, changes: dict[str, Any]) -> bool:
    """Whether it would be kept for less than it is."""
    now = RetentionClass(document.retention_class)
    return KEPT_LONGER[changes.get("retention_class", now)] < KEPT_LONGER[now]


def _must_be_allowed(principal: Principal, document: Document, changes: dict[str, Any], *, shorter: bool) -> None:
    """What keeps a document from being deleted is taken away by administration alone."""
    lifted = changes.get("legal_hold", document.legal_hold) != document.legal_hold
    if (shorter or lifted) and not principal.may(Permission.PRACTICE_WRITE):
        raise Forbidden("An owner or admin sets legal holds and shortens how long a document is kept.")


async def _record(session: Session, principal: Principal, type: str, document: Document, **facts: Any) -> None:
    resource, whose = ("document", document.id), [document.client_id]
    await audit.record(session, principal, type, resource=resource, clients=whose, **facts)


@cache
def _many(*, by_purpose: bool, by_state: bool, resumed: bool) -> Read:
    statement = reading.joined(*reading.STAFF_COLUMNS).where(Document.client_id == bindparam("client_id"))
    if by_purpose:
        statement = statement.where(Document.purpose == bindparam("purpose"))
    if by_state:
        statement = statement.where(StoredFile.state == bindparam("state"))
    if resumed:
        statement = statement.where(Document.id < bindparam("after_id"))
    return Read(statement.order_by(Document.id.desc()).limit(bindparam("limit")))
