"""Documents in a client's record, for staff."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanReadDocuments, CanWriteDocuments, IfMatch, ReaderDep, SessionDep
from portal_api.routers.documents.attachments import FILE, ZIP, archived, attachment
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.documents import (
    ArchiveQuery,
    ContentUrl,
    Document,
    DocumentDeclaration,
    DocumentFilters,
    DocumentUpdate,
    DocumentUpload,
    DocumentView,
    UploadUrl,
)
from portal_api.services.documents import archive, opening, records, tickets, uploads
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="documents")


@router.get("/clients/{client_id}/documents", response_model=Page[Document])
async def list_client_documents(
    client_id: UUID, filters: Annotated[DocumentFilters, Query()], reader: ReaderDep, principal: CanReadDocuments
) -> Any:
    """The documents in a client's record, newest first."""
    return await records.page(reader, principal, client_id, filters)


@router.post("/clients/{client_id}/documents", status_code=201, response_model=Document)
async def upload_client_document(
    client_id: UUID, data: DocumentUpload, session: SessionDep, principal: CanWriteDocuments
) -> Any:
    """Put a file into a client's record; with `shared`, the client sees it at once."""
    return await records.create(session, principal, client_id, data)


@router.post("/clients/{client_id}/documents/uploads", status_code=201, response_model=UploadUrl)
async def declare_client_upload(
    client_id: UUID, data: DocumentDeclaration, session: SessionDep, principal: CanWriteDocuments
) -> Any:
    """A link that takes one file for a client's record, as declared here."""
    return await uploads.declare(session, principal, client_id, data)


@router.get("/clients/{client_id}/documents/archive", response_model=None, responses=ZIP)
async def download_client_documents(
    client_id: UUID, query: Annotated[ArchiveQuery, Query()], session: SessionDep, principal: CanReadDocuments
) -> Any:
    """Several documents of a client as a ZIP archive. One that is not there refuses them all."""
    return archived(await archive.contents(session, principal, query.ids, client_id))


@router.get("/documents/{document_id}", response_model=Document)
async def get_document(document_id: UUID, reader: ReaderDep, principal: CanReadDocuments) -> Any:
    """What is known of one document; its file is at `content`."""
    return await records.get(reader, principal, document_id)


@router.patch("/documents/{document_id}", response_model=Document)
async def update_document(
    document_id: UUID, data: DocumentUpdate, session: SessionDep, principal: CanWriteDocuments, if_match: IfMatch
) -> Any:
    """Rename a document, keep it from guardians, or say how long it is kept."""
    return await records.update(session, principal, document_id, data, if_match)


@router.delete("/documents/{document_id}", status_code=204, response_model=None)
async def delete_document(document_id: UUID, session: SessionDep, principal: CanWriteDocuments) -> Any:
    """Delete a document and its file, unless a legal hold or its retention class keeps it."""
    await records.remove(session, principal, document_id)


@router.get("/documents/{document_id}/content", response_model=None, responses=FILE)
async def get_document_content(document_id: UUID, session: SessionDep, principal: CanReadDocuments) -> Any:
    """The file. Opening it is noted, and from then on the client can withdraw it but no longer delete it."""
    return attachment(await opening.content(session, principal, document_id))


@router.post("/documents/{document_id}/content-url", response_model=ContentUrl)
async def create_document_url(document_id: UUID, session: SessionDep, principal: CanReadDocuments) -> Any:
    """A link to the file for a browser: for 60 seconds, and only while this session lasts."""
    return await tickets.url(session, principal, document_id)


@router.post("/documents/{document_id}/share", response_model=Document)
async def share_document(document_id: UUID, session: SessionDep, principal: CanWriteDocuments) -> Any:
    """Let the client see a document."""
    return await records.share(session, principal, document_id)


@router.post("/documents/{document_id}/unshare", response_model=Document)
async def unshare_document(document_id: UUID, session: SessionDep, principal: CanWriteDocuments) -> Any:
    """Clients see the document no more; it stays on file."""
    return await records.unshare(session, principal, document_id)


@router.get("/documents/{document_id}/views", response_model=Page[DocumentView])
async def list_document_views(
    document_id: UUID, query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanReadDocuments
) -> Any:
    """Who has opened a document, and when."""
    return await records.page_views(reader, principal, document_id, query)
