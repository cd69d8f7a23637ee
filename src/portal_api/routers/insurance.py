"""Insurance policies, in the hands of clients and of staff."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanReadInsurance,
    CanWriteInsurance,
    HasInsurance,
    IfMatch,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.insurance import (
    MyPolicyCreate,
    MyPolicyQuery,
    Policy,
    PolicyCreate,
    PolicyRejection,
    PolicyUpdate,
    StaffPolicy,
)
from portal_api.services import insurance
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="insurance")


@router.get("/me/insurance-policies", response_model=Page[Policy])
async def list_my_insurance_policies(
    query: Annotated[MyPolicyQuery, Query()], reader: ReaderDep, principal: HasInsurance
) -> Any:
    """The policies of the caller's clients; of a child's, those that the caller entered."""
    return await insurance.mine.page(reader, principal, query)


@router.post("/me/insurance-policies", status_code=201, response_model=Policy)
async def add_my_insurance_policy(data: MyPolicyCreate, session: SessionDep, principal: HasInsurance) -> Any:
    """Enter a policy as it stands on the card. Staff review it."""
    return await insurance.mine.create(session, principal, data)


@router.get("/me/insurance-policies/{policy_id}", response_model=Policy)
async def get_my_insurance_policy(policy_id: UUID, reader: ReaderDep, principal: HasInsurance) -> Any:
    """One of the caller's policies."""
    return await insurance.mine.get(reader, principal, policy_id)


@router.patch("/me/insurance-policies/{policy_id}", response_model=Policy)
async def update_my_insurance_policy(
    policy_id: UUID, data: PolicyUpdate, session: SessionDep, principal: HasInsurance, if_match: IfMatch
) -> Any:
    """Correct a policy that staff have not accepted. It waits for their review again."""
    return await insurance.mine.update(session, principal, policy_id, data, if_match)


@router.delete("/me/insurance-policies/{policy_id}", status_code=204, response_model=None)
async def withdraw_my_insurance_policy(policy_id: UUID, session: SessionDep, principal: HasInsurance) -> Any:
    """Take back a policy that staff have not accepted."""
    await insurance.mine.withdraw(session, principal, policy_id)


@router.get("/clients/{client_id}/insurance-policies", response_model=Page[StaffPolicy])
async def list_insurance_policies(
    client_id: UUID, query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanReadInsurance
) -> Any:
    """A client's insurance policies, in every state, newest first."""
    return await insurance.review.page(reader, principal, client_id, query)


@router.post("/clients/{client_id}/insurance-policies", status_code=201, response_model=StaffPolicy)
async def create_insurance_policy(
    client_id: UUID, data: PolicyCreate, session: SessionDep, principal: CanWriteInsurance
) -> Any:
    """Enter a policy for a client. What staff enter is accepted."""
    return await insurance.review.create(session, principal, client_id, data)


@router.get("/insurance-policies/{policy_id}", response_model=StaffPolicy)
async def get_insurance_policy(policy_id: UUID, reader: ReaderDep, principal: CanReadInsurance) -> Any:
    """One insurance policy."""
    return await insurance.review.get(reader, principal, policy_id)


@router.patch("/insurance-policies/{policy_id}", response_model=StaffPolicy)
async def update_insurance_policy(
    policy_id: UUID, data: PolicyUpdate, session: SessionDep, principal: CanWriteInsurance, if_match: IfMatch
) -> Any:
    """Change an insurance policy; its state stays."""
    return await insurance.review.update(session, principal, policy_id, data, if_match)


@router.post("/insurance-policies/{policy_id}/accept", response_model=StaffPolicy)
async def accept_insurance_policy(
    policy_id: UUID, session: SessionDep, principal: CanWriteInsurance, if_match: IfMatch
) -> Any:
    """Accept a policy. Its client can change it no more."""
    return await insurance.review.accept(session, principal, policy_id, if_match)


@router.post("/insurance-policies/{policy_id}/reject", response_model=StaffPolicy)
async def reject_insurance_policy(
    policy_id: UUID,
    session: SessionDep,
    principal: CanWriteInsurance,
    if_match: IfMatch,
    data: PolicyRejection | None = None,
) -> Any:
    """Give a policy back to its client, with a reason."""
    return await insurance.review.reject(session, principal, policy_id, data, if_match)
