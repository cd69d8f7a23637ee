"""The named door from nobody's practice into one: a link or an id becomes a binding."""

import re
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import ActorKind
from portal_api.core.db import Binding, Database, Read, Reader
from portal_api.core.errors import NotFound
from portal_api.models.practices import Practice, PracticeLink

_LINK_TEXT = re.compile(r"[a-z0-9-]{1,63}")
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


async def enter(reader: Reader, link: str) -> None:
    """Bind a visitor's reader to the practice with this link, present or past. Raises NotFound."""
    slug = link.lower()
    row = await reader.row(LINK, slug=slug) if _LINK_TEXT.fullmatch(slug) else None
    if row is None:
        raise NotFound
    reader.binding = Binding(UUID(str(row["practice_id"])), ActorKind.ANONYMOUS)
