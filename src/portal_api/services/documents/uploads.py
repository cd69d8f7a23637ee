"""Uploads that were declared: what is to come is said first, then it is sent to a link of its own (F9.M1).

Nothing is kept of a declaration: the link carries it, sealed, and who may use it is looked at again when it is used.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core.access import ActorKind, Feature, GrantPermission, Permission, Principal
from portal_api.core.db import Session
from portal_api.core.errors import Forbidden, NotFound, TooLarge, invalid
from portal_api.core.ids import new_id
from portal_api.core.limits import Limit
from portal_api.core.uploads import UploadedFile
from portal_api.models.documents import Document
from portal_api.schemas.documents import (
    DocumentDeclaration,
    DocumentUpload,
    FileDeclaration,
    MyDocumentDeclaration,
    MyDocumentUpload,
)
from portal_api.services import features
from portal_api.services.auth import authority
from portal_api.services.clients import reading as clients
from portal_api.services.documents import kinds, links, mine, policy, reading, records
from portal_api.services.documents.intake import Announced, Practice

LINK = links.Use("upload-url", "/v1/uploads", timedelta(minutes=5), Limit("upload-url", 600, timedelta(minutes=10)))
"""Until it is over sending must have begun; how long it then takes is the matter of every upload."""
NEEDED = {ActorKind.CLIENT: Permission.DOCUMENTS_SELF, ActorKind.STAFF: Permission.DOCUMENTS_WRITE}


@dataclass(frozen=True, slots=True)
class Promise:
    """What was declared. `fields`: what the document will be besides its file."""

    document_id: UUID
    client_id: UUID
    file: FileDeclaration
    fields: dict[str, Any]

    @classmethod
    def of(cls, link: links.Link) -> "Promise":
        what = link.what
        file = FileDeclaration.model_validate(what["file"])
        return cls(UUID(what["document_id"]), UUID(what["client_id"]), file, what["fields"])


async def declare_mine(session: Session, principal: Principal, data: MyDocumentDeclaration) -> dict[str, Any]:
    """A link to which the caller sends one file. Raises NotFound, Forbidden, Invalid, KindNotAllowed, TooLarge."""
    profile = principal.profile(data.client_id, GrantPermission.DOCUMENTS_UPLOAD)
    mine.must_be_theirs_to_hide(profile, data.confidential)
    return await _declare(session, principal, profile.client_id, data)


async def declare(session: Session, principal: Principal, client_id: UUID, data: DocumentDeclaration) -> dict[str, Any]:
    """The same for staff, into a client's record. Raises NotFound, Invalid, KindNotAllowed, TooLarge."""
    await clients.must_see(session, principal, client_id)
    return await _declare(session, principal, client_id, data)


async def announced(session: Session, visitor: Principal, text: str) -> tuple[Practice, Announced | None]:
    """Whose file may come, and what it must be; None where it has come already, and need not come again.

    Raises TooMany, and NotFound, the same for a link that is none, one that is over, and one whose caller may no
    longer send the file: their session, their rights and the practice's switch are looked at again.
    """
    link = await links.opened(session, visitor, LINK, text)
    promise = Promise.of(link)
    await _sender(session, visitor, link, promise.client_id)
    practice = Practice(link.practice_id, await policy.of_practice(session))
    if await session.scalar(select(Document.id).where(Document.id == promise.document_id)):
        return practice, None
    file = promise.file
    return practice, Announced(file.file_name, file.media_type, file.size_bytes, bytes.fromhex(file.sha256))


async def finish(session: Session, visitor: Principal, text: str, file: UploadedFile | None) -> dict[str, Any]:
    """Make the document of what has come; sent again, the answer is the same (A52).

    Raises NotFound as `announced`, and where the file was deleted while it came again; QuotaExceeded.
    """
    link = links.read(session, LINK, text)
    promise = Promise.of(link)
    sender, document_id = await _sender(session, visitor, link, promise.client_id), promise.document_id
    # Two that send the same at once: the second finds what the first has made.
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(document_id), 0))))
    if await session.scalar(select(Document.id).where(Document.id == document_id)):
        return await reading.visible(session, sender, document_id)
    if file is None:
        raise NotFound
    fields = promise.fields | {"file": file}
    if sender.is_client:
        mine_to_be = MyDocumentUpload.model_validate(fields | {"client_id": promise.client_id})
        return await mine.create(session, sender, mine_to_be, document_id)
    return await records.create(session, sender, promise.client_id, DocumentUpload.model_validate(fields), document_id)


async def _declare(
    session: Session, principal: Principal, client_id: UUID, data: DocumentDeclaration | MyDocumentDeclaration
) -> dict[str, Any]:
    await _must_be_taken(session, data)
    document_id, declared = new_id(), set(FileDeclaration.model_fields)
    url, expires_at = await links.give(
        session,
        principal,
        LINK,
        document_id=document_id,
        client_id=client_id,
        file=data.model_dump(include=declared),
        fields=data.model_dump(mode="json", exclude=declared | {"client_id"}),
    )
    return {"id": document_id, "method": "PUT", "url": url, "expires_at": expires_at}


async def _must_be_taken(session: Session, file: FileDeclaration) -> None:
    """What cannot be taken when it comes is refused before it is sent."""
    limits = await policy.of_practice(session)
    if kinds.by_name(kinds.clean_name(file.file_name), limits.allowed_types) != file.media_type:
        raise invalid("/media_type", "content_mismatch", "The file's name stands for another media type.")
    if file.size_bytes > limits.max_upload_bytes:
        most = limits.max_upload_bytes
        raise TooLarge(f"A file may have at most {most} bytes.", max_bytes=most)


async def _sender(session: Session, visitor: Principal, link: links.Link, client_id: UUID) -> Principal:
    """The caller who has declared the file, as they stand now. Raises NotFound where they may no longer send it."""
    sender = await link.holder(session, visitor, NEEDED)
    try:
        sender = await features.narrowed(session, sender, Feature.CLIENT_UPLOADS)
        if sender.is_client:
            sender.profile(client_id, GrantPermission.DOCUMENTS_UPLOAD)
    except Forbidden:
        raise NotFound from None
    await session.rebind(authority.binding_of(sender))
    if not sender.is_client:
        await clients.must_see(session, sender, client_id)
    return sender
