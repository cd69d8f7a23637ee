"""Treatment plans."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanReadTreatmentPlans,
    CanSign,
    CanWriteTreatmentPlans,
    HasTreatmentPlans,
    IfMatch,
    ReaderDep,
    SessionDep,
)
from portal_api.routers.documents.attachments import FILE, attachment
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.signatures import MyDecline, MySign, Sign, Signing
from portal_api.schemas.treatment_plans import (
    Discontinuation,
    MyPlanFilters,
    MyTreatmentPlan,
    PlanFilters,
    TreatmentPlan,
    TreatmentPlanCreate,
    TreatmentPlanRevision,
    TreatmentPlanUpdate,
)
from portal_api.services import treatment_plans
from portal_api.web.route import PortalRouter

of_client = PortalRouter(prefix="/v1/clients/{client_id}/treatment-plans", tag="treatment_plans")
router = PortalRouter(prefix="/v1/treatment-plans", tag="treatment_plans")
mine = PortalRouter(prefix="/v1/me/treatment-plans", tag="treatment_plans")
ROUTERS = (of_client, router, mine)


@of_client.get("", response_model=Page[TreatmentPlan])
async def list_treatment_plans(
    client_id: UUID, filters: Annotated[PlanFilters, Query()], reader: ReaderDep, principal: CanReadTreatmentPlans
) -> Any:
    """The client's plans, newest first, each as its newest revision has it."""
    return await treatment_plans.page(reader, principal, client_id, filters)


@of_client.post("", status_code=201, response_model=TreatmentPlan)
async def create_treatment_plan(
    client_id: UUID, data: TreatmentPlanCreate, session: SessionDep, principal: CanWriteTreatmentPlans
) -> Any:
    """Begin a plan. It is a draft that the client does not see until it is shared."""
    return await treatment_plans.create(session, principal, client_id, data)


@router.get("/{treatment_plan_id}", response_model=TreatmentPlan)
async def get_treatment_plan(treatment_plan_id: UUID, reader: ReaderDep, principal: CanReadTreatmentPlans) -> Any:
    """One plan, as its newest revision has it."""
    return await treatment_plans.get(reader, principal, treatment_plan_id)


@router.patch("/{treatment_plan_id}", response_model=TreatmentPlan)
async def update_treatment_plan(
    treatment_plan_id: UUID,
    data: TreatmentPlanUpdate,
    session: SessionDep,
    principal: CanWriteTreatmentPlans,
    if_match: IfMatch,
) -> Any:
    """Change the draft. What was shared is changed by a new revision."""
    return await treatment_plans.update(session, principal, treatment_plan_id, data, if_match)


@router.get("/{treatment_plan_id}/revisions", response_model=Page[TreatmentPlanRevision])
async def list_treatment_plan_revisions(
    treatment_plan_id: UUID,
    query: Annotated[PageQuery, Query()],
    reader: ReaderDep,
    principal: CanReadTreatmentPlans,
) -> Any:
    """All that the plan ever said, newest first."""
    return await treatment_plans.revisions(reader, principal, treatment_plan_id, query)


@router.post("/{treatment_plan_id}/share", response_model=TreatmentPlan)
async def share_treatment_plan(
    treatment_plan_id: UUID, session: SessionDep, principal: CanWriteTreatmentPlans, if_match: IfMatch
) -> Any:
    """Put the draft before those who sign it. An intern's plan goes to a supervisor first."""
    return await treatment_plans.share(session, principal, treatment_plan_id, if_match)


@router.post("/{treatment_plan_id}/revise", response_model=TreatmentPlan)
async def revise_treatment_plan(treatment_plan_id: UUID, session: SessionDep, principal: CanWriteTreatmentPlans) -> Any:
    """Begin a new revision, which asks for new signatures. The one in force stays so until then."""
    return await treatment_plans.revise(session, principal, treatment_plan_id)


@router.post("/{treatment_plan_id}/discontinue", response_model=TreatmentPlan)
async def discontinue_treatment_plan(
    treatment_plan_id: UUID,
    session: SessionDep,
    principal: CanWriteTreatmentPlans,
    data: Discontinuation | None = None,
) -> Any:
    """End the plan. What was signed stays on file."""
    return await treatment_plans.discontinue(session, principal, treatment_plan_id, data)


@router.get("/{treatment_plan_id}/signing", response_model=Signing)
async def get_treatment_plan_signing(
    treatment_plan_id: UUID, reader: ReaderDep, principal: CanReadTreatmentPlans
) -> Any:
    """What is signed of the newest revision, who has signed and who is still asked."""
    return await treatment_plans.signing(reader, principal, treatment_plan_id)


@router.post("/{treatment_plan_id}/sign", response_model=Signing)
async def sign_treatment_plan(treatment_plan_id: UUID, data: Sign, session: SessionDep, principal: CanSign) -> Any:
    """Sign it as who treats the client, or who supervises that."""
    return await treatment_plans.sign(session, principal, treatment_plan_id, data)


@router.get("/{treatment_plan_id}/pdf", response_model=None, responses=FILE)
async def get_signed_treatment_plan(
    treatment_plan_id: UUID, session: SessionDep, principal: CanReadTreatmentPlans
) -> Any:
    """The practice's copy of the plan that was signed last."""
    return attachment(await treatment_plans.open_copy(session, principal, treatment_plan_id))


@mine.get("", response_model=Page[MyTreatmentPlan])
async def list_my_treatment_plans(
    filters: Annotated[MyPlanFilters, Query()], reader: ReaderDep, principal: HasTreatmentPlans
) -> Any:
    """The plans that were shared with the client, newest first."""
    return await treatment_plans.page_mine(reader, principal, filters)


@mine.get("/{treatment_plan_id}", response_model=MyTreatmentPlan)
async def get_my_treatment_plan(treatment_plan_id: UUID, reader: ReaderDep, principal: HasTreatmentPlans) -> Any:
    """One of them, as the newest revision that was shared has it."""
    return await treatment_plans.get_mine(reader, principal, treatment_plan_id)


@mine.get("/{treatment_plan_id}/signing", response_model=Signing)
async def get_my_treatment_plan_signing(
    treatment_plan_id: UUID, reader: ReaderDep, principal: HasTreatmentPlans
) -> Any:
    """What is signed, in which words, by whom, and whether it is the caller's turn."""
    return await treatment_plans.signing_of_mine(reader, principal, treatment_plan_id)


@mine.post("/{treatment_plan_id}/sign", response_model=Signing)
async def sign_my_treatment_plan(
    treatment_plan_id: UUID, data: MySign, session: SessionDep, principal: HasTreatmentPlans
) -> Any:
    """Sign the plan as it is shown."""
    return await treatment_plans.sign_mine(session, principal, treatment_plan_id, data)


@mine.post("/{treatment_plan_id}/decline", response_model=Signing)
async def decline_my_treatment_plan(
    treatment_plan_id: UUID, session: SessionDep, principal: HasTreatmentPlans, data: MyDecline | None = None
) -> Any:
    """Refuse to sign the plan. The practice revises it, or ends it."""
    return await treatment_plans.decline(session, principal, treatment_plan_id, data)


@mine.get("/{treatment_plan_id}/pdf", response_model=None, responses=FILE)
async def get_my_signed_treatment_plan(
    treatment_plan_id: UUID, session: SessionDep, principal: HasTreatmentPlans
) -> Any:
    """The plan that was signed last, with the certificate of its signatures."""
    return attachment(await treatment_plans.open_my_copy(session, principal, treatment_plan_id))
