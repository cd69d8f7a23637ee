"""The named door to every practice at once: for jobs and the command line, which then work one by one."""

from uuid import UUID

from sqlalchemy import select

from portal_api.core.db import Binding, Database, Read
from portal_api.core.ids import LOBBY
from portal_api.models.practices import Practice

IDS = Read(select(Practice.id).order_by(Practice.id))


async def practice_ids(database: Database) -> list[UUID]:
    """The ids of all practices of this installation, oldest first."""
    async with database.reader(Binding.system(LOBBY)) as reader:
        return [UUID(str(row["id"])) for row in await reader.rows(IDS)]
