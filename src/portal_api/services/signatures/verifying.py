"""Whether a paper is genuine, for whoever holds it: asked with its SHA-256, or with the paper itself (F8.B3)."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, select

from portal_api.core.access import Principal
from portal_api.core.db import Binding, Read, Session
from portal_api.core.limits import Limit
from portal_api.core.sealing import Vault
from portal_api.models.practices import Practice
from portal_api.models.signatures import (
    PaperFingerprint,
    RequestState,
    Signature,
    SignatureRequest,
    SignedCopy,
    SignedPaper,
)
from portal_api.schemas.signatures import Verification
from portal_api.services.signatures import evidence, words

PER_NETWORK = Limit("verify-paper", 120, timedelta(hours=1))
WHOSE = Read(select(PaperFingerprint.practice_id).where(PaperFingerprint.sha256 == bindparam("sha256")))
PRACTICE = Read(select(Practice.name).where(Practice.id == bindparam("practice_id")))
COPY = Read(
    select(*(getattr(SignedCopy, name) for name in evidence.columns(SignedCopy)), SignedCopy.seal)
    .join(SignatureRequest, SignatureRequest.id == SignedCopy.request_id)
    .where(SignedCopy.sha256 == bindparam("sha256"), SignatureRequest.state == RequestState.COMPLETE)
)
PAPER = Read(
    select(SignatureRequest.id.label("request_id"), SignedPaper.content, SignedPaper.sha256)
    .join(SignedPaper, SignedPaper.id == SignatureRequest.paper_id)
    .where(SignedPaper.sha256 == bindparam("sha256"), SignatureRequest.state == RequestState.COMPLETE)
    .limit(1)
)
GIVEN = Read(
    select(
        *(getattr(Signature, name) for name in evidence.columns(Signature)),
        Signature.seal,
        SignedPaper.sha256.label("paper_sha256"),
    )
    .join(SignatureRequest, SignatureRequest.id == Signature.request_id)
    .join(SignedPaper, SignedPaper.id == SignatureRequest.paper_id)
    .where(Signature.request_id == bindparam("request_id"))
    .order_by(Signature.signed_at, Signature.id)
)


async def verify(session: Session, visitor: Principal, data: Verification) -> dict[str, Any]:
    """What `schemas.signatures.VerifiedPaper` says of this paper. Raises TooMany."""
    digest = data.sha256
    await session.tools.limiter.hit({PER_NETWORK: visitor.origin.network})
    found = await session.row(WHOSE, sha256=digest)
    if found is not None:
        await session.rebind(Binding(found["practice_id"], visitor.kind))
        signatures = await _signatures(session, digest)
        if signatures:
            practice = await session.row(PRACTICE, practice_id=found["practice_id"])
            return _valid(digest, practice["name"] if practice else None, signatures)
    return {"valid": False, "sha256": digest, "practice_name": None, "signed_at": None, "signers": []}


async def _signatures(session: Session, digest: str) -> list[dict[str, Any]]:
    """Those on the paper; none unless all that is recorded of it is as it was written."""
    vault = session.tools.vault
    paper = await session.row(COPY, sha256=digest)
    if paper is not None:
        genuine = evidence.is_genuine(vault, SignedCopy, paper)
    else:
        paper = await session.row(PAPER, sha256=digest)
        genuine = paper is not None and (paper["content"] is None or sha256(paper["content"]).hexdigest() == digest)
    if paper is None or not genuine:
        return []
    signatures = await session.rows(GIVEN, request_id=paper["request_id"])
    return signatures if all(_is_genuine(vault, row) for row in signatures) else []


def _is_genuine(vault: Vault, row: dict[str, Any]) -> bool:
    paper = row.pop("paper_sha256")
    return row["document_sha256"] == paper and evidence.is_genuine(vault, Signature, row)


def _valid(digest: str, practice_name: str | None, signatures: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "valid": True,
        "sha256": digest,
        "practice_name": practice_name,
        "signed_at": signatures[-1]["signed_at"],
        "signers": [
            {
                "party": row["party"],
                "capacity": row["capacity"],
                "initials": words.initials(row["printed_name"]),
                "signed_at": row["signed_at"],
            }
            for row in signatures
        ],
    }
