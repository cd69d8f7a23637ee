"""The data keys of a practice: made when it stores its first file, sealed with the master key."""

import os
from uuid import UUID

from sqlalchemy import select

from portal_api.core.db import Binding, Database, Read, Session, Source
from portal_api.core.ids import new_id
from portal_api.core.sealing import Vault
from portal_api.models.documents import DataKey

PURPOSE = "data-key"
NEWEST = Read(select(DataKey.id, DataKey.sealed_key).order_by(DataKey.id.desc()).limit(1))

Key = tuple[UUID, bytes]
"""Its id and itself."""


def opened(vault: Vault, practice_id: UUID, key_id: UUID, sealed: bytes) -> bytes:
    return vault.open(sealed, purpose=PURPOSE, aad=(practice_id.hex, key_id.hex))


async def newest(source: Source) -> Key | None:
    """The key for new files of the caller's practice; None where it has none yet."""
    row = await source.row(NEWEST)
    if row is None:
        return None
    key_id = UUID(str(row["id"]))
    return key_id, opened(source.tools.vault, source.binding.practice_id, key_id, row["sealed_key"])


async def newest_or_new(session: Session) -> Key:
    """The same; where there is none it is made in the transaction. Two that are made at once are both good."""
    found = await newest(session)
    if found is not None:
        return found
    key_id, key, practice_id = new_id(), os.urandom(32), session.binding.practice_id
    sealed = session.tools.vault.seal(key, purpose=PURPOSE, aad=(practice_id.hex, key_id.hex))
    session.add(DataKey(id=key_id, sealed_key=sealed))
    await session.flush()
    return key_id, key


async def of_practice(database: Database, practice_id: UUID) -> Key:
    """The same, beside any transaction: a file is sealed before the request's own begins."""
    async with database.reader(Binding.system(practice_id)) as reader:
        found = await newest(reader)
    if found is not None:
        return found
    async with database.session(Binding.system(practice_id)) as session:
        return await newest_or_new(session)
