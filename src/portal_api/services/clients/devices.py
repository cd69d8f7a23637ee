"""Where a client's own login is signed in, for staff who help with a lost telephone (F3.B3)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session
from portal_api.core.errors import NotFound
from portal_api.models.clients import SELF, ClientGrant
from portal_api.schemas.base import PageQuery
from portal_api.services import audit
from portal_api.services.auth import session_list, sessions
from portal_api.services.clients import logins, reading

REASON = "ended_by_staff"
OWN = Read(
    select(ClientGrant.account_id).where(
        ClientGrant.client_id == bindparam("client_id"),
        ClientGrant.relationship == SELF,
        ClientGrant.revoked_at.is_(None),
    )
)


async def page_sessions(reader: Reader, principal: Principal, client_id: UUID, query: PageQuery) -> dict[str, Any]:
    """The live sessions of the client's own login; none without one. Raises NotFound."""
    await reading.must_see(reader, principal, client_id)
    row = await reader.row(OWN, client_id=client_id)
    audit.viewed(reader, principal, "client.sessions_viewed", [client_id])
    return await session_list.page(reader, principal, query, row["account_id"] if row else None)


async def end_session(session: Session, principal: Principal, client_id: UUID, session_id: UUID) -> None:
    """Sign one of the client's devices out. Raises NotFound."""
    client = await reading.locked(session, principal, client_id)
    account = await logins.find_own(session, client.id)
    if account is None:
        raise NotFound
    await sessions.end(session, principal, account.id, session_id, REASON, clients=[client.id])


async def end_sessions(session: Session, principal: Principal, client_id: UUID) -> None:
    """Sign all of the client's devices out. Raises NotFound, NoLogin."""
    client = await reading.locked(session, principal, client_id)
    account = await logins.locked_own(session, client.id)
    await sessions.end_all(session, account.id, REASON)
    await audit.record(
        session, principal, "sessions.ended", resource=("account", account.id), clients=[client.id], reason=REASON
    )
