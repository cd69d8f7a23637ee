"""Writing treatment plans: what somebody was shown is never changed, a revision takes its place."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import InvalidState, PreconditionFailed, invalid
from portal_api.core.ids import new_id
from portal_api.models.forms import SignerRole
from portal_api.models.signatures import RequestState, SubjectKind
from portal_api.models.treatment_plans import OPEN_STATES, RevisionState, TreatmentPlan, TreatmentPlanRevision
from portal_api.schemas.treatment_plans import Discontinuation, TreatmentPlanCreate, TreatmentPlanUpdate
from portal_api.services import audit, clients, signatures
from portal_api.services.treatment_plans import reading

NOT_CONTENT = {"signers", "confidential"}
CLEARED = {"summary", "review_on"}
"""What a null clears; all else is always there."""


async def create(session: Session, principal: Principal, client_id: UUID, data: TreatmentPlanCreate) -> dict[str, Any]:
    """The caller is the author. Raises NotFound, InvalidState for an archived client."""
    client = await clients.locked(session, principal, client_id)
    if client.archived_at is not None:
        raise InvalidState("Restore the client first.", state="archived")
    assert principal.staff_id is not None  # noqa: S101 - the permission is that of staff
    plan = TreatmentPlan(id=new_id(), client_id=client_id, author_id=principal.staff_id, confidential=data.confidential)
    session.add(plan)
    await session.flush()
    content = data.model_dump(mode="json", exclude=NOT_CONTENT)
    session.add(_revision(plan, 1, content, _stored(data.signers)))
    return await _recorded(session, principal, plan, "treatment_plan.created")


async def update(
    session: Session, principal: Principal, plan_id: UUID, data: TreatmentPlanUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change the draft. Raises NotFound, PreconditionFailed with the current copy, InvalidState, Invalid."""
    plan, revision = await reading.held(session, principal, plan_id)
    if if_match is not None and plan.version != if_match:
        raise PreconditionFailed(current=await reading.get(session, principal, plan_id))
    plan.must_go_on()
    revision.must_be_draft()
    changes = data.given()
    for name, value in changes.items():
        if value is None and name not in CLEARED:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    written = data.model_dump(mode="json", exclude_unset=True, exclude=NOT_CONTENT)
    revision.content = revision.content | written
    if "signers" in changes:
        revision.signers = _stored(changes["signers"])
    if "confidential" in changes:
        plan.confidential = changes["confidential"]
    return await _recorded(session, principal, plan, "treatment_plan.updated", changed=changes)


async def revise(session: Session, principal: Principal, plan_id: UUID) -> dict[str, Any]:
    """Begin a new draft that says what the newest revision says. One that is being signed is signed no further.

    The revision in force stays so until the new one is signed. Raises NotFound, InvalidState.
    """
    plan, newest = await reading.held(session, principal, plan_id)
    plan.must_go_on()
    if newest.state == RevisionState.DRAFT:
        raise InvalidState("There is a draft already.", state=newest.state)
    if newest.state in OPEN_STATES:
        newest.move(RevisionState.SUPERSEDED, await clock.now(session))
        await signatures.cancel(session, SubjectKind.TREATMENT_PLAN, newest.id, RequestState.SUPERSEDED)
        await session.flush()
    session.add(_revision(plan, newest.number + 1, newest.content, newest.signers))
    return await _recorded(session, principal, plan, "treatment_plan.revised")


async def discontinue(
    session: Session, principal: Principal, plan_id: UUID, data: Discontinuation | None
) -> dict[str, Any]:
    """End the plan; what was signed stays on file. Raises NotFound, InvalidState."""
    plan, _ = await reading.held(session, principal, plan_id)
    now = await clock.now(session)
    plan.discontinue(now, principal.account_id, data.reason if data else None)
    lasting = (*OPEN_STATES, RevisionState.ACTIVE, RevisionState.DECLINED)
    revisions = select(TreatmentPlanRevision).where(
        TreatmentPlanRevision.plan_id == plan.id, TreatmentPlanRevision.state.in_(lasting)
    )
    for revision in await session.scalars(revisions):
        if revision.state in OPEN_STATES:
            await signatures.cancel(session, SubjectKind.TREATMENT_PLAN, revision.id, RequestState.CANCELLED)
        revision.move(RevisionState.DISCONTINUED, now)
    return await _recorded(session, principal, plan, "treatment_plan.discontinued")


def _revision(
    plan: TreatmentPlan, number: int, content: dict[str, Any], signers: list[dict[str, Any]]
) -> TreatmentPlanRevision:
    return TreatmentPlanRevision(
        id=new_id(), client_id=plan.client_id, plan_id=plan.id, number=number, content=content, signers=signers
    )


def _stored(signers: list[SignerRole]) -> list[dict[str, Any]]:
    return [{"role": str(role)} for role in signers]


async def _recorded(
    session: Session, principal: Principal, plan: TreatmentPlan, event: str, **facts: Any
) -> dict[str, Any]:
    """A revision is another row: who saw the old copy of the plan is to know that it changed."""
    plan.updated_at = func.now()
    await session.flush()
    resource = ("treatment_plan", plan.id)
    await audit.record(session, principal, event, resource=resource, clients=[plan.client_id], **facts)
    return await reading.get(session, principal, plan.id)
