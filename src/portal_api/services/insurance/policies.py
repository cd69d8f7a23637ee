"""A policy as it is stored and read, whoever asks."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Session
from portal_api.core.errors import Conflict, invalid
from portal_api.core.ids import new_id
from portal_api.models.insurance import InsurancePolicy
from portal_api.schemas.insurance import PolicyCreate, PolicyUpdate
from portal_api.services import audit
from portal_api.services.documents import references

MOST = 20
COLUMNS = (
    InsurancePolicy.id,
    InsurancePolicy.client_id,
    InsurancePolicy.type,
    InsurancePolicy.relationship,
    InsurancePolicy.insurance_type,
    InsurancePolicy.payer,
    InsurancePolicy.payer_id,
    InsurancePolicy.plan_name,
    InsurancePolicy.member_id,
    InsurancePolicy.group_number,
    InsurancePolicy.subscriber,
    InsurancePolicy.effective_date,
    InsurancePolicy.end_date,
    InsurancePolicy.front_document_id,
    InsurancePolicy.back_document_id,
    InsurancePolicy.state,
    InsurancePolicy.added_by_kind,
    InsurancePolicy.reviewed_at,
    InsurancePolicy.rejection_reason,
    InsurancePolicy.created_at,
    InsurancePolicy.updated_at,
    InsurancePolicy.version,
)
STAFF_COLUMNS = (*COLUMNS, InsurancePolicy.added_by, InsurancePolicy.reviewed_by)
CARDS = ("front_document_id", "back_document_id")
NOT_NULL = ("type", "relationship", "insurance_type", "payer", "member_id")


class TooManyPolicies(Conflict):
    code, title = "too_many_policies", "No more insurance policies can be entered"


@cache
def of_client(*, resumed: bool) -> Read:
    """All policies of a client, newest first."""
    statement = select(*STAFF_COLUMNS).where(InsurancePolicy.client_id == bindparam("client_id"))
    if resumed:
        statement = statement.where(InsurancePolicy.id < bindparam("after_id"))
    return Read(statement.order_by(InsurancePolicy.id.desc()).limit(bindparam("limit")))


async def add(session: Session, principal: Principal, client_id: UUID, data: PolicyCreate) -> InsurancePolicy:
    """Enter a policy for a client who is held. Raises Invalid, TooManyPolicies."""
    await _must_be_cards(session, principal, client_id, data.model_dump(include={*CARDS}))
    count = select(func.count()).where(InsurancePolicy.client_id == client_id, InsurancePolicy.state != "withdrawn")
    if (await session.execute(count)).scalar_one() >= MOST:
        raise TooManyPolicies(f"A client has at most {MOST} policies. Take one back first.", limit=MOST)
    entered = data.model_dump(include=PolicyCreate.model_fields.keys() - {"subscriber"})
    policy = InsurancePolicy(
        id=new_id(),
        client_id=client_id,
        added_by=principal.account_id,
        added_by_kind=principal.kind,
        **entered,
        subscriber=data.subscriber.model_dump(mode="json") if data.subscriber else None,
    )
    must_fit_together(policy)
    session.add(policy)
    await session.flush()
    await recorded(session, principal, policy, "insurance.added")
    return policy


async def change(session: Session, principal: Principal, policy: InsurancePolicy, data: PolicyUpdate) -> dict[str, Any]:
    """Put what is given into a policy; returns it. Raises Invalid."""
    changes = data.given()
    await _must_be_cards(session, principal, policy.client_id, changes)
    for name, value in changes.items():
        if value is None and name in NOT_NULL:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
        is_person = name == "subscriber" and value is not None
        setattr(policy, name, value.model_dump(mode="json") if is_person else value)
    must_fit_together(policy)
    return changes


def must_fit_together(policy: InsurancePolicy) -> None:
    """Raise Invalid for a policy of somebody else that does not say whose, and for an end before the beginning."""
    if policy.relationship != "self" and policy.subscriber is None:
        raise invalid("/subscriber", "missing", "Say who holds the policy.")
    if policy.relationship == "self" and policy.subscriber is not None:
        raise invalid("/subscriber", "not_needed", "The client holds the policy.")
    if policy.effective_date and policy.end_date and policy.end_date < policy.effective_date:
        raise invalid("/end_date", "before_start", "It ends before it begins.")


async def _must_be_cards(session: Session, principal: Principal, client_id: UUID, given: dict[str, Any]) -> None:
    """Raise Invalid for a picture that is no document of the client's, or none that the caller sees."""
    for name in CARDS:
        if given.get(name) is not None:
            await references.named(session, principal, given[name], client_id, f"/{name}")


async def recorded(session: Session, principal: Principal, policy: InsurancePolicy, type: str, **facts: Any) -> None:
    await audit.record(
        session, principal, type, resource=("insurance_policy", policy.id), clients=[policy.client_id], **facts
    )
