"""Refusing to sign, and taking back a consent: recorded beside what was signed, never instead of it (F8.M6)."""

from uuid import UUID

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.signatures import RequestState, SignatureDecision, SubjectKind
from portal_api.services.signatures import reading
from portal_api.services.signatures.parties import Signer
from portal_api.services.signatures.subjects import Subject


class AlreadyDecided(Conflict):
    code, title = "already_decided", "You have said so already"


on_constraint("uq_signature_decision_subject", AlreadyDecided)


async def decline(session: Session, principal: Principal, subject: Subject, signer: Signer, reason: str | None) -> None:
    """Record that the caller does not sign; nobody else can either. Raises InvalidState, AlreadyDecided."""
    request = await reading.held_request(session, subject.kind, subject.id)
    if request is not None:
        request.end(RequestState.DECLINED, await clock.instant(session))
    await _record(session, principal, subject.kind, subject.id, subject.client_id, signer, "declined", reason)


async def withdraw_consent(
    session: Session, principal: Principal, subject: Subject, signer: Signer, reason: str | None
) -> None:
    """Record that a consent that was signed no longer holds, from now on. Raises AlreadyDecided."""
    kind = "consent_withdrawn"
    await _record(session, principal, subject.kind, subject.id, subject.client_id, signer, kind, reason)


async def _record(
    session: Session,
    principal: Principal,
    subject_kind: SubjectKind,
    subject_id: UUID,
    client_id: UUID,
    signer: Signer,
    kind: str,
    reason: str | None,
) -> None:
    session.add(
        SignatureDecision(
            id=new_id(),
            client_id=client_id,
            subject_kind=subject_kind,
            subject_id=subject_id,
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
