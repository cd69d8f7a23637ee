"""Signing treatment plans, and refusing to."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Reader, Session, Source
from portal_api.core.errors import InvalidState, NotFound
from portal_api.models.signatures import SubjectKind
from portal_api.models.treatment_plans import RevisionState, TreatmentPlan, TreatmentPlanRevision
from portal_api.schemas.signatures import MyDecline, MySign, Sign
from portal_api.services import audit, signatures
from portal_api.services.clients import reading as of_clients
from portal_api.services.documents.opening import Content
from portal_api.services.signatures import Signer, Subject
from portal_api.services.treatment_plans import reading, sharing

SIGNABLE = (RevisionState.IN_REVIEW, RevisionState.SHARED)


async def signing(source: Source, principal: Principal, plan_id: UUID) -> dict[str, Any]:
    """What staff see of the signatures on the newest revision. Raises NotFound."""
    row = await source.row(reading.one(of_clients.sees_all(principal)), plan_id=plan_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound
    if isinstance(source, Reader):
        audit.viewed(source, principal, "treatment_plan.viewed", [row["client_id"]])
    subject = await sharing.subject_of(source, plan_id, row)
    candidates = await signatures.staff_as(source, principal, row["client_id"])
    return await signatures.view(source, principal, subject, candidates)


async def signing_of_mine(source: Source, principal: Principal, plan_id: UUID) -> dict[str, Any]:
    """The same as the client and who acts for them see it. Raises NotFound."""
    row = await reading.row_of_mine(source, principal, plan_id)
    subject = await sharing.subject_of(source, plan_id, row)
    return await signatures.view(source, principal, subject, signatures.client_as(principal, row["client_id"]))


async def sign(session: Session, principal: Principal, plan_id: UUID, data: Sign) -> dict[str, Any]:
    """The practitioner or the supervisor signs. Raises NotFound, and what `signatures.sign` raises."""
    plan, revision = await reading.held(session, principal, plan_id)
    candidates = await signatures.staff_as(session, principal, plan.client_id)
    await _sign(session, principal, plan, revision, candidates, data)
    return await signing(session, principal, plan_id)


async def sign_mine(session: Session, principal: Principal, plan_id: UUID, data: MySign) -> dict[str, Any]:
    """The client, or who acts for them, signs. Raises NotFound, Forbidden, and what `signatures.sign` raises."""
    plan, revision = await reading.held_by_client(session, principal, plan_id, data.client_id)
    candidates = signatures.client_as(principal, plan.client_id)
    await _sign(session, principal, plan, revision, candidates, data)
    return await signing_of_mine(session, principal, plan_id)


async def decline(session: Session, principal: Principal, plan_id: UUID, data: MyDecline | None) -> dict[str, Any]:
    """The client, or who acts for them, does not agree; the practice revises the plan or ends it.

    Raises NotFound, Forbidden, NotAskedToSign, InvalidState.
    """
    client_id, reason = (data.client_id, data.reason) if data else (None, None)
    plan, revision = await reading.held_by_client(session, principal, plan_id, client_id)
    if revision.state != RevisionState.SHARED:
        raise InvalidState(f"A plan that is {revision.state} is not declined.", state=revision.state)
    subject = await _subject(session, plan, revision)
    await signatures.decline(session, principal, subject, signatures.client_as(principal, plan.client_id), reason)
    revision.move(RevisionState.DECLINED, await clock.instant(session))
    await _record(session, principal, plan, "treatment_plan.declined")
    return await signing_of_mine(session, principal, plan_id)


async def open_copy(session: Session, principal: Principal, plan_id: UUID) -> Content:
    """The plan that was signed last, with its certificate. Raises NotFound, NotSigned."""
    await reading.get(session, principal, plan_id)
    return await _open(session, principal, plan_id)


async def open_my_copy(session: Session, principal: Principal, plan_id: UUID) -> Content:
    """The same for the client; of a guardian who signed their own copy. Raises NotFound, NotSigned."""
    await reading.row_of_mine(session, principal, plan_id)
    return await _open(session, principal, plan_id)


async def _open(session: Session, principal: Principal, plan_id: UUID) -> Content:
    row = await session.row(reading.SIGNED, plan_id=plan_id)
    if row is None:
        raise signatures.NotSigned("There is a signed copy once the last signature is given.")
    return await signatures.open_copy(session, principal, SubjectKind.TREATMENT_PLAN, UUID(str(row["id"])))


async def _sign(
    session: Session,
    principal: Principal,
    plan: TreatmentPlan,
    revision: TreatmentPlanRevision,
    candidates: list[Signer],
    data: Sign,
) -> None:
    if revision.state not in SIGNABLE:
        raise InvalidState(f"A plan that is {revision.state} is not signed.", state=revision.state)
    subject = await _subject(session, plan, revision)
    standing = await signatures.sign(session, principal, subject, candidates, data)
    if not standing.is_complete:
        await sharing.put_forward(session, principal, plan, revision, subject)
        return
    now = await clock.instant(session)
    before = select(TreatmentPlanRevision).where(
        TreatmentPlanRevision.plan_id == plan.id, TreatmentPlanRevision.state == RevisionState.ACTIVE
    )
    for older in await session.scalars(before):
        older.move(RevisionState.SUPERSEDED, now)
    await session.flush()
    revision.move(RevisionState.ACTIVE, now)
    await _record(session, principal, plan, "treatment_plan.signed")


async def _subject(session: Session, plan: TreatmentPlan, revision: TreatmentPlanRevision) -> Subject:
    row = {
        "client_id": plan.client_id,
        "confidential": plan.confidential,
        "revision_id": revision.id,
        "revision": revision.number,
        "state": revision.state,
        "content": revision.content,
        "signers": revision.signers,
    }
    return await sharing.subject_of(session, plan.id, row)


async def _record(session: Session, principal: Principal, plan: TreatmentPlan, event: str) -> None:
    plan.updated_at = func.now()
    await session.flush()
    await audit.record(session, principal, event, resource=("treatment_plan", plan.id), clients=[plan.client_id])
