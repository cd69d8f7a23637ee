"""Reads are audited together: one append for all that were made at the same moment."""

from typing import Any, NamedTuple
from uuid import UUID

from portal_api.core.db import Append, Database
from portal_api.models.audit import Event


class View(NamedTuple):
    """A read of client data: who saw whose. The fields are columns of the event."""

    practice_id: UUID
    id: UUID
    type: str
    actor_kind: str
    actor_id: UUID | None
    session_id: UUID | None
    on_behalf_of: UUID | None
    client_ids: list[UUID]
    details: dict[str, Any]
    request_id: str
    ip: str
    user_agent_hash: bytes | None
    xact: None = None


_VIEWS = Append(Event, View._fields)


async def write_views(database: Database, views: list[View]) -> None:
    """Insert the views, whatever practices they are of; durable on return."""
    await database.append(_VIEWS, views)
