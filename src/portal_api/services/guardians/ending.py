"""A guardianship that is over: the access ends with the next request, the record stays."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.clients import Client, ClientGrant
from portal_api.models.guardians import Guardian
from portal_api.models.invitations import Invitation
from portal_api.services import audit
from portal_api.services.clients import portal_access


async def dissolve(
    session: Session, principal: Principal, guardian: Guardian, client: Client, reason: str | None
) -> None:
    """Both are held by the caller. Raises InvalidState for one that is dissolved already."""
    now = await clock.now(session)
    guardian.dissolve(now, principal.account_id, reason)
    live = select(ClientGrant).where(ClientGrant.client_id == client.id, ClientGrant.revoked_at.is_(None))
    grants = (await session.scalars(live.order_by(ClientGrant.id).with_for_update())).all()
    for grant in grants:
        if grant.id == guardian.grant_id:
            grant.revoke(now, principal.account_id)
    if grants and all(grant.revoked_at for grant in grants) and client.portal_state == "active":
        await portal_access.move(session, client, "revoked", by=principal.account_id, reason=reason)
    await end_invitations(session, guardian.id)
    await session.flush()
    await record(session, principal, "guardian.removed", guardian, reason=reason)


async def end_invitations(session: Session, guardian_id: UUID) -> None:
    """No open link leads to this guardianship any more."""
    still_open = Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None)
    of_guardian = update(Invitation).where(Invitation.guardian_id == guardian_id, *still_open)
    await session.execute(of_guardian.values(revoked_at=func.now(), version=Invitation.version + 1))


async def record(session: Session, principal: Principal, type: str, guardian: Guardian, **facts: Any) -> None:
    resource, whose = ("guardian", guardian.id), [guardian.client_id]
    await audit.record(session, principal, type, resource=resource, clients=whose, **facts)
