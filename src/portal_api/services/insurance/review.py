"""Policies in the hands of staff: entered, corrected, accepted or rejected."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import InvalidState, NotFound, PreconditionFailed
from portal_api.models.clients import Client
from portal_api.models.insurance import InsurancePolicy
from portal_api.schemas.base import PageQuery
from portal_api.schemas.insurance import PolicyCreate, PolicyRejection, PolicyUpdate
from portal_api.services import audit, clients
from portal_api.services.clients import reading
from portal_api.services.insurance import policies
from portal_api.services.insurance.policies import recorded
from portal_api.services.paging import Pager

_of_policy = (
    select(*policies.STAFF_COLUMNS)
    .join(Client, Client.id == InsurancePolicy.client_id)
    .where(InsurancePolicy.id == bindparam("policy_id"))
)
_ONE = {everyone: Read(reading.visible(_of_policy, everyone)) for everyone in (True, False)}


async def page(reader: Reader, principal: Principal, client_id: UUID, query: PageQuery) -> dict[str, Any]:
    """A client's policies, newest first. Raises NotFound."""
    await clients.must_see(reader, principal, client_id)
    pager = Pager(reader, principal, f"insurance_policies/{client_id}", query, "id")
    after_id = UUID(pager.position[0]) if pager.position else None
    read = policies.of_client(resumed=after_id is not None)
    rows = await reader.rows(read, client_id=client_id, after_id=after_id, limit=pager.limit + 1)
    audit.viewed(reader, principal, "insurance.listed", [client_id])
    return pager.envelope(rows)


async def get(source: Source, principal: Principal, policy_id: UUID) -> dict[str, Any]:
    """One policy of a client whom the caller sees. Raises NotFound."""
    read = _ONE[reading.sees_all(principal)]
    row = await source.row(read, policy_id=policy_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound
    if isinstance(source, Reader):
        audit.viewed(source, principal, "insurance.listed", [row["client_id"]])
    return row


async def create(session: Session, principal: Principal, client_id: UUID, data: PolicyCreate) -> dict[str, Any]:
    """Enter a policy, which needs no second look. Raises NotFound, Invalid, TooManyPolicies."""
    await clients.locked(session, principal, client_id)
    policy = await policies.add(session, principal, client_id, data)
    policy.accept(await clock.now(session), principal.account_id)
    await session.flush()
    return await get(session, principal, policy.id)


async def update(
    session: Session, principal: Principal, policy_id: UUID, data: PolicyUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given, in any state but withdrawn. Raises NotFound, PreconditionFailed, InvalidState, Invalid."""
    policy = await _held(session, principal, policy_id, if_match)
    if policy.state == "withdrawn":
        raise InvalidState("The client has taken this policy back.", state=policy.state)
    changes = await policies.change(session, principal, policy, data)
    await session.flush()
    await recorded(session, principal, policy, "insurance.updated", changed=changes)
    return await get(session, principal, policy_id)


async def accept(session: Session, principal: Principal, policy_id: UUID, if_match: int | None) -> dict[str, Any]:
    """Take it as it is: its client changes it no more. Raises NotFound, PreconditionFailed, InvalidState."""
    policy = await _held(session, principal, policy_id, if_match)
    policy.accept(await clock.now(session), principal.account_id)
    await session.flush()
    await recorded(session, principal, policy, "insurance.accepted")
    return await get(session, principal, policy_id)


async def reject(
    session: Session, principal: Principal, policy_id: UUID, data: PolicyRejection | None, if_match: int | None
) -> dict[str, Any]:
    """Give it back with a reason; its client may correct it. Raises NotFound, PreconditionFailed, InvalidState."""
    policy = await _held(session, principal, policy_id, if_match)
    policy.reject(await clock.now(session), principal.account_id, data.reason if data else None)
    await session.flush()
    await recorded(session, principal, policy, "insurance.rejected")
    return await get(session, principal, policy_id)


async def _held(session: Session, principal: Principal, policy_id: UUID, if_match: int | None) -> InsurancePolicy:
    await get(session, principal, policy_id)
    held = select(InsurancePolicy).where(InsurancePolicy.id == policy_id).with_for_update()
    policy = (await session.execute(held)).scalar_one()
    if if_match is not None and policy.version != if_match:
        raise PreconditionFailed(current=await get(session, principal, policy_id))
    return policy
