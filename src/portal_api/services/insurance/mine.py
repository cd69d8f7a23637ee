"""Policies that clients and those who act for them enter: theirs to correct until staff have accepted them (F7.M4)."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, bindparam, or_, select
from sqlalchemy.dialects.postgresql import UUID as PGUUID

from portal_api.core.access import GrantPermission, Principal, Profile
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import Forbidden, NotFound, PreconditionFailed, invalid
from portal_api.models.insurance import InsurancePolicy
from portal_api.schemas.insurance import MyPolicyCreate, MyPolicyQuery, PolicyCreate, PolicyUpdate
from portal_api.services import client_information
from portal_api.services.client_information.rules import OF_POLICIES, Rules
from portal_api.services.insurance import policies
from portal_api.services.insurance.policies import recorded
from portal_api.services.paging import Pager

ADD = GrantPermission.INSURANCE_ADD
_UUID = PGUUID(as_uuid=True)


class NotAsked(Forbidden):
    code, title = "not_asked", "The practice does not take this from its clients"


def _visible() -> ColumnElement[bool]:
    """One's own, all of them; of a child's only what the caller entered: others name other people (F6.M3)."""
    return or_(
        InsurancePolicy.client_id == bindparam("own", type_=ARRAY(_UUID)).any_(),
        InsurancePolicy.added_by == bindparam("account_id"),
    )


@cache
def _mine(*, resumed: bool) -> Read:
    whose = InsurancePolicy.client_id == bindparam("theirs", type_=ARRAY(_UUID)).any_()
    statement = select(*policies.COLUMNS).where(whose, _visible(), InsurancePolicy.state != "withdrawn")
    if resumed:
        statement = statement.where(InsurancePolicy.id < bindparam("after_id"))
    return Read(statement.order_by(InsurancePolicy.id.desc()).limit(bindparam("limit")))


_ONE = Read(select(*policies.COLUMNS).where(InsurancePolicy.id == bindparam("policy_id"), _visible()))


async def page(reader: Reader, principal: Principal, query: MyPolicyQuery) -> dict[str, Any]:
    """The policies that the caller may see, newest first. Raises NotFound, Forbidden."""
    profiles = principal.must_be_permitted(ADD, query.client_id)
    pager = Pager(reader, principal, "my_insurance_policies", query, "id")
    after_id = UUID(pager.position[0]) if pager.position else None
    rows = await reader.rows(
        _mine(resumed=after_id is not None),
        theirs=[profile.client_id for profile in profiles],
        own=_own(profiles),
        account_id=principal.account_id,
        after_id=after_id,
        limit=pager.limit + 1,
    )
    return pager.envelope(rows)


async def get(source: Source, principal: Principal, policy_id: UUID) -> dict[str, Any]:
    """One of them. Raises NotFound."""
    own, permitted = _own(principal.profiles), principal.permitted(ADD)
    row = await source.row(_ONE, policy_id=policy_id, own=own, account_id=principal.account_id)
    if row is None or row["client_id"] not in [profile.client_id for profile in permitted]:
        raise NotFound
    return row


async def create(session: Session, principal: Principal, data: MyPolicyCreate) -> dict[str, Any]:
    """Enter a policy; staff look at it. Raises NotFound, Forbidden, NotAsked, Invalid, TooManyPolicies."""
    profile = principal.profile(data.client_id, ADD)
    rules = await _rules(session)
    _must_be_asked(rules, data.model_dump(exclude_unset=True))
    _must_be_complete(rules, data)
    await client_information.mine.held(session, profile)
    policy = await policies.add(session, principal, profile.client_id, data)
    return await get(session, principal, policy.id)


async def update(
    session: Session, principal: Principal, policy_id: UUID, data: PolicyUpdate, if_match: int | None
) -> dict[str, Any]:
    """Correct a policy, which waits for staff again.

    Raises NotFound, InvalidState once it is accepted, PreconditionFailed, NotAsked, Invalid.
    """
    policy = await _held(session, principal, policy_id, if_match)
    policy.reenter()
    rules = await _rules(session)
    _must_be_asked(rules, data.given())
    changes = await policies.change(session, principal, policy, data)
    _must_be_complete(rules, policy)
    await session.flush()
    await recorded(session, principal, policy, "insurance.updated", changed=changes)
    return await get(session, principal, policy_id)


async def withdraw(session: Session, principal: Principal, policy_id: UUID) -> None:
    """Take a policy back that nobody has accepted. Raises NotFound, InvalidState."""
    policy = await _held(session, principal, policy_id, None)
    policy.withdraw()
    await session.flush()
    await recorded(session, principal, policy, "insurance.withdrawn")


def _own(profiles: tuple[Profile, ...]) -> list[UUID]:
    return [profile.client_id for profile in profiles if profile.is_own]


async def _held(session: Session, principal: Principal, policy_id: UUID, if_match: int | None) -> InsurancePolicy:
    await get(session, principal, policy_id)
    held = select(InsurancePolicy).where(InsurancePolicy.id == policy_id).with_for_update()
    policy = (await session.execute(held)).scalar_one()
    if if_match is not None and policy.version != if_match:
        raise PreconditionFailed(current=await get(session, principal, policy_id))
    return policy


async def _rules(session: Session) -> Rules:
    rules = await client_information.rules.read(session)
    if not rules.asks("insurance"):
        raise NotAsked("Ask the practice how to give it your insurance.")
    return rules


def _must_be_asked(rules: Rules, given: dict[str, Any]) -> None:
    for name in OF_POLICIES:
        if given.get(name) is not None and not rules.of(name)["enabled"]:
            raise invalid(f"/{name}", "not_asked", "The practice does not ask for this.")


def _must_be_complete(rules: Rules, policy: PolicyCreate | InsurancePolicy) -> None:
    for name in OF_POLICIES:
        rule = rules.of(name)
        is_own = name == "subscriber" and policy.relationship == "self"
        if rule["enabled"] and rule["required"] and not is_own and getattr(policy, name) is None:
            raise invalid(f"/{name}", "missing", "The practice needs this.")
