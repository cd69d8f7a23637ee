"""How staff read guardians. Client callers never do: row-level security has no row of them for anybody else."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, exists, select, text

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import NotFound
from portal_api.models.clients import Client, ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.models.invitations import Invitation
from portal_api.schemas.guardians import GuardianFilters
from portal_api.services import audit, clients
from portal_api.services.clients.reading import sees_all, visible
from portal_api.services.paging import Pager

_NOTHING = text("'{}'::text[]")
_invitation_state = (
    select(Invitation.state_now())
    .where(Invitation.guardian_id == Guardian.id)
    .order_by(Invitation.id.desc())
    .limit(1)
    .correlate(Guardian)
    .scalar_subquery()
)
COLUMNS = (
    Guardian.id,
    Guardian.client_id,
    Guardian.given_name,
    Guardian.family_name,
    Guardian.email,
    Guardian.phone,
    Guardian.relationship,
    Guardian.permissions,
    case((ClientGrant.is_live(), ClientGrant.permissions_now()), else_=_NOTHING).label("effective_permissions"),
    Guardian.valid_from,
    Guardian.valid_to,
    Guardian.state_now().label("state"),
    Guardian.account_id,
    _invitation_state.label("invitation_state"),
    Guardian.narrows_at,
    Guardian.narrowed_permissions,
    Guardian.ends_at,
    Guardian.extended_to,
    Guardian.extension_reason,
    Guardian.created_by,
    Guardian.revoked_at,
    Guardian.revoked_by,
    Guardian.revocation_reason,
    Guardian.created_at,
    Guardian.updated_at,
    Guardian.version,
)
_rows = select(*COLUMNS).select_from(Guardian).outerjoin(ClientGrant, ClientGrant.id == Guardian.grant_id)
ONE = Read(_rows.where(Guardian.id == bindparam("guardian_id")))


async def page(reader: Reader, principal: Principal, client_id: UUID, filters: GuardianFilters) -> dict[str, Any]:
    """A client's guardians, the newest first. Raises NotFound."""
    await clients.must_see(reader, principal, client_id)
    pager = Pager(reader, principal, f"guardians/{client_id}", filters, "id")
    after = UUID(pager.position[0]) if pager.position else None
    read = _of_client(revoked=filters.revoked, resumed=after is not None)
    rows = await reader.rows(read, client_id=client_id, after_id=after, limit=pager.limit + 1)
    audit.viewed(reader, principal, "guardians.listed", [client_id])
    return pager.envelope(rows)


async def get(source: Source, principal: Principal, client_id: UUID, guardian_id: UUID) -> dict[str, Any]:
    """One guardian of a client that the caller sees. Raises NotFound."""
    await clients.must_see(source, principal, client_id)
    row = await source.row(ONE, guardian_id=guardian_id)
    if row is None or row["client_id"] != client_id:
        raise NotFound
    if isinstance(source, Reader):
        audit.viewed(source, principal, "guardian.viewed", [client_id])
    return row


async def answer(session: Session, guardian_id: UUID) -> dict[str, Any]:
    """The guardian as it has just been written."""
    row = await session.row(ONE, guardian_id=guardian_id)
    if row is None:
        raise NotFound
    return row


async def locked(
    session: Session, principal: Principal, guardian_id: UUID, client_id: UUID | None = None
) -> tuple[Guardian, Client]:
    """The guardian and the client, both held for a change, the client first as everywhere.

    client_id: whose it must be. Raises NotFound for one of a client that the caller does not see.
    """
    whose = await session.scalar(select(Guardian.client_id).where(Guardian.id == guardian_id))
    if whose is None or client_id not in (None, whose):
        raise NotFound
    client = await clients.locked(session, principal, UUID(str(whose)))
    held = select(Guardian).where(Guardian.id == guardian_id).with_for_update()
    return (await session.execute(held)).scalar_one(), client


async def must_see(source: Source, principal: Principal, guardian_id: UUID) -> None:
    """Raise NotFound for a guardian of a client that the caller does not see."""
    if await source.row(_seen(sees_all(principal)), guardian_id=guardian_id, staff_id=principal.staff_id) is None:
        raise NotFound


@cache
def _seen(everyone: bool) -> Read:
    seen = select(Client.id).where(
        exists().where(Guardian.id == bindparam("guardian_id"), Guardian.client_id == Client.id)
    )
    return Read(visible(seen, everyone))


@cache
def _of_client(*, revoked: bool, resumed: bool) -> Read:
    kept = Guardian.revoked_at.is_not(None) if revoked else Guardian.revoked_at.is_(None)
    statement = _rows.where(Guardian.client_id == bindparam("client_id"), kept)
    if resumed:
        statement = statement.where(Guardian.id < bindparam("after_id"))
    return Read(statement.order_by(Guardian.id.desc()).limit(bindparam("limit")))
