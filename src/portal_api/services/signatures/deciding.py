"""Refusing to sign, and taking back a consent: recorded beside what was signed, never instead of it (F8.M6)."""

from collections.abc import Sequence
from uuid import UUID

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.models.signatures import RequestState, SignatureDecision, SubjectKind
from portal_api.services.signatures import reading
from portal_api.services.signatures.parties import Signer
from portal_api.services.signatures.signing import AlreadySigned, NotAskedToSign
from portal_api.services.signatures.subjects import Subject


async def decline(
    session: Session, principal: Principal, subject: Subject, candidates: Sequence[Signer], reason: str | None
) -> None:
    """Record that the caller, who is asked to sign, does not; nobody else can either.

    Raises AlreadySigned for who has signed it, InvalidState, NotAskedToSign.
    """
    found = await reading.standings(session, subject)
    if any(row["account_id"] == principal.account_id for row in found.signatures):
        raise AlreadySigned("What you have signed stays signed. A consent can be withdrawn.")
    request = await reading.held_request(session, subject.kind, subject.id)
    if request is not None:
        request.end(RequestState.DECLINED, await clock.instant(session))
    if found.standing.place_of(candidates) == "not_asked":
        raise NotAskedToSign("Ask the practice who is to sign this.")
    await _record(session, principal, subject, candidates[0], "declined", reason)


async def withdraw_consent(
    session: Session, principal: Principal, subject: Subject, candidates: Sequence[Signer], reason: str | None
) -> None:
    """Record that a consent that was signed no longer holds, from now on."""
    await _record(session, principal, subject, candidates[0], "consent_withdrawn", reason)


async def cancel(session: Session, kind: SubjectKind, subject_id: UUID, state: RequestState) -> None:
    """End the request for signatures, if one is open: what was signed stays on file."""
    request = await reading.held_request(session, kind, subject_id)
    if request is not None and request.state == RequestState.OPEN:
        request.end(state, await clock.instant(session))
        await session.flush()


async def _record(
    session: Session, principal: Principal, subject: Subject, signer: Signer, kind: str, reason: str | None
) -> None:
    session.add(
        SignatureDecision(
            id=new_id(),
            client_id=subject.client_id,
            subject_kind=subject.kind,
            subject_id=subject.id,
            kind=kind,
            account_id=signer.account_id,
            capacity=signer.capacity,
            reason=reason,
            session_id=principal.session_id,
            ip_network=principal.origin.network,
            user_agent=principal.origin.user_agent,
            decided_at=await clock.instant(session),
        )
    )
    await session.flush()
