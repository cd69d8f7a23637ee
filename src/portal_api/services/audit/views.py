"""Reads are audited together: one insert for all that were made at the same moment."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from portal_api.core.db import Binding, Database
from portal_api.models.audit import Event


@dataclass(slots=True)
class View:
    """A read of client data: who saw whose."""

    id: UUID
    practice_id: UUID
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


async def write_views(database: Database, views: list[View]) -> None:
    """Insert the views, all of one practice, in one transaction."""
    async with database.session(Binding.system(views[0].practice_id)) as session:
        await session.execute(insert(Event), [asdict(view) for view in views])
