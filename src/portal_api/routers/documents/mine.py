"""Documents as clients, and those who act for them, see them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanUploadDocuments, HasDocuments, ReaderDep, SessionDep
from portal_api.routers.documents.attachments import FILE, ZIP, archived, attachment
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.documents import (
    ContentUrl,
    MyArchiveQuery,
    MyDocument,
    MyDocumentDeclaration,
    MyDocumentFilters,
    MyDocumentUpload,
    SharedResource,
    UploadUrl,
)
from portal_api.services.documents import archive, mine, opening, resources, tickets, uploads
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/me", tag="documents")


@router.get("/documents", response_model=Page[MyDocument])
async def list_my_documents(
    filters: Annotated[MyDocumentFilters, Query()], reader: ReaderDep, principal: HasDocuments
) -> Any:
    """What the practice has shared, and what the caller has uploaded, newest first."""
    return await mine.page(reader, principal, filters)


@router.post("/documents", status_code=201, response_model=MyDocument)
async def upload_my_document(data: MyDocumentUpload, session: SessionDep, principal: CanUploadDocuments) -> Any:
    """Give the practice a file."""
    return await mine.create(session, principal, data)


@router.post("/documents/uploads", status_code=201, response_model=UploadUrl)
async def declare_my_upload(data: MyDocumentDeclaration, session: SessionDep, principal: CanUploadDocuments) -> Any:
    """A link that takes one file, as declared here."""
    return await uploads.declare_mine(session, principal, data)


@router.get("/documents/archive", response_model=None, responses=ZIP)
async def download_my_documents(
    query: Annotated[MyArchiveQuery, Query()], session: SessionDep, principal: HasDocuments
) -> Any:
    """Several documents as a ZIP archive. One that is not there refuses them all."""
    return archived(await archive.contents(session, principal, query.ids, query.client_id))


@router.get("/documents/{document_id}", response_model=MyDocument)
async def get_my_document(document_id: UUID, reader: ReaderDep, principal: HasDocuments) -> Any:
    """What is known of one document; its file is at `content`."""
    return await mine.get(reader, principal, document_id)


@router.delete("/documents/{document_id}", status_code=204, response_model=None)
async def delete_my_document(document_id: UUID, session: SessionDep, principal: HasDocuments) -> Any:
    """Delete an own upload, until staff have opened it."""
    await mine.remove(session, principal, document_id)


@router.post("/documents/{document_id}/withdraw", response_model=MyDocument)
async def withdraw_my_document(document_id: UUID, session: SessionDep, principal: HasDocuments) -> Any:
    """Take an own upload back: the caller sees it no more, the practice keeps its copy."""
    return await mine.withdraw(session, principal, document_id)


@router.get("/documents/{document_id}/content", response_model=None, responses=FILE)
async def get_my_document_content(document_id: UUID, session: SessionDep, principal: HasDocuments) -> Any:
    """The file. Opening it is noted."""
    return attachment(await opening.content(session, principal, document_id))


@router.post("/documents/{document_id}/content-url", response_model=ContentUrl)
async def create_my_document_url(document_id: UUID, session: SessionDep, principal: HasDocuments) -> Any:
    """A link to the file for a browser: for 60 seconds, and only while this session lasts."""
    return await tickets.url(session, principal, document_id)


@router.get("/practice-documents", response_model=Page[SharedResource])
async def list_shared_resources(
    query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: HasDocuments
) -> Any:
    """What the practice shares with all of its clients, newest first."""
    return await resources.page(reader, principal, query)


@router.get("/practice-documents/{practice_document_id}", response_model=SharedResource)
async def get_shared_resource(practice_document_id: UUID, reader: ReaderDep, principal: HasDocuments) -> Any:
    """What is known of one of them."""
    return await resources.visible(reader, principal, practice_document_id)


@router.get("/practice-documents/{practice_document_id}/content", response_model=None, responses=FILE)
async def get_shared_resource_content(practice_document_id: UUID, session: SessionDep, principal: HasDocuments) -> Any:
    """The file."""
    return attachment(await resources.content(session, principal, practice_document_id))


@router.post("/practice-documents/{practice_document_id}/content-url", response_model=ContentUrl)
async def create_shared_resource_url(practice_document_id: UUID, session: SessionDep, principal: HasDocuments) -> Any:
    """A link to the file for a browser: for 60 seconds, and only while this session lasts."""
    return await tickets.url(session, principal, practice_document_id, resource=True)
