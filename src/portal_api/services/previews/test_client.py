"""The practice's test client: somebody to look as who is nobody (F16.M1)."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.clients import Client
from portal_api.models.portal import PortalSettings
from portal_api.schemas.clients import ClientCreate
from portal_api.services import clients


async def make(session: Session, principal: Principal) -> dict[str, Any]:
    """The oldest test client there is, or a new one: however often one asks, there is one."""
    await session.execute(select(PortalSettings.practice_id).with_for_update())
    oldest = select(Client.id).where(Client.is_test, Client.archived_at.is_(None)).order_by(Client.id).limit(1)
    client_id = await session.scalar(oldest)
    if client_id is not None:
        return await clients.get(session, principal, UUID(str(client_id)))
    return await clients.create(session, principal, ClientCreate(given_name="Test", family_name="Client", is_test=True))
