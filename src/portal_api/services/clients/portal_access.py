"""Whether a client gets into the portal: none, invited, active, suspended, revoked, with history (F3.B4)."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, exists, func, select, update
from sqlalchemy.orm import aliased

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import InvalidState, NotFound, PreconditionFailed
from portal_api.core.ids import new_id
from portal_api.models.auth import Account
from portal_api.models.clients import SELF, Client, ClientGrant, PortalAccessChange
from portal_api.models.invitations import Invitation
from portal_api.schemas.clients import PortalAccessUpdate
from portal_api.services import audit
from portal_api.services.auth import sessions
from portal_api.services.auth.authority import HIDDEN_PORTAL_STATES
from portal_api.services.clients import reading

HISTORY = Read(
    select(
        PortalAccessChange.state,
        PortalAccessChange.changed_at,
        PortalAccessChange.changed_by,
        PortalAccessChange.reason,
    )
    .where(PortalAccessChange.client_id == bindparam("client_id"))
    .order_by(PortalAccessChange.id.desc())
    .limit(100)
)


@cache
def _state(everyone: bool) -> Read:
    own = and_(ClientGrant.client_id == Client.id, ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None))
    statement = (
        select(
            Client.portal_state.label("state"),
            Account.id.label("account_id"),
            Account.email,
            Account.email_verified_at.is_not(None).label("email_verified"),
            Account.must_change_password,
            Account.second_factor_at.is_not(None).label("second_factor_enabled"),
            Client.version,
        )
        .select_from(Client)
        .outerjoin(ClientGrant, own)
        .outerjoin(Account, Account.id == ClientGrant.account_id)
        .where(Client.id == bindparam("client_id"))
    )
    return Read(reading.visible(statement, everyone))


async def get(source: Source, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """The state, the client's own login and the newest hundred changes. Raises NotFound."""
    read = _state(reading.sees_all(principal))
    row = await source.row(read, client_id=client_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound
    if isinstance(source, Reader):
        audit.viewed(source, principal, "portal_access.viewed", [client_id])
    names = ("email", "email_verified", "must_change_password", "second_factor_enabled")
    login = {"id": row["account_id"]} | {name: row[name] for name in names} if row["account_id"] else None
    history = await source.rows(HISTORY, client_id=client_id)
    return {"state": row["state"], "login": login, "history": history, "version": row["version"]}


async def update_state(
    session: Session, principal: Principal, client_id: UUID, data: PortalAccessUpdate, if_match: int | None
) -> dict[str, Any]:
    """Suspend, revoke, or lift a suspension. Sessions that have nobody left to act for end.

    Raises NotFound, PreconditionFailed, InvalidState.
    """
    client = await reading.locked(session, principal, client_id)
    if if_match is not None and client.version != if_match:
        raise PreconditionFailed(current=await get(session, principal, client_id))
    before = client.portal_state
    if before == data.state or (data.state == "active" and before != "suspended"):
        raise InvalidState(f"Portal access that is {before} cannot become {data.state}.", state=before)
    await move(session, client, data.state, by=principal.account_id, reason=data.reason)
    if data.state != "active":
        await _shut_out(session, principal, client)
    await audit.record(
        session, principal, "portal_access.changed", resource=("client", client.id), clients=[client.id],
        reason=data.reason, details={"from": before, "to": data.state},
    )  # fmt: skip
    return await get(session, principal, client_id)


async def _shut_out(session: Session, principal: Principal, client: Client) -> None:
    """Authority is read anew on every request, so this closes what would be left open: links and idle sessions."""
    await end_invitations(session, client, by=principal.account_id)
    await session.flush()
    for account_id in (await session.scalars(_acting_for_nobody_else(client.id))).all():
        await sessions.end_access(session, account_id, "portal_access_ended")
    if client.portal_state == "revoked":
        now = await clock.now(session)
        own = select(ClientGrant).where(
            ClientGrant.client_id == client.id, ClientGrant.relationship == SELF, ClientGrant.revoked_at.is_(None)
        )
        for grant in (await session.scalars(own)).all():
            grant.revoke(now, principal.account_id)


def _acting_for_nobody_else(client_id: UUID) -> Any:
    """Accounts that may act for this client and for no other whose portal access is open."""
    other, person = aliased(ClientGrant), aliased(Client)
    elsewhere = exists().where(
        other.account_id == ClientGrant.account_id,
        other.client_id != client_id,
        other.is_live(),
        person.id == other.client_id,
        person.archived_at.is_(None),
        person.portal_state.not_in(HIDDEN_PORTAL_STATES),
    )
    live = ClientGrant.client_id == client_id, ClientGrant.revoked_at.is_(None)
    return select(ClientGrant.account_id).where(*live, ~elsewhere).distinct()


async def move(session: Session, client: Client, to: str, *, by: UUID | None, reason: str | None = None) -> None:
    """Move the state and write it into the history; nothing to do where it is already. Raises InvalidState."""
    if client.portal_state == to:
        return
    client.move_portal(to)
    session.add(PortalAccessChange(id=new_id(), client_id=client.id, state=to, changed_by=by, reason=reason))


async def end_invitations(session: Session, client: Client, *, by: UUID | None) -> None:
    """No open link leads to this client any more."""
    await session.execute(
        update(Invitation)
        .where(Invitation.client_id == client.id, Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
        .values(revoked_at=func.now(), version=Invitation.version + 1)
    )
    await uninvite(session, client, by=by)


async def uninvite(session: Session, client: Client, *, by: UUID | None) -> None:
    """After the last open link is gone: who was only invited is as before."""
    if client.portal_state == "invited":
        await move(session, client, "none", by=by)
