"""Signing: one person, one paper, one row of evidence, in the transaction that finds it their turn (A48)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Session
from portal_api.core.errors import Conflict, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.auth import AuthSession
from portal_api.models.signatures import (
    RecordsConsent,
    RequestState,
    Signature,
    SignatureRequest,
    SignedPaper,
)
from portal_api.schemas.signatures import Drawing, Sign
from portal_api.services import audit
from portal_api.services.signatures import completing, evidence, reading, words
from portal_api.services.signatures.parties import Signer, Standing
from portal_api.services.signatures.subjects import Rendition, Subject


class AlreadySigned(Conflict):
    code, title = "already_signed", "You have signed this already"


class NotAskedToSign(Conflict):
    code, title = "not_asked_to_sign", "Your signature is not asked for here"


class NotYourTurn(Conflict):
    code, title = "not_your_turn", "Others sign this before you"


class DocumentChanged(Conflict):
    code, title = "document_changed", "This is no longer what you were shown"


on_constraint("uq_signature_request_account", AlreadySigned)
_REFUSALS: dict[str, tuple[type[Conflict], str]] = {
    "already_signed": (AlreadySigned, "A signature is given once."),
    "not_asked": (NotAskedToSign, "Ask the practice who is to sign this."),
    "not_your_turn": (NotYourTurn, "You are told when it is your turn."),
}


PAPER = Read(
    select(SignedPaper.title, SignedPaper.media_type, SignedPaper.sha256, SignedPaper.content, SignedPaper.paper).where(
        SignedPaper.id == bindparam("paper_id")
    )
)


async def sign(
    session: Session, principal: Principal, subject: Subject, candidates: Sequence[Signer], data: Sign
) -> Standing:
    """Add the caller's signature; says how the paper stands then. With the last one the signed copies are made.

    The caller of this holds the subject's row, so that signatures come one after the other. Raises AlreadySigned,
    NotAskedToSign, NotYourTurn, DocumentChanged, InvalidState for what takes no signatures any more, Unavailable.
    """
    request = await request_for(session, principal, subject)
    request.must_be_open(await clock.instant(session))
    stored = await session.row(PAPER, paper_id=request.paper_id)
    assert stored is not None, request.id  # noqa: S101 - a foreign key
    rendition = Rendition.frozen(stored)
    if data.document_sha256 not in (None, rendition.sha256):
        raise DocumentChanged("Read it again before you sign.", sha256=rendition.sha256)
    found = await reading.standings(session, subject)
    signer = _signer(found.standing, candidates)
    await _agree_to_records(session, principal)
    await _add(session, principal, subject, request, rendition, signer, data)
    await audit.record(
        session, principal, "signature.given", resource=(subject.kind, subject.id), clients=[subject.client_id],
        details={"party": signer.party, "document_sha256": rendition.sha256},
    )  # fmt: skip
    standing = found.with_one_more(signer)
    if not standing.is_complete:
        return standing
    request.end(RequestState.COMPLETE, await clock.instant(session))
    await session.flush()
    await completing.make_copies(session, subject, request, rendition)
    return standing


async def request_for(session: Session, principal: Principal, subject: Subject) -> SignatureRequest:
    """The subject's request, held; made with what it says now where there is none yet."""
    request = await reading.held_request(session, subject.kind, subject.id)
    return request or await open_request(session, principal, subject)


async def open_request(
    session: Session, principal: Principal, subject: Subject, expires_at: datetime | None = None
) -> SignatureRequest:
    """Freeze what is signed. The subject is complete."""
    rendition = subject.rendition
    assert rendition is not None, subject.id  # noqa: S101 - who calls this has found it so
    paper = SignedPaper(
        id=new_id(),
        client_id=subject.client_id,
        title=rendition.title,
        version_id=subject.version_id,
        media_type=rendition.media_type,
        sha256=rendition.sha256,
        content=rendition.content,
        paper=rendition.paper.stored() if rendition.paper else None,
    )
    session.add(paper)
    await session.flush()
    request = SignatureRequest(
        id=new_id(),
        client_id=subject.client_id,
        subject_kind=subject.kind,
        subject_id=subject.id,
        paper_id=paper.id,
        signers=[_stored(one.role, one.account_id) for one in subject.wanted],
        in_order=subject.in_order,
        state=RequestState.OPEN,
        requested_by=principal.account_id,
        expires_at=expires_at,
    )
    session.add(request)
    await session.flush()
    return request


def _stored(role: str, account_id: UUID | None) -> dict[str, Any]:
    return {"role": role} | ({"account_id": str(account_id)} if account_id else {})


def _signer(standing: Standing, candidates: Sequence[Signer]) -> Signer:
    place = standing.place_of(candidates)
    if isinstance(place, str):
        refusal, detail = _REFUSALS[place]
        raise refusal(detail)
    return place[1]


async def _agree_to_records(session: Session, principal: Principal) -> None:
    """Electronic records are agreed to before, or with, the first signature (15 USC 7001(c))."""
    agreed = insert(RecordsConsent).values(
        practice_id=principal.practice_id,
        account_id=principal.account_id,
        version=words.RECORDS_VERSION,
        session_id=principal.session_id,
        accepted_at=await clock.instant(session),
    )
    await session.execute(agreed.on_conflict_do_nothing())


async def _add(
    session: Session,
    principal: Principal,
    subject: Subject,
    request: SignatureRequest,
    rendition: Rendition,
    signer: Signer,
    data: Sign,
) -> None:
    acts_as = words.acting(signer.party, signer.capacity, subject.client_name)
    methods = select(AuthSession.methods).where(AuthSession.id == principal.session_id)
    values: dict[str, Any] = {
        "practice_id": principal.practice_id,
        "id": new_id(),
        "client_id": subject.client_id,
        "request_id": request.id,
        "paper_id": request.paper_id,
        "document_sha256": rendition.sha256,
        "version_id": subject.version_id,
        "account_id": signer.account_id,
        "party": signer.party,
        "capacity": signer.capacity,
        "acts_as": acts_as,
        "printed_name": data.printed_name,
        "statement": words.statement(subject.title, acts_as),
        "records_statement": words.RECORDS_STATEMENT,
        "records_version": words.RECORDS_VERSION,
        "method": "typed_and_drawn" if data.drawn else "typed",
        "drawn": _svg(data.drawn) if data.drawn else None,
        "session_id": principal.session_id,
        "authentication_methods": list(await session.scalar(methods) or ()),
        "authenticated_at": principal.authenticated_at,
        "ip_network": principal.origin.network,
        "user_agent": principal.origin.user_agent,
        "signed_at": await clock.instant(session),
    }
    session.add(Signature(**values, seal=evidence.seal(session.tools.vault, Signature, values)))
    await session.flush()


def _svg(drawn: Drawing) -> bytes:
    """The strokes as a picture that holds numbers alone."""
    lines = (" ".join(f"{x:.1f},{y:.1f}" for x, y in stroke) for stroke in drawn.strokes)
    strokes = "".join(f'<polyline points="{line}"/>' for line in lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawn.width} {drawn.height}" width="{drawn.width}"'
        f' height="{drawn.height}"><g fill="none" stroke="black" stroke-width="2">{strokes}</g></svg>'
    ).encode()
