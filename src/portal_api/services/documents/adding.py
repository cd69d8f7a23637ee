"""New documents: a row for a file that lies in the storage already, its place counted, its look at it ordered."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import Principal
from portal_api.core.config import Settings
from portal_api.core.db import Session
from portal_api.core.errors import Conflict
from portal_api.core.ids import new_id
from portal_api.core.uploads import UploadedFile
from portal_api.models.documents import Document, DocumentSource, FileState, Purpose, StorageUsage, StoredFile
from portal_api.services import audit
from portal_api.services.documents import keys, kinds, policy, storing


class QuotaExceeded(Conflict):
    code, title = "quota_exceeded", "There is no room left for this file"


async def keep(session: Session, file: UploadedFile, client_id: UUID | None = None) -> StoredFile:
    """Make an uploaded file one of the practice's. client_id: whose quota it counts to as well.

    Raises QuotaExceeded with `scope`.
    """
    stored = StoredFile(
        id=file.id,
        key=file.key,
        data_key_id=file.data_key_id,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        media_type=file.media_type,
        state=_first_state(session.tools.settings, file.media_type),
    )
    session.add(stored)
    await session.flush()
    await take_room(session, file.size_bytes, client_id)
    if stored.state == FileState.SCANNING:
        await ask_for_a_look(session, stored.id)
    file.kept = True
    return stored


async def ask_for_a_look(session: Session, file_id: UUID) -> None:
    """Have the file scanned, and a picture cleaned; once, however often that is asked for before it begins."""
    queue, practice_id = session.tools.queue, session.binding.practice_id
    await queue.defer(session, "documents.examine", practice_id, key=str(file_id), file_id=file_id)


async def take_room(session: Session, size: int, client_id: UUID | None = None) -> None:
    """Count the bytes to the practice and the client. Raises QuotaExceeded."""
    limits = await policy.of_practice(session)
    subjects = [("practice", session.binding.practice_id, limits.practice_quota_bytes)]
    if client_id is not None:
        subjects.append(("client", client_id, limits.client_quota_bytes))
    for scope, subject_id, quota in subjects:
        if await count(session, size, subject_id) > quota:
            raise QuotaExceeded("Delete what is no longer needed, or ask for more room.", scope=scope, quota=quota)


async def count(session: Session, size: int, subject_id: UUID) -> int:
    """Add bytes, or take them off, to what the practice or a client uses. Returns how many that are now."""
    values = {"practice_id": session.binding.practice_id, "subject_id": subject_id, "used_bytes": max(size, 0)}
    changed = (
        insert(StorageUsage)
        .values(values)
        .on_conflict_do_update(
            index_elements=["practice_id", "subject_id"],
            set_={"used_bytes": func.greatest(StorageUsage.used_bytes + size, 0)},
        )
    )
    return (await session.execute(changed.returning(StorageUsage.used_bytes))).scalar_one()


async def store_paper(
    session: Session,
    client_id: UUID,
    title: str,
    content: bytes,
    media_type: str,
    purpose: Purpose | str,
    shared: bool = True,
    **fields: Any,
) -> Document:
    """A document that the program has written itself, such as a signed form: it is clean already.

    It takes its room also where none is left: what people have signed does not wait for somebody to tidy up. `fields`
    are further columns of the document. The file is in the storage before the transaction commits; where that comes to
    nothing it is swept away. Raises StorageUnavailable.
    """
    stored = await _stored(session, content, media_type)
    for subject_id in (session.binding.practice_id, client_id):
        await count(session, stored.size_bytes, subject_id)
    document = Document(
        id=new_id(),
        client_id=client_id,
        file_id=stored.id,
        title=title,
        file_name=kinds.file_name(title, media_type),
        purpose=purpose,
        source=DocumentSource.SYSTEM,
        shared_at=func.now() if shared else None,
        **fields,
    )
    session.add(document)
    await session.flush()
    program = Principal.program(session.binding.practice_id)
    await audit.record(
        session, program, "document.written", resource=("document", document.id), clients=[document.client_id]
    )
    return document


async def _stored(session: Session, content: bytes, media_type: str) -> StoredFile:
    tools, data_key = session.tools, await keys.newest_or_new(session)
    written = await storing.write(tools.storage, session.binding.practice_id, data_key, at_once(content))
    stored = StoredFile(
        id=written.id,
        key=written.key,
        data_key_id=written.data_key_id,
        size_bytes=written.size_bytes,
        sha256=written.sha256,
        media_type=media_type,
        state=FileState.CLEAN,
    )
    session.add(stored)
    await session.flush()
    return stored


async def at_once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _first_state(settings: Settings, media_type: str) -> FileState:
    """Pictures are looked at in any case: others are given them without what the camera noted."""
    looked_at = bool(settings.antivirus_url) or kinds.is_picture(media_type)
    return FileState.SCANNING if looked_at else FileState.NOT_SCANNED
