"""Threads and messages shown."""

from datetime import datetime
from typing import Any
from uuid import UUID

from portal_api.core.access import Principal
from portal_api.core.db import Reader
from portal_api.schemas.base import PageQuery
from portal_api.schemas.messages import MyThreadFilters, ThreadFilters
from portal_api.services import audit
from portal_api.services.clients import reading as clients
from portal_api.services.messages import reading
from portal_api.services.paging import Pager


async def page(reader: Reader, principal: Principal, filters: MyThreadFilters) -> dict[str, Any]:
    """The threads that the caller sees, the latest message first. Raises NotFound for a client who is not theirs."""
    if principal.is_client and filters.client_id is not None:
        principal.profile(filters.client_id)
    audience = filters.audience if isinstance(filters, ThreadFilters) else None
    pager = Pager(reader, principal, "threads", filters, "last_message_at", "id")
    at, id = pager.position or (None, None)
    read = reading.threads(
        "client" if principal.is_client else "staff",
        everyone=clients.sees_all(principal),
        of_client=filters.client_id is not None,
        by_audience=audience is not None,
        mine=isinstance(filters, ThreadFilters) and filters.mine,
        unattended=isinstance(filters, ThreadFilters) and filters.unattended,
        unread=filters.unread,
        searching=filters.q is not None,
        resumed=pager.position is not None,
    )
    rows = await reader.rows(
        read,
        of=filters.client_id,
        audience=audience,
        q=filters.q.lower() if filters.q else None,
        before_at=datetime.fromisoformat(at) if at else None,
        before_id=UUID(id) if id else None,
        limit=pager.limit + 1,
        **reading.who_asks(principal),
    )
    answer = pager.envelope(rows)
    audit.viewed(reader, principal, "threads.listed", {row["client_id"] for row in answer["data"]})
    return answer


async def get(reader: Reader, principal: Principal, thread_id: UUID) -> dict[str, Any]:
    """One thread. Raises NotFound."""
    return await reading.visible(reader, principal, thread_id)


async def messages(reader: Reader, principal: Principal, thread_id: UUID, query: PageQuery) -> dict[str, Any]:
    """The messages of one thread, newest first. Raises NotFound."""
    thread = await reading.visible(reader, principal, thread_id)
    pager = Pager(reader, principal, f"threads/{thread_id}", query, "seq")
    rows = await reader.rows(
        reading.messages(resumed=pager.position is not None),
        thread_id=thread_id,
        account_id=principal.account_id,
        before_seq=int(pager.position[0]) if pager.position else None,
        limit=pager.limit + 1,
    )
    audit.viewed(reader, principal, "thread.viewed", [thread["client_id"]])
    return pager.envelope(rows)


async def record_of(reader: Reader, principal: Principal, message_id: UUID) -> dict[str, Any]:
    """A message as the record keeps it, also when its author took it back. Raises NotFound."""
    row = await reading.message(reader, principal, message_id, in_full=True)
    audit.viewed(reader, principal, "message.record_viewed", [row["client_id"]])
    return row
