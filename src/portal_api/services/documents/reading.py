"""Which documents a caller sees, and how they are read."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, case, false, func, or_, select
from sqlalchemy.orm import aliased

from portal_api.core.access import GrantPermission, Principal
from portal_api.core.db import Read, Rows, Session, Source
from portal_api.core.db.base import UUIDS
from portal_api.core.errors import NotFound
from portal_api.models.clients import Client
from portal_api.models.documents import DataKey, Document, DocumentSettings, RetentionClass, StoredFile
from portal_api.services.clients import reading as clients

rendition = aliased(StoredFile)
_is_own = func.coalesce(Document.uploaded_by == bindparam("account_id"), false())
_years = case(
    (Document.retention_class == RetentionClass.CLINICAL, func.coalesce(DocumentSettings.clinical_years, 10)),
    else_=func.coalesce(DocumentSettings.administrative_years, 7),
)
RETAIN_UNTIL = case(
    (Document.retention_class == RetentionClass.NONE, None),
    else_=Document.created_at + func.make_interval(_years),
)
"""Until when the document's class keeps it, as the practice has it today."""


def given(column: Any) -> ColumnElement[Any]:
    """A column of the file that this caller is given: to others than its uploader the rendition, if there is one."""
    name = column.key
    return case((_is_own, column), else_=func.coalesce(getattr(rendition, name), column))


SHARED_COLUMNS = (
    Document.id,
    Document.client_id,
    Document.title,
    Document.file_name,
    Document.purpose,
    Document.source,
    StoredFile.state,
    given(StoredFile.size_bytes).label("size_bytes"),
    func.encode(given(StoredFile.sha256), "hex").label("sha256"),
    given(StoredFile.media_type).label("media_type"),
    Document.confidential,
    Document.created_at,
    Document.updated_at,
    Document.version,
)
STAFF_COLUMNS = (
    *SHARED_COLUMNS,
    StoredFile.finding,
    Document.uploaded_by,
    Document.shared_at,
    Document.opened_by_staff_at,
    Document.withdrawn_at,
    Document.retention_class,
    RETAIN_UNTIL.label("retain_until"),
    Document.legal_hold,
)
CLIENT_COLUMNS = (
    *SHARED_COLUMNS,
    _is_own.label("own"),
    and_(_is_own, Document.opened_by_staff_at.is_(None)).label("removable"),
)
FILE = (
    given(StoredFile.id).label("stored_id"),
    given(StoredFile.key).label("key"),
    given(StoredFile.data_key_id).label("data_key_id"),
    DataKey.sealed_key,
)
"""What opening it takes besides."""


def joined(*columns: Any) -> Rows:
    """Documents with their files."""
    return (
        select(*columns)
        .select_from(Document)
        .join(StoredFile, StoredFile.id == Document.file_id)
        .outerjoin(rendition, rendition.id == StoredFile.rendition_id)
        .outerjoin(DocumentSettings, DocumentSettings.practice_id == Document.practice_id)
    )


def with_key(statement: Rows) -> Rows:
    return statement.join(DataKey, DataKey.id == given(StoredFile.data_key_id))


def for_staff(statement: Rows, everyone: bool) -> Rows:
    """Those of clients whom the caller sees."""
    return clients.visible(statement.join(Client, Client.id == Document.client_id), everyone)


def for_client(statement: Rows) -> Rows:
    return statement.where(is_shown())


def is_shown() -> ColumnElement[bool]:
    """What the caller has uploaded, and what is shared with clients for whom they may look at documents.

    What one guardian has uploaded is no other's to see, unless the practice shares it (F6.M3).
    """
    viewing = Document.client_id == bindparam("viewing", type_=UUIDS).any_()
    shared = and_(Document.shared_at.is_not(None), viewing)
    return and_(Document.withdrawn_at.is_(None), or_(_is_own, shared))


@cache
def one(kind: str, *, opening: bool = False, everyone: bool = True) -> Read:
    """One document as `staff` or `client` see it; opening: with what it takes to read its file."""
    columns = STAFF_COLUMNS if kind == "staff" else CLIENT_COLUMNS
    statement = with_key(joined(*columns, *FILE)) if opening else joined(*columns)
    statement = statement.where(Document.id == bindparam("document_id"))
    return Read(for_staff(statement, everyone) if kind == "staff" else for_client(statement))


def who_asks(principal: Principal) -> dict[str, Any]:
    """The values that every one of these statements takes."""
    viewing = [profile.client_id for profile in principal.permitted(GrantPermission.DOCUMENTS_VIEW)]
    return {"account_id": principal.account_id, "staff_id": principal.staff_id, "viewing": viewing}


def read_for(principal: Principal, *, opening: bool = False) -> Read:
    if principal.is_client:
        return one("client", opening=opening)
    return one("staff", opening=opening, everyone=clients.sees_all(principal))


async def visible(source: Source, principal: Principal, document_id: UUID, *, opening: bool = False) -> dict[str, Any]:
    """One document that the caller sees. Raises NotFound."""
    row = await source.row(read_for(principal, opening=opening), document_id=document_id, **who_asks(principal))
    if row is None:
        raise NotFound
    return row


async def get_visible(source: Source, principal: Principal, document_id: UUID, client_id: UUID) -> dict[str, Any]:
    """The document of that client, if this caller sees it: for ids that come in a body (A16, A26). Raises NotFound."""
    row = await visible(source, principal, document_id)
    if UUID(str(row["client_id"])) != client_id:
        raise NotFound
    return row


async def held(session: Session, principal: Principal, document_id: UUID) -> tuple[Document, dict[str, Any]]:
    """The document that the caller sees, held for a change, and how it is answered now. Raises NotFound."""
    await visible(session, principal, document_id)
    locked = select(Document).where(Document.id == document_id).with_for_update(key_share=True)
    document = (await session.execute(locked)).scalar_one_or_none()
    if document is None:
        raise NotFound
    return document, await visible(session, principal, document_id)
