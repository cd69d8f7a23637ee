"""How staff members are read."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, text

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Rows, Source
from portal_api.core.errors import NotFound
from portal_api.models.auth import Account
from portal_api.models.staff import StaffMember, Supervision
from portal_api.schemas.staff import PractitionerFilters, StaffFilters
from portal_api.services.paging import Pager
from portal_api.services.scheduling import bookable

_supervises = (
    select(func.coalesce(func.array_agg(Supervision.supervised_id), text("'{}'::uuid[]")))
    .where(Supervision.supervisor_id == StaffMember.id)
    .correlate(StaffMember)
    .scalar_subquery()
)
COLUMNS = (
    StaffMember.id,
    StaffMember.account_id,
    StaffMember.email,
    StaffMember.given_name,
    StaffMember.family_name,
    StaffMember.credentials,
    StaffMember.roles,
    _supervises.label("supervises"),
    Account.second_factor_at.is_not(None).label("second_factor_enabled"),
    StaffMember.state,
    StaffMember.state_changed_at,
    StaffMember.created_at,
    StaffMember.updated_at,
    StaffMember.version,
)
PUBLIC = (
    StaffMember.id,
    StaffMember.given_name,
    StaffMember.family_name,
    (StaffMember.given_name + " " + StaffMember.family_name).label("display_name"),
    StaffMember.credentials,
)


def _members() -> Rows:
    return select(*COLUMNS).join(Account, Account.id == StaffMember.account_id)


ONE = Read(_members().where(StaffMember.id == bindparam("staff_id")))


async def page(reader: Reader, principal: Principal, filters: StaffFilters) -> dict[str, Any]:
    """The staff of the practice, newest first; without a state everybody who has not left."""
    pager = Pager(reader, principal, "staff", filters, "id")
    read = _many(by_state=filters.state is not None, resumed=pager.position is not None)
    return pager.envelope(await reader.rows(read, state=filters.state, **_from(pager)))


async def get(source: Source, staff_id: UUID) -> dict[str, Any]:
    """One staff member, also one who has left. Raises NotFound."""
    row = await source.row(ONE, staff_id=staff_id)
    if row is None:
        raise NotFound
    return row


async def practitioners(reader: Reader, principal: Principal, filters: PractitionerFilters) -> dict[str, Any]:
    """Names and credentials of whose time can be booked; for clients of those whom they may ask for some."""
    pager = Pager(reader, principal, "practitioners", filters, "id")
    read = _practising(for_clients=principal.is_client, resumed=pager.position is not None)
    return pager.envelope(await reader.rows(read, **_from(pager)))


def _from(pager: Pager) -> dict[str, Any]:
    return {"after_id": UUID(pager.position[0]) if pager.position else None, "limit": pager.limit + 1}


@cache
def _many(*, by_state: bool, resumed: bool) -> Read:
    wanted = StaffMember.state == bindparam("state") if by_state else StaffMember.state != "removed"
    return _newest(_members().where(wanted), resumed=resumed)


@cache
def _practising(*, for_clients: bool, resumed: bool) -> Read:
    wanted = bookable.by_clients() if for_clients else bookable.practises
    return _newest(select(*PUBLIC).where(wanted), resumed=resumed)


def _newest(statement: Rows, *, resumed: bool) -> Read:
    if resumed:
        statement = statement.where(StaffMember.id < bindparam("after_id"))
    return Read(statement.order_by(StaffMember.id.desc()).limit(bindparam("limit")))
