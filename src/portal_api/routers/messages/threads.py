"""Threads and messages, for staff."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanReadMessages, CanWriteMessages, IfMatch, ReaderDep, SessionDep
from portal_api.routers.documents.attachments import FILE, attachment
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.messages import (
    Message,
    MessageCreate,
    MessageRecord,
    MessageUpdate,
    ParticipantAdd,
    Thread,
    ThreadCreate,
    ThreadFilters,
    ThreadRead,
)
from portal_api.services.messages import attachments, listing, sending, starting
from portal_api.web.replies import Reply
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="messages")


@router.get("/threads", response_model=Page[Thread])
async def list_threads(
    filters: Annotated[ThreadFilters, Query()], reader: ReaderDep, principal: CanReadMessages
) -> Any:
    """The threads that concern the caller's roles and clients, the latest message first."""
    return await listing.page(reader, principal, filters)


@router.post("/threads", status_code=201, response_model=Thread)
async def create_thread(data: ThreadCreate, session: SessionDep, principal: CanWriteMessages) -> Any:
    """Write to a client, or to one of their guardians."""
    return await starting.by_staff(session, principal, data)


@router.get("/threads/{thread_id}", response_model=Thread)
async def get_thread(thread_id: UUID, reader: ReaderDep, principal: CanReadMessages) -> Any:
    """One thread; what was written is at `messages`."""
    return Reply(await listing.get(reader, principal, thread_id), tagged=True)


@router.get("/threads/{thread_id}/messages", response_model=Page[Message])
async def list_messages(
    thread_id: UUID, query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanReadMessages
) -> Any:
    """What was written, newest first."""
    return await listing.messages(reader, principal, thread_id, query)


@router.post("/threads/{thread_id}/messages", status_code=201, response_model=Message)
async def create_message(thread_id: UUID, data: MessageCreate, session: SessionDep, principal: CanWriteMessages) -> Any:
    """Write into a thread. Who writes takes part from then on."""
    return await sending.send(session, principal, thread_id, data)


@router.post("/threads/{thread_id}/read", response_model=Thread)
async def mark_thread_read(
    thread_id: UUID, session: SessionDep, principal: CanReadMessages, data: ThreadRead | None = None
) -> Any:
    """Everything up to a message is read. Who only looks in leaves no receipt."""
    return await sending.read(session, principal, thread_id, data)


@router.post("/threads/{thread_id}/participants", status_code=201, response_model=Thread)
async def add_thread_participant(
    thread_id: UUID, data: ParticipantAdd, session: SessionDep, principal: CanWriteMessages
) -> Any:
    """Let a colleague take part, whose roles such threads concern."""
    return await starting.add_participant(session, principal, thread_id, data.staff_id)


@router.delete("/threads/{thread_id}/participants/{participant_id}", status_code=204, response_model=None)
async def remove_thread_participant(
    thread_id: UUID, participant_id: UUID, session: SessionDep, principal: CanWriteMessages
) -> Any:
    """Somebody takes part no longer; the last one stays."""
    await starting.remove_participant(session, principal, thread_id, participant_id)


@router.get("/threads/{thread_id}/attachments/{attachment_id}/content", response_model=None, responses=FILE)
async def get_thread_attachment(
    thread_id: UUID, attachment_id: UUID, session: SessionDep, principal: CanReadMessages
) -> Any:
    """A file that goes with a message of the thread. Opening it is noted."""
    return attachment(await attachments.content(session, principal, thread_id, attachment_id))


@router.patch("/messages/{own_message_id}", response_model=Message)
async def update_message(
    own_message_id: UUID, data: MessageUpdate, session: SessionDep, principal: CanWriteMessages, if_match: IfMatch
) -> Any:
    """Write what one wrote anew, within 15 minutes; the record keeps what it said before."""
    return await sending.edit(session, principal, own_message_id, data, if_match)


@router.post("/messages/{own_message_id}/retract", response_model=Message)
async def retract_message(own_message_id: UUID, session: SessionDep, principal: CanWriteMessages) -> Any:
    """Take back what one wrote: others see that something was there, the record keeps it."""
    return await sending.retract(session, principal, own_message_id)


@router.get("/messages/{message_id}/record", response_model=MessageRecord)
async def get_message_record(message_id: UUID, reader: ReaderDep, principal: CanReadMessages) -> Any:
    """A message as the record keeps it, also when its author took it back. Looking is noted."""
    return await listing.record_of(reader, principal, message_id)
