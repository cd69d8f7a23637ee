"""Putting a plan before those who sign it; an intern's goes to a supervisor first (F20.M6)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from portal_api.core import clock
from portal_api.core.access import Principal, Role
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import PreconditionFailed, invalid
from portal_api.models.clients import Client
from portal_api.models.forms import OF_CLIENT, SignerRole
from portal_api.models.practices import Practice
from portal_api.models.signatures import SubjectKind
from portal_api.models.staff import StaffMember
from portal_api.models.treatment_plans import RevisionState, TreatmentPlan, TreatmentPlanRevision
from portal_api.services import audit, signatures
from portal_api.services.signatures import Rendition, Subject, Wanted, paper_size
from portal_api.services.treatment_plans import reading
from portal_api.services.treatment_plans.paper import paper_of

NAMES = Read(
    select(
        Practice.name.label("practice"),
        Practice.country,
        func.concat_ws(" ", Client.given_name, Client.family_name).label("client"),
        func.concat_ws(" ", StaffMember.given_name, StaffMember.family_name, StaffMember.credentials).label("author"),
        StaffMember.roles,
    )
    .select_from(TreatmentPlan)
    .join(Practice, Practice.id == bindparam("practice_id"))
    .join(Client, Client.id == TreatmentPlan.client_id)
    .join(StaffMember, StaffMember.id == TreatmentPlan.author_id)
    .where(TreatmentPlan.id == bindparam("plan_id"))
)
TRAINED = {Role.PRACTITIONER, Role.SUPERVISOR}


async def share(session: Session, principal: Principal, plan_id: UUID, if_match: int | None) -> dict[str, Any]:
    """Freeze the draft and ask for signatures. Raises NotFound, PreconditionFailed, InvalidState, Invalid."""
    plan, revision = await reading.held(session, principal, plan_id)
    if if_match is not None and plan.version != if_match:
        raise PreconditionFailed(current=await reading.get(session, principal, plan_id))
    plan.must_go_on()
    revision.must_be_draft()
    if not revision.content["goals"]:
        raise invalid("/goals", "missing", "Write down at least one goal first.")
    names = await session.row(NAMES, plan_id=plan.id)
    assert names is not None  # noqa: S101 - foreign keys
    revision.signers = _with_supervisor(revision.signers, names["roles"], principal)
    subject = _subject(plan.client_id, plan.confidential, names, revision.id, revision.number, revision)
    await signatures.open_request(session, principal, subject)
    await put_forward(session, principal, plan, revision, subject)
    return await reading.get(session, principal, plan_id)


async def put_forward(
    session: Session, principal: Principal, plan: TreatmentPlan, revision: TreatmentPlanRevision, subject: Subject
) -> None:
    """Let the client see it once it is their turn; before that it is with those in the practice who sign first."""
    now = await clock.instant(session)
    to = RevisionState.SHARED
    if await signatures.next_is_staff(session, subject):
        to = RevisionState.IN_REVIEW
    if revision.state == to:
        return
    revision.move(to, now)
    plan.updated_at = func.now()
    await session.flush()
    await audit.record(
        session,
        principal,
        "treatment_plan.shared" if to is RevisionState.SHARED else "treatment_plan.submitted_for_review",
        resource=("treatment_plan", plan.id),
        clients=[plan.client_id],
    )


async def subject_of(source: Source, plan_id: UUID, row: dict[str, Any]) -> Subject:
    """What there is to sign; row: a revision with its plan, as `reading` has it."""
    names = await source.row(NAMES, plan_id=plan_id)
    assert names is not None  # noqa: S101 - foreign keys
    revision = TreatmentPlanRevision(state=row["state"], content=row["content"], signers=row["signers"])
    return _subject(row["client_id"], row["confidential"], names, row["revision_id"], row["revision"], revision)


def _subject(
    client_id: UUID,
    confidential: bool,
    names: dict[str, Any],
    revision_id: UUID,
    number: int,
    revision: TreatmentPlanRevision,
) -> Subject:
    paper = paper_of(revision.content, number, revision_id, names, paper_size(names["country"]))
    return Subject(
        kind=SubjectKind.TREATMENT_PLAN,
        id=revision_id,
        client_id=client_id,
        client_name=names["client"],
        version_id=revision_id,
        title=paper.title,
        state=revision.state,
        wanted=tuple(map(Wanted.of, revision.signers)),
        rendition=Rendition.of(paper) if revision.content["goals"] else None,
        takes_signatures=revision.state in (RevisionState.DRAFT, RevisionState.IN_REVIEW, RevisionState.SHARED),
        confidential=confidential,
    )


def _with_supervisor(signers: list[dict[str, Any]], roles: list[str], principal: Principal) -> list[dict[str, Any]]:
    """Where an intern wrote or shares it, a supervisor signs it before the client does."""
    by_intern = any(not TRAINED & set(map(Role, each)) for each in (roles, principal.roles))
    named = [SignerRole(signer["role"]) for signer in signers]
    if not by_intern or SignerRole.SUPERVISOR in named:
        return signers
    first = next(place for place, role in enumerate(named) if role in OF_CLIENT)
    return [*signers[:first], {"role": str(SignerRole.SUPERVISOR)}, *signers[first:]]
