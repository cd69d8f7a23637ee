"""Files looked at before anybody may read them: scanned where there is a scanner, pictures cleaned (F9.M4, F9.B1)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.tools import Tools
from portal_api.integrations.pictures import Picture
from portal_api.models.documents import DataKey, Document, FileState, PracticeDocument, StoredFile
from portal_api.services import audit
from portal_api.services.documents import adding, keys, kinds, storing
from portal_api.services.documents.storing import Sealed

AT_ONCE = 200
OPEN = (FileState.SCANNING, FileState.NOT_SCANNED)


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that waits to be looked at; picture: , and, a picture, to be cleaned."""

    sealed: Sealed
    is_picture: bool


async def waiting(session: Session, *, scanned: bool) -> list[UUID]:
    """Files without a verdict; scanned: also those that were given out before there was a scanner, after the others."""
    states = OPEN if scanned else (FileState.SCANNING,)
    open_ones = select(StoredFile.id).where(StoredFile.state.in_(states), StoredFile.doomed_at.is_(None))
    closed_first = (StoredFile.state == FileState.SCANNING).desc()
    return list(await session.scalars(open_ones.order_by(closed_first, StoredFile.id).limit(AT_ONCE)))


async def subject(session: Session, file_id: UUID) -> Examined | None:
    """The file, if it is still there and has no verdict yet."""
    wanted = (
        select(StoredFile, DataKey)
        .join(DataKey, DataKey.id == StoredFile.data_key_id)
        .where(StoredFile.id == file_id, StoredFile.state.in_(OPEN), StoredFile.doomed_at.is_(None))
    )
    found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    stored, data_key = found
    opened = keys.opened(session.tools.vault, stored.practice_id, data_key.id, data_key.sealed_key)
    sealed = Sealed(stored.practice_id, stored.id, stored.key, stored.size_bytes, opened)
    return Examined(sealed, kinds.is_picture(stored.media_type) and stored.state == FileState.SCANNING)


async def found_harmful(session: Session, file_id: UUID, name: str) -> None:
    """Lock it away for good; what was shared stays visible as quarantined, so that nobody waits for it."""
    await _settle(session, file_id, FileState.QUARANTINED, "document.quarantined", name)


async def found_unreadable(session: Session, file_id: UUID, code: str) -> None:
    await _settle(session, file_id, FileState.REJECTED, "document.rejected", code)


async def found_good(session: Session, file_id: UUID, rendition: StoredFile | None, *, scanned: bool) -> None:
    """Open it to who may read it; rendition: what others than its uploader are given."""
    to = FileState.CLEAN if scanned else FileState.NOT_SCANNED
    stored = await _settle(session, file_id, to, "document.examined")
    if stored is not None and rendition is not None and stored.rendition_id is None:
        session.add(rendition)
        await session.flush()
        await adding.count(session, rendition.size_bytes, rendition.practice_id)
        stored.rendition_id = rendition.id


async def store_rendition(tools: Tools, practice_id: UUID, picture: Picture) -> StoredFile:
    """Seal and store what a picture became. There is no row of it yet. Raises Unreadable, StorageUnavailable."""
    data_key = await keys.of_practice(tools.database, practice_id)
    written = await storing.write(tools.storage, practice_id, data_key, picture.pieces)
    return StoredFile(
        id=written.id,
        key=written.key,
        data_key_id=written.data_key_id,
        size_bytes=written.size_bytes,
        sha256=written.sha256,
        media_type=picture.media_type,
        state=FileState.CLEAN,
    )


async def _settle(
    session: Session, file_id: UUID, to: FileState, event: str, finding: str | None = None
) -> StoredFile | None:
    """Say what was found; None where that is known already, or the file is gone.

    What answers show of the file changes, and so do the versions of the documents that show it. Documents are held
    before their file, as everybody does it.
    """
    of_file = select(Document).where(Document.file_id == file_id).with_for_update()
    documents = (await session.scalars(of_file)).all()
    of_practice = select(PracticeDocument).where(PracticeDocument.file_id == file_id).with_for_update()
    resources = (await session.scalars(of_practice)).all()
    stored = await session.scalar(select(StoredFile).where(StoredFile.id == file_id).with_for_update())
    if stored is None or stored.state not in OPEN or stored.state == to or stored.doomed_at is not None:
        return None
    stored.settle(to, await clock.now(session), finding)
    for document in (*documents, *resources):
        document.updated_at = await clock.now(session)
    await session.flush()
    program = Principal.program(session.binding.practice_id)
    for document in documents:
        resource, whose = ("document", document.id), [document.client_id]
        await audit.record(session, program, event, resource=resource, clients=whose, reason=finding)
    for document in resources:
        await audit.record(session, program, event, resource=("practice_document", document.id), reason=finding)
    return stored
