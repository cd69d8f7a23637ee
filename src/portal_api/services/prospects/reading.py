"""How prospects are listed and read, and held for a change."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, case, func, select
from sqlalchemy.orm import contains_eager, joinedload

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows, Session, Source
from portal_api.core.errors import NotFound
from portal_api.models.auth import Account
from portal_api.models.prospects import Prospect
from portal_api.schemas.prospects import ProspectFilters, ProspectState
from portal_api.services import audit
from portal_api.services.auth import vouching
from portal_api.services.paging import Pager
from portal_api.services.prospects import duplicates

WITH_ACCOUNT = joinedload(Prospect.account, innerjoin=True)
_open = Prospect.outcome == "open"
_verified = Account.email_verified_at.is_not(None)
_state: ColumnElement[str] = case((~_open, Prospect.outcome), (_verified, "verified"), else_="new")
"""Prospect.state, for the database."""


def _prospects() -> Rows:
    return select(
        Prospect.id,
        Prospect.account_id,
        _state.label("state"),
        Prospect.given_name,
        Prospect.family_name,
        Account.email,
        vouching.verification().label("email_verification"),
        Account.email_verified_at,
        Account.email_verified_by,
        Prospect.date_of_birth,
        Prospect.phone,
        Prospect.message,
        Prospect.client_id,
        Prospect.decided_at,
        Prospect.decided_by,
        Prospect.created_at,
        func.greatest(Prospect.updated_at, Account.updated_at).label("updated_at"),
    ).join(Account, Account.id == Prospect.account_id)


ONE = Read(_prospects().where(Prospect.id == bindparam("prospect_id")))


@cache
def many(state: ProspectState | None, *, resumed: bool) -> Read:
    """Newest first; a state is looked up by what is stored of it, so that an index serves it."""
    statement = _prospects()
    if state in ("new", "verified"):
        statement = statement.where(_open, _verified if state == "verified" else ~_verified)
    elif state is not None:
        statement = statement.where(Prospect.outcome == state)
    if resumed:
        statement = statement.where(Prospect.id < bindparam("after_id"))
    return Read(statement.order_by(Prospect.id.desc()).limit(bindparam("limit")))


async def page(reader: Reader, principal: Principal, filters: ProspectFilters) -> dict[str, Any]:
    """The prospects of a state, or all, newest first."""
    pager = Pager(reader, principal, "prospects", filters, "id")
    read = many(filters.state, resumed=pager.position is not None)
    after = UUID(pager.position[0]) if pager.position else None
    return pager.envelope(await reader.rows(read, limit=pager.limit + 1, after_id=after))


async def get(source: Source, prospect_id: UUID) -> dict[str, Any]:
    """One prospect. Raises NotFound."""
    row = await source.row(ONE, prospect_id=prospect_id)
    if row is None:
        raise NotFound
    return row


async def detail(reader: Reader, principal: Principal, prospect_id: UUID) -> dict[str, Any]:
    """One prospect and the clients who may be the same person. Raises NotFound."""
    prospect = await get(reader, prospect_id)
    candidates = await duplicates.find(reader, prospect)
    audit.viewed(reader, principal, "prospect.viewed", [candidate["client_id"] for candidate in candidates])
    return prospect | {"duplicate_candidates": candidates}


async def locked_of(session: Session, email_norm: str) -> Prospect | None:
    """The signup of the account with this address, if there was one, held for a change."""
    of_account = select(Prospect).join(Prospect.account).options(contains_eager(Prospect.account))
    return await session.scalar(of_account.where(Account.email_norm == email_norm).with_for_update())


async def locked(session: Session, prospect_id: UUID) -> Prospect:
    """The prospect and its account, held for a change: of two admins one decides. Raises NotFound."""
    one = select(Prospect).options(WITH_ACCOUNT).where(Prospect.id == prospect_id)
    prospect = await session.scalar(one.with_for_update())
    if prospect is None:
        raise NotFound
    return prospect
