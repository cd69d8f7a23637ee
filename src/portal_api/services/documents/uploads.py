"""Uploads that were declared: what is to come is said first, then it is sent to a link of its own (F9.M1).

Nothing is kept of a declaration: the link carries it, sealed, and who may use it is looked at again when it is used.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, select

from portal_api.core import clock
from portal_api.core.access import ActorKind, Feature, GrantPermission, Permission, Principal
from portal_api.core.db import Binding, Session
from portal_api.core.errors import Forbidden, NotFound, TooLarge, Unauthenticated, invalid
from portal_api.core.ids import new_id
from portal_api.core.limits import Limit
from portal_api.core.sealing import SealError, Vault
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
from portal_api.services.documents import kinds, mine, policy, reading, records
from portal_api.services.documents.intake import Announced, Practice

LASTS = timedelta(minutes=5)
"""Until then sending must have begun; how long it then takes is the matter of every upload."""
PER_NETWORK = Limit("upload-url", 600, timedelta(minutes=10))
_PURPOSE = "upload-url"
NEEDED = {ActorKind.CLIENT: Permission.DOCUMENTS_SELF, ActorKind.STAFF: Permission.DOCUMENTS_WRITE}


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who may send which file, and until when that may begin. `fields`: what the document will be, as declared."""

    practice_id: UUID
    kind: ActorKind
    account_id: UUID
    session_id: UUID
    document_id: UUID
    client_id: UUID
    file: FileDeclaration
    fields: dict[str, Any]
    expires_at: datetime

    def sealed(self, vault: Vault) -> str:
        owners = self.practice_id, self.account_id, self.session_id, self.document_id, self.client_id
        ids = [owner.hex for owner in owners]
        file = self.file.model_dump(include=set(FileDeclaration.model_fields))
        plain = orjson.dumps([*ids, self.kind, file, self.fields, self.expires_at])
        return urlsafe_b64encode(vault.seal(plain, purpose=_PURPOSE, aad=())).rstrip(b"=").decode()

    @classmethod
    def opened(cls, vault: Vault, text: str) -> "Ticket":
        """Raises NotFound for what is none of ours."""
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            plain = orjson.loads(vault.open(sealed, purpose=_PURPOSE, aad=()))
        except (Base64Error, SealError, ValueError):
            raise NotFound from None
        practice_id, account_id, session_id, document_id, client_id, kind, file, fields, expires_at = plain
        return cls(
            practice_id=UUID(practice_id),
            kind=ActorKind(kind),
            account_id=UUID(account_id),
            session_id=UUID(session_id),
            document_id=UUID(document_id),
            client_id=UUID(client_id),
            file=FileDeclaration.model_validate(file),
            fields=fields,
            expires_at=datetime.fromisoformat(expires_at),
        )


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
    await session.tools.limiter.hit({PER_NETWORK: visitor.origin.network})
    ticket = Ticket.opened(session.tools.vault, text)
    if ticket.expires_at <= await clock.now(session):
        raise NotFound
    await _sender(session, visitor, ticket)
    practice = Practice(ticket.practice_id, await policy.of_practice(session))
    if await session.scalar(select(Document.id).where(Document.id == ticket.document_id)):
        return practice, None
    file = ticket.file
    return practice, Announced(file.file_name, file.media_type, file.size_bytes, bytes.fromhex(file.sha256))


async def finish(session: Session, visitor: Principal, text: str, file: UploadedFile | None) -> dict[str, Any]:
    """Make the document of what has come; sent again, the answer is the same (A52).

    Raises NotFound as `announced`, and where the file was deleted while it came again; QuotaExceeded.
    """
    ticket = Ticket.opened(session.tools.vault, text)
    sender = await _sender(session, visitor, ticket)
    # Two that send the same at once: the second finds what the first has made.
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(ticket.document_id), 0))))
    if await session.scalar(select(Document.id).where(Document.id == ticket.document_id)):
        return await reading.visible(session, sender, ticket.document_id)
    if file is None:
        raise NotFound
    fields, document_id = ticket.fields | {"file": file}, ticket.document_id
    if sender.is_client:
        mine_to_be = MyDocumentUpload.model_validate(fields | {"client_id": ticket.client_id})
        return await mine.create(session, sender, mine_to_be, document_id)
    return await records.create(session, sender, ticket.client_id, DocumentUpload.model_validate(fields), document_id)


async def _declare(
    session: Session, principal: Principal, client_id: UUID, data: DocumentDeclaration | MyDocumentDeclaration
) -> dict[str, Any]:
    await _must_be_taken(session, data)
    assert principal.account_id is not None and principal.session_id is not None  # noqa: S101 - the route is closed
    document_id, expires_at = new_id(), (await clock.now(session)).replace(microsecond=0) + LASTS
    declared = set(FileDeclaration.model_fields) | {"client_id"}
    ticket = Ticket(
        principal.practice_id,
        principal.kind,
        principal.account_id,
        principal.session_id,
        document_id,
        client_id,
        data,
        data.model_dump(mode="json", exclude=declared),
        expires_at,
    )
    base = session.tools.settings.public_url.rstrip("/")
    url = f"{base}/v1/uploads/{ticket.sealed(session.tools.vault)}"
    return {"id": document_id, "method": "PUT", "url": url, "expires_at": expires_at}


async def _must_be_taken(session: Session, file: FileDeclaration) -> None:
    """What cannot be taken when it comes is refused before it is sent."""
    limits = await policy.of_practice(session)
    if kinds.by_name(kinds.clean_name(file.file_name), limits.allowed_types) != file.media_type:
        raise invalid("/media_type", "content_mismatch", "The file's name stands for another media type.")
    if file.size_bytes > limits.max_upload_bytes:
        most = limits.max_upload_bytes
        raise TooLarge(f"A file may have at most {most} bytes.", max_bytes=most)


async def _sender(session: Session, visitor: Principal, ticket: Ticket) -> Principal:
    """The caller who has declared the file, as they stand now. Raises NotFound where they may no longer send it."""
    kind = ActorKind.STAFF if ticket.kind is ActorKind.STAFF else ActorKind.SYSTEM
    await session.rebind(Binding(ticket.practice_id, kind))
    try:
        sender = await authority.principal(
            session, ticket.practice_id, ticket.account_id, ticket.session_id, visitor.origin
        )
        if not sender.may(NEEDED[sender.kind]):
            raise NotFound
        sender = await features.narrowed(session, sender, Feature.CLIENT_UPLOADS)
        if sender.is_client:
            sender.profile(ticket.client_id, GrantPermission.DOCUMENTS_UPLOAD)
    except (Unauthenticated, Forbidden):
        raise NotFound from None
    await session.rebind(authority.binding_of(sender))
    if not sender.is_client:
        await clients.must_see(session, sender, ticket.client_id)
    return sender
