"""Signatures on documents: a file that was shared is signed as it is, by its SHA-256 (F9.B3)."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from portal_api.core import clock
from portal_api.core.access import GrantPermission, Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import Conflict, InvalidState, NotFound, invalid, on_constraint
from portal_api.models.clients import Client
from portal_api.models.documents import READABLE, Document, RetentionClass, StoredFile
from portal_api.models.practices import Practice
from portal_api.models.signatures import RequestState, SubjectKind
from portal_api.schemas.signatures import MyDecline, MySign, Sign, SignatureRequestCreate
from portal_api.services import audit
from portal_api.services.documents import reading as documents
from portal_api.services.documents.opening import Content
from portal_api.services.signatures import copies, deciding, reading, signing
from portal_api.services.signatures.parties import Signer, Wanted
from portal_api.services.signatures.people import client_as, staff_as
from portal_api.services.signatures.subjects import Rendition, Subject

KIND = SubjectKind.DOCUMENT
FACTS = Read(
    select(
        Document.client_id,
        Document.title,
        Document.confidential,
        Document.shared_at,
        StoredFile.id.label("file_id"),
        StoredFile.media_type,
        StoredFile.state,
        func.encode(StoredFile.sha256, "hex").label("sha256"),
        func.concat_ws(" ", Client.given_name, Client.family_name).label("client_name"),
    )
    .join(StoredFile, StoredFile.id == Document.file_id)
    .join(Client, Client.id == Document.client_id)
    .where(Document.id == bindparam("document_id"))
)
ZONE = Read(select(Practice.time_zone).where(Practice.id == bindparam("practice_id")))
CANCELLED = "cancelled"


class AlreadyRequested(Conflict):
    code, title = "signatures_requested", "Signatures on this have been asked for already"


on_constraint("uq_signature_request_subject", AlreadyRequested)


async def request(
    session: Session, principal: Principal, document_id: UUID, data: SignatureRequestCreate
) -> dict[str, Any]:
    """Ask for signatures on a document that is shared with the client.

    Raises NotFound, AlreadyRequested, InvalidState for a file that is not shared or not to be read, Invalid.
    """
    await documents.held(session, principal, document_id)
    subject, facts = await _subject(session, document_id)
    _must_be_signable(facts)
    now = await clock.instant(session)
    old = await reading.held_request(session, KIND, document_id)
    if old is not None and old.state_at(now) == RequestState.EXPIRED:
        old.end(RequestState.EXPIRED, now)
        await session.flush()
    elif old is not None:
        how = "Cancel that request first." if old.state == RequestState.OPEN else "Upload it anew to ask again."
        raise AlreadyRequested(how, state=old.state)
    wanted = tuple(Wanted(role) for role in data.signers)
    subject = replace(subject, wanted=wanted, in_order=data.in_order)
    await signing.open_request(session, principal, subject, await _end_of(session, data.expires_on, now))
    await _record(session, principal, subject, "signature_request.created")
    return await view(session, principal, document_id)


async def cancel(session: Session, principal: Principal, document_id: UUID) -> dict[str, Any]:
    """Ask for no more signatures; those that were given stay on file. Raises NotFound, InvalidState."""
    await documents.held(session, principal, document_id)
    subject, _ = await _subject(session, document_id)
    old = await reading.held_request(session, KIND, document_id)
    if old is None or old.state != RequestState.OPEN:
        state = old.state if old else CANCELLED
        raise InvalidState("No signatures are being asked for.", state=state)
    old.end(RequestState.CANCELLED, await clock.instant(session))
    await _record(session, principal, subject, "signature_request.cancelled")
    return await view(session, principal, document_id)


async def view(source: Source, principal: Principal, document_id: UUID) -> dict[str, Any]:
    """Who signs it and who has signed, with everybody's names. Raises NotFound."""
    await documents.visible(source, principal, document_id)
    subject, _ = await _subject(source, document_id)
    return await reading.view(source, principal, subject, await staff_as(source, principal, subject.client_id))


async def view_mine(source: Source, principal: Principal, document_id: UUID) -> dict[str, Any]:
    """The same for the client and who acts for them. Raises NotFound."""
    await documents.visible(source, principal, document_id)
    subject, _ = await _subject(source, document_id)
    return await reading.view(source, principal, subject, client_as(principal, subject.client_id))


async def sign(session: Session, principal: Principal, document_id: UUID, data: Sign) -> dict[str, Any]:
    """The practitioner or the supervisor signs. Raises NotFound, and what `signing.sign` raises."""
    document, _ = await documents.held(session, principal, document_id)
    await _sign(session, principal, document, await staff_as(session, principal, document.client_id), data)
    return await view(session, principal, document_id)


async def sign_mine(session: Session, principal: Principal, document_id: UUID, data: MySign) -> dict[str, Any]:
    """The client, or who acts for them, signs. Raises NotFound, Forbidden, and what `signing.sign` raises."""
    document = await _held_by_client(session, principal, document_id, data.client_id)
    await _sign(session, principal, document, client_as(principal, document.client_id), data)
    return await view_mine(session, principal, document_id)


async def decline(session: Session, principal: Principal, document_id: UUID, data: MyDecline | None) -> dict[str, Any]:
    """Refuse to sign it. Raises NotFound, Forbidden, AlreadySigned, InvalidState."""
    client_id, reason = (data.client_id, data.reason) if data else (None, None)
    document = await _held_by_client(session, principal, document_id, client_id)
    subject, _ = await _subject(session, document_id)
    await _must_be_asked(session, document_id)
    await deciding.decline(session, principal, subject, client_as(principal, document.client_id), reason)
    await _record(session, principal, subject, "document.declined")
    return await view_mine(session, principal, document_id)


async def open_certificate(session: Session, principal: Principal, document_id: UUID) -> Content:
    """The certificate of the signatures, of a guardian who signed their own. Raises NotFound, NotSigned."""
    await documents.visible(session, principal, document_id)
    return await copies.open_copy(session, principal, KIND, document_id)


async def _sign(
    session: Session, principal: Principal, document: Document, candidates: list[Signer], data: Sign
) -> None:
    await _must_be_asked(session, document.id)
    subject, _ = await _subject(session, document.id)
    standing = await signing.sign(session, principal, subject, candidates, data)
    if not standing.is_complete:
        if turn := reading.turn(standing):
            await _record(session, principal, subject, f"document.{turn[0]}", turn[1])
        return
    document.retention_class = RetentionClass.CLINICAL
    await _record(session, principal, subject, "document.signed")


async def _held_by_client(
    session: Session, principal: Principal, document_id: UUID, client_id: UUID | None
) -> Document:
    document, _ = await documents.held(session, principal, document_id)
    if client_id not in (None, document.client_id):
        raise NotFound
    principal.profile(document.client_id, GrantPermission.FORMS_SIGN)
    return document


async def _must_be_asked(session: Session, document_id: UUID) -> None:
    if await reading.held_request(session, KIND, document_id) is None:
        raise signing.NotAskedToSign("No signatures on this document are being asked for.")


async def _subject(source: Source, document_id: UUID) -> tuple[Subject, dict[str, Any]]:
    """With what is known of its file. Who signs it stands in the request."""
    row = await source.row(FACTS, document_id=document_id)
    if row is None:
        raise NotFound
    asked = await source.row(reading.REQUEST, kind=KIND, subject_id=document_id)
    subject = Subject(
        kind=KIND,
        id=document_id,
        client_id=row["client_id"],
        client_name=row["client_name"],
        version_id=row["file_id"],
        title=asked["title"] if asked else row["title"],
        state=asked["state"] if asked else "not_requested",
        wanted=tuple(map(Wanted.of, asked["signers"])) if asked else (),
        rendition=Rendition(row["title"], row["media_type"], row["sha256"]),
        in_order=asked["in_order"] if asked else True,
        confidential=row["confidential"],
    )
    return subject, row


def _must_be_signable(facts: dict[str, Any]) -> None:
    """Pictures are given out without what the camera noted: what one sees is not the file that was sent."""
    if facts["state"] not in READABLE:
        raise InvalidState("The file has not been found harmless yet.", state=facts["state"])
    if facts["shared_at"] is None:
        raise InvalidState("Share the document with the client first.", state="not_shared")
    if facts["media_type"].startswith("image/"):
        raise InvalidState("Pictures are not signed. Put it into a PDF.", state="picture")


async def _end_of(session: Session, day: date | None, now: datetime) -> datetime | None:
    """The instant at which that day is over in the practice's zone. Raises Invalid for one that is over."""
    if day is None:
        return None
    row = await session.row(ZONE)
    assert row is not None  # noqa: S101 - the caller's own practice
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time())
    ends: datetime = (await session.execute(select(func.timezone(row["time_zone"], midnight)))).scalar_one()
    if ends <= now:
        raise invalid("/expires_on", "out_of_range", "Name a day that is not over.")
    return ends


async def _record(
    session: Session, principal: Principal, subject: Subject, type: str, details: dict[str, Any] | None = None
) -> None:
    await session.flush()
    about = {"resource": ("document", subject.id), "clients": [subject.client_id]}
    await audit.record(session, principal, type, **about, details=details)
