"""Documents that go with messages: opened by whoever sees the thread, asked anew each time (F12.M4, A26)."""

from uuid import UUID

from sqlalchemy import bindparam, exists

from portal_api.core.access import Principal
from portal_api.core.db import Read, Session
from portal_api.core.errors import NotFound
from portal_api.models.documents import Document
from portal_api.models.messages import MessageAttachment, MessageRetraction
from portal_api.services.documents import opening
from portal_api.services.documents import reading as documents
from portal_api.services.documents.opening import Content
from portal_api.services.messages import reading

_attached = exists().where(
    MessageAttachment.thread_id == bindparam("thread_id"),
    MessageAttachment.document_id == Document.id,
    ~exists().where(MessageRetraction.message_id == MessageAttachment.message_id),
)
ATTACHED = Read(
    documents.with_key(documents.joined(*documents.SHARED_COLUMNS, *documents.FILE)).where(
        Document.id == bindparam("document_id"), _attached
    )
)


async def content(session: Session, principal: Principal, thread_id: UUID, document_id: UUID) -> Content:
    """The file. Raises NotFound, also for one whose message was taken back; NotReady, Withheld."""
    await reading.visible(session, principal, thread_id)
    row = await session.row(ATTACHED, document_id=document_id, thread_id=thread_id, account_id=principal.account_id)
    if row is None:
        raise NotFound
    found = opening.content_of(session, row)
    await opening.note_view(session, principal, row)
    return found
