"""The named door from nobody's practice into one: a link or an id becomes a binding."""

from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import ActorKind
from portal_api.core.db import Binding, Database, Read
from portal_api.models.practices import Practice, PracticeLink

LINK = Read(select(PracticeLink.practice_id, PracticeLink.is_current).where(PracticeLink.slug == bindparam("slug")))
EXISTS = Read(select(Practice.id).where(Practice.id == bindparam("practice_id")))


async def find_by_link(database: Database, slug: str) -> UUID | None:
    """The practice with this link, present or past; None when there is none."""
    async with database.reader(Binding()) as reader:
        row = await reader.row(LINK, slug=slug.lower()) if slug.isprintable() else None
    return UUID(str(row["practice_id"])) if row else None


async def find(database: Database, reference: str) -> UUID | None:
    """The practice with this link, present or past, or with this id; None when there is none."""
    try:
        practice_id = UUID(reference)
    except ValueError:
        return await find_by_link(database, reference)
    async with database.reader(Binding(practice_id, ActorKind.ANONYMOUS)) as reader:
        return practice_id if await reader.row(EXISTS) else None
