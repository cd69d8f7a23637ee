"""Documents as clients, and those who act for them, work with them."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam

from portal_api.core import clock
from portal_api.core.access import GrantPermission, Principal, Profile
from portal_api.core.db import Read, Reader, Session
from portal_api.core.db.base import UUIDS
from portal_api.core.errors import Forbidden
from portal_api.core.ids import new_id
from portal_api.models.documents import Document, DocumentSource
from portal_api.schemas.documents import MyDocumentFilters, MyDocumentUpload
from portal_api.services import audit
from portal_api.services.documents import adding, disposal, reading
from portal_api.services.paging import Pager


async def page(reader: Reader, principal: Principal, filters: MyDocumentFilters) -> dict[str, Any]:
    """What is shared with the caller's clients and what the caller has uploaded, newest first.

    Raises NotFound, Forbidden for who may neither look at documents nor upload any.
    """
    wanted = _of(principal, filters.client_id)
    pager = Pager(reader, principal, "me/documents", filters, "id")
    rows = await reader.rows(
        _many(by_purpose=filters.purpose is not None, resumed=pager.position is not None),
        of=wanted,
        purpose=filters.purpose,
        after_id=UUID(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
        **reading.who_asks(principal),
    )
    answer = pager.envelope(rows)
    audit.viewed(reader, principal, "documents.listed", {row["client_id"] for row in answer["data"]})
    return answer


async def get(reader: Reader, principal: Principal, document_id: UUID) -> dict[str, Any]:
    """What is known of one document. Raises NotFound."""
    return await reading.visible(reader, principal, document_id)


async def create(
    session: Session, principal: Principal, data: MyDocumentUpload, document_id: UUID | None = None
) -> dict[str, Any]:
    """Give the practice a file; document_id: the one that it was promised.

    Raises NotFound, FeatureDisabled, Forbidden, Invalid, QuotaExceeded.
    """
    profile = principal.profile(data.client_id, GrantPermission.DOCUMENTS_UPLOAD)
    must_be_theirs_to_hide(profile, data.confidential)
    stored = await adding.keep(session, data.file, profile.client_id)
    document = Document(
        id=document_id or new_id(),
        client_id=profile.client_id,
        file_id=stored.id,
        title=data.title or data.file.name,
        file_name=data.file.name,
        purpose=data.purpose,
        source=DocumentSource.CLIENT,
        uploaded_by=principal.account_id,
        confidential=data.confidential,
    )
    session.add(document)
    await session.flush()
    await _record(session, principal, "document.uploaded", document)
    return await reading.visible(session, principal, document.id)


def must_be_theirs_to_hide(profile: Profile, confidential: bool) -> None:
    """Raises Forbidden for somebody else who would keep a document from those who act for the client (F6.B3)."""
    if confidential and not profile.is_own:
        raise Forbidden("Only the client's own login can keep a document from those who act for the client.")


async def remove(session: Session, principal: Principal, document_id: UUID) -> None:
    """Delete an own upload that staff have not opened (F9.M6).

    Raises NotFound, Forbidden for what somebody else has given, AlreadyOpened, LegalHold, Retained, DocumentInUse.
    """
    document = await _own(session, principal, document_id)
    document.must_be_unopened()
    retain_until = (await session.row(RETAINED, document_id=document_id) or {}).get("retain_until")
    document.must_be_free(retain_until, await clock.now(session))
    await disposal.delete(session, principal, document, "document.deleted")


async def withdraw(session: Session, principal: Principal, document_id: UUID) -> dict[str, Any]:
    """Take an own upload back: clients see it no more, the practice keeps its copy (F9.M6).

    Raises NotFound, Forbidden for what somebody else has given.
    """
    document = await _own(session, principal, document_id)
    answer = await reading.visible(session, principal, document_id)
    document.withdraw(await clock.now(session))
    await session.flush()
    await _record(session, principal, "document.withdrawn", document)
    return answer | {"removable": False, "updated_at": await clock.now(session), "version": document.version}


async def _own(session: Session, principal: Principal, document_id: UUID) -> Document:
    document, row = await reading.held(session, principal, document_id)
    if not row["own"]:
        raise Forbidden("The practice gave you this document: only what you have uploaded is yours to take back.")
    return document


def _of(principal: Principal, client_id: UUID | None) -> list[UUID]:
    """The clients of the list. One who may only upload sees the own uploads."""
    profiles = principal.profiles if client_id is None else (principal.profile(client_id),)
    either = (GrantPermission.DOCUMENTS_VIEW, GrantPermission.DOCUMENTS_UPLOAD)
    permitted = [profile.client_id for profile in profiles if any(map(profile.may, either))]
    if profiles and not permitted:
        raise Forbidden("This is not among what you may do for others.")
    return permitted


async def _record(session: Session, principal: Principal, type: str, document: Document) -> None:
    await audit.record(session, principal, type, resource=("document", document.id), clients=[document.client_id])


RETAINED = Read(
    reading.joined(reading.RETAIN_UNTIL.label("retain_until")).where(Document.id == bindparam("document_id"))
)


@cache
def _many(*, by_purpose: bool, resumed: bool) -> Read:
    statement = reading.for_client(reading.joined(*reading.CLIENT_COLUMNS))
    statement = statement.where(Document.client_id == bindparam("of", type_=UUIDS).any_())
    if by_purpose:
        statement = statement.where(Document.purpose == bindparam("purpose"))
    if resumed:
        statement = statement.where(Document.id < bindparam("after_id"))
    return Read(statement.order_by(Document.id.desc()).limit(bindparam("limit")))
