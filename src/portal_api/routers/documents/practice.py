"""Documents of the practice itself, and what it says about files."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanReadPractice,
    CanWritePractice,
    CanWritePracticeDocuments,
    IfMatch,
    ReaderDep,
    SessionDep,
)
from portal_api.routers.documents.attachments import FILE, attachment
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.documents import (
    ContentUrl,
    DocumentSettings,
    DocumentSettingsUpdate,
    PracticeDocument,
    PracticeDocumentUpdate,
    PracticeDocumentUpload,
)
from portal_api.services.documents import resources, settings, tickets
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/practice", tag="documents")


@router.get("/documents", response_model=Page[PracticeDocument])
async def list_practice_documents(
    query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanReadPractice
) -> Any:
    """The practice's own documents, newest first."""
    return await resources.page(reader, principal, query)


@router.post("/documents", status_code=201, response_model=PracticeDocument)
async def upload_practice_document(
    data: PracticeDocumentUpload, session: SessionDep, principal: CanWritePracticeDocuments
) -> Any:
    """Add a document of the practice, such as directions; with `shared`, every client sees it."""
    return await resources.create(session, principal, data)


@router.get("/documents/{practice_document_id}", response_model=PracticeDocument)
async def get_practice_document(practice_document_id: UUID, reader: ReaderDep, principal: CanReadPractice) -> Any:
    """What is known of one of the practice's documents."""
    return await resources.visible(reader, principal, practice_document_id)


@router.patch("/documents/{practice_document_id}", response_model=PracticeDocument)
async def update_practice_document(
    practice_document_id: UUID,
    data: PracticeDocumentUpdate,
    session: SessionDep,
    principal: CanWritePracticeDocuments,
    if_match: IfMatch,
) -> Any:
    """Rename one of the practice's documents, or share it with all clients or with none."""
    return await resources.update(session, principal, practice_document_id, data, if_match)


@router.delete("/documents/{practice_document_id}", status_code=204, response_model=None)
async def delete_practice_document(
    practice_document_id: UUID, session: SessionDep, principal: CanWritePracticeDocuments
) -> Any:
    """Delete one of the practice's documents and its file."""
    await resources.remove(session, principal, practice_document_id)


@router.get("/documents/{practice_document_id}/content", response_model=None, responses=FILE)
async def get_practice_document_content(
    practice_document_id: UUID, session: SessionDep, principal: CanReadPractice
) -> Any:
    """The file."""
    return attachment(await resources.content(session, principal, practice_document_id))


@router.post("/documents/{practice_document_id}/content-url", response_model=ContentUrl)
async def create_practice_document_url(
    practice_document_id: UUID, session: SessionDep, principal: CanReadPractice
) -> Any:
    """A link to the file for a browser: for 60 seconds, and only while this session lasts."""
    return await tickets.url(session, principal, practice_document_id, resource=True)


@router.get("/document-settings", response_model=DocumentSettings)
async def get_document_settings(reader: ReaderDep, principal: CanReadPractice) -> Any:
    """Which files the practice takes, how large, how much of them, and how long they are kept."""
    return await settings.get(reader)


@router.patch("/document-settings", response_model=DocumentSettings)
async def update_document_settings(
    data: DocumentSettingsUpdate, session: SessionDep, principal: CanWritePractice, if_match: IfMatch
) -> Any:
    """Change which files the practice takes, or how long it keeps them."""
    return await settings.update(session, principal, data, if_match)
