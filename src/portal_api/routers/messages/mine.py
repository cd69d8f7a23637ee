"""Threads and messages, for clients and those who act for them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanMessage, IfMatch, ReaderDep, SessionDep
from portal_api.routers.documents.attachments import FILE, attachment
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.messages import (
    Message,
    MessageCreate,
    MessageUpdate,
    MyMessaging,
    MyThread,
    MyThreadCreate,
    MyThreadFilters,
    ThreadRead,
)
from portal_api.services.messages import attachments, listing, policy, sending, starting
from portal_api.web.replies import Reply
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/me", tag="messages")


@router.get("/messaging", response_model=MyMessaging)
async def get_my_messaging(reader: ReaderDep, principal: CanMessage) -> Any:
    """What to know before one writes: whether and when, how soon somebody answers, and what messages are not for."""
    return await policy.for_client(reader, principal)


@router.get("/threads", response_model=Page[MyThread])
async def list_my_threads(
    filters: Annotated[MyThreadFilters, Query()], reader: ReaderDep, principal: CanMessage
) -> Any:
    """The caller's threads with the practice, the latest message first."""
    return await listing.page(reader, principal, filters)


@router.post("/threads", status_code=201, response_model=MyThread)
async def create_my_thread(data: MyThreadCreate, session: SessionDep, principal: CanMessage) -> Any:
    """Write to the practice about something new."""
    return await starting.by_client(session, principal, data)


@router.get("/threads/{thread_id}", response_model=MyThread)
async def get_my_thread(thread_id: UUID, reader: ReaderDep, principal: CanMessage) -> Any:
    """One thread; what was written is at `messages`."""
    return Reply(await listing.get(reader, principal, thread_id), tagged=True)


@router.get("/threads/{thread_id}/messages", response_model=Page[Message])
async def list_my_messages(
    thread_id: UUID, query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanMessage
) -> Any:
    """What was written, newest first."""
    return await listing.messages(reader, principal, thread_id, query)


@router.post("/threads/{thread_id}/messages", status_code=201, response_model=Message)
async def create_my_message(thread_id: UUID, data: MessageCreate, session: SessionDep, principal: CanMessage) -> Any:
    """Reply in a thread."""
    return await sending.send(session, principal, thread_id, data)


@router.post("/threads/{thread_id}/read", response_model=MyThread)
async def mark_my_thread_read(
    thread_id: UUID, session: SessionDep, principal: CanMessage, data: ThreadRead | None = None
) -> Any:
    """Everything up to a message is read."""
    return await sending.read(session, principal, thread_id, data)


@router.get("/threads/{thread_id}/attachments/{attachment_id}/content", response_model=None, responses=FILE)
async def get_my_thread_attachment(
    thread_id: UUID, attachment_id: UUID, session: SessionDep, principal: CanMessage
) -> Any:
    """A file that goes with a message of the thread. Opening it is noted."""
    return attachment(await attachments.content(session, principal, thread_id, attachment_id))


@router.patch("/messages/{own_message_id}", response_model=Message)
async def update_my_message(
    own_message_id: UUID, data: MessageUpdate, session: SessionDep, principal: CanMessage, if_match: IfMatch
) -> Any:
    """Write what one wrote anew, within 15 minutes; the record keeps what it said before."""
    return await sending.edit(session, principal, own_message_id, data, if_match)


@router.post("/messages/{own_message_id}/retract", response_model=Message)
async def retract_my_message(own_message_id: UUID, session: SessionDep, principal: CanMessage) -> Any:
    """Take back what one wrote: others see that something was there, the record keeps it."""
    return await sending.retract(session, principal, own_message_id)
