"""Reads are audited together: one insert for all that were made at the same moment."""

from dataclasses import asdict, dataclass
from itertools import groupby
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
    client_ids: list[UUID]
    request_id: str
    ip: str
    user_agent_hash: bytes | None


async def write_views(database: Database, views: list[View]) -> None:
    """Insert the views, one transaction a practice."""
    ordered = sorted(views, key=lambda view: view.practice_id)
    for practice_id, group in groupby(ordered, key=lambda view: view.practice_id):
        async with database.session(Binding.system(practice_id)) as session:
            await session.execute(insert(Event), [asdict(view) for view in group])
