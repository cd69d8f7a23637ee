"""When everybody has signed: the paper with its certificate, as PDFs that are kept and can be verified (F8.B3)."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core import clock
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.integrations import papers
from portal_api.integrations.papers import Fact, Paper
from portal_api.models.documents import Purpose, RetentionClass
from portal_api.models.signatures import (
    PaperFingerprint,
    Party,
    Signature,
    SignatureRequest,
    SignedCopy,
)
from portal_api.services import documents
from portal_api.services.signatures import evidence
from portal_api.services.signatures.certificate import certificate
from portal_api.services.signatures.subjects import Rendition, Subject

PDF = "application/pdf"
PRACTICE, SIGNER, EVERYONE = "practice", "signer", "everyone"


async def make_copies(session: Session, subject: Subject, request: SignatureRequest, rendition: Rendition) -> None:
    """Write the copies: one for everybody; where guardians signed, one for each, which names no other one.

    Raises Unavailable.
    """
    by_time = select(Signature).where(Signature.request_id == request.id).order_by(Signature.signed_at, Signature.id)
    signatures = (await session.scalars(by_time)).all()
    audiences = _audiences(signatures)
    printed = await papers.as_pdf(
        [
            _paper(rendition, certificate(
                session, subject, request, rendition, signatures, account_id, names_all=names_all
            ))
            for _, account_id, names_all in audiences
        ]
    )  # fmt: skip
    # A file that was uploaded may be anybody's: only what was written here is known by its hash.
    prints = {rendition.sha256} if rendition.paper is not None else set()
    for (audience, account_id, _), content in zip(audiences, printed, strict=True):
        prints.add(await _keep(session, subject, request, audience, account_id, content))
    rows = [{"sha256": one, "practice_id": session.binding.practice_id} for one in sorted(prints)]
    await session.execute(insert(PaperFingerprint).values(rows).on_conflict_do_nothing())


def _audiences(signatures: Sequence[Signature]) -> list[tuple[str, UUID | None, bool]]:
    """For whom, which guardian, and whether everybody is named in it. Who acts for a client now, or will, may read
    what is for everyone: no guardian is named there."""
    guardians = [one.account_id for one in signatures if one.party == Party.GUARDIAN]
    if not guardians:
        return [(EVERYONE, None, True)]
    return [(PRACTICE, None, True), (EVERYONE, None, False), *((SIGNER, one, False) for one in guardians)]


def _paper(rendition: Rendition, page: papers.Certificate) -> Paper:
    """The paper as it was signed, with its certificate; of a file, the certificate alone."""
    if rendition.paper is not None:
        return replace(rendition.paper, certificate=page)
    facts = (Fact("Document", rendition.title), Fact("SHA-256", rendition.sha256))
    return Paper(title=rendition.title, issuer="", facts=facts, sections=(), certificate=page)


async def _keep(
    session: Session,
    subject: Subject,
    request: SignatureRequest,
    audience: str,
    account_id: UUID | None,
    content: bytes,
) -> str:
    """Store a copy. Those that name guardians are not among the documents that a client's people are shown, and none
    of what was for one person alone (F6.M2)."""
    document = await documents.store_paper(
        session,
        subject.client_id,
        f"{subject.title} (signed)"[-200:],
        content,
        PDF,
        Purpose.SIGNED_FORM,
        shared=audience == EVERYONE and not subject.for_one,
        retention_class=RetentionClass.CLINICAL,
        confidential=subject.confidential,
    )
    values: dict[str, Any] = {
        "practice_id": session.binding.practice_id,
        "id": new_id(),
        "client_id": subject.client_id,
        "request_id": request.id,
        "audience": audience,
        "account_id": account_id,
        "document_id": document.id,
        "sha256": sha256(content).hexdigest(),
        "made_at": await clock.instant(session),
    }
    session.add(SignedCopy(**values, seal=evidence.seal(session.tools.vault, SignedCopy, values)))
    await session.flush()
    return values["sha256"]
