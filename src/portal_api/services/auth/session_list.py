"""Where an account is signed in."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader
from portal_api.models.auth import AuthSession
from portal_api.schemas.base import PageQuery
from portal_api.services.paging import Pager


def _live(*, resumed: bool) -> Read:
    statement = select(
        AuthSession.id,
        AuthSession.device_label,
        AuthSession.ip,
        AuthSession.delivery,
        AuthSession.methods,
        AuthSession.created_at,
        AuthSession.last_used_at,
        func.least(AuthSession.expires_at, AuthSession.idle_expires_at).label("expires_at"),
        (AuthSession.id == bindparam("current")).label("current"),
    ).where(
        AuthSession.account_id == bindparam("account_id"),
        AuthSession.ended_at.is_(None),
        AuthSession.expires_at > func.now(),
        AuthSession.idle_expires_at > func.now(),
    )
    if resumed:
        statement = statement.where(AuthSession.id < bindparam("after_id"))
    return Read(statement.order_by(AuthSession.id.desc()).limit(bindparam("limit")))


SESSIONS, SESSIONS_AFTER = _live(resumed=False), _live(resumed=True)


async def page(reader: Reader, principal: Principal, query: PageQuery, account_id: UUID | None) -> dict[str, Any]:
    """The live sessions of an account, newest first; `current` is the one that asks. Nobody's are none."""
    pager = Pager(reader, principal, f"sessions/{account_id}", query, "id")
    values = {"account_id": account_id, "current": principal.session_id, "limit": pager.limit + 1}
    if pager.position is None:
        return pager.envelope(await reader.rows(SESSIONS, **values))
    return pager.envelope(await reader.rows(SESSIONS_AFTER, **values, after_id=UUID(pager.position[0])))
