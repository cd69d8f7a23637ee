"""Writing: a message is numbered under the thread's lock, and never changed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal_api.core import clock
from portal_api.core.access import Feature, Principal
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, Forbidden, InvalidState, PreconditionFailed, invalid
from portal_api.models.messages import (
    EDITABLE_FOR,
    AuthorKind,
    Message,
    MessageAttachment,
    MessageEdit,
    MessageRetraction,
    Thread,
    ThreadParticipant,
)
from portal_api.schemas.messages import MessageCreate, MessageUpdate, ThreadRead
from portal_api.services import audit, features
from portal_api.services.documents import references
from portal_api.services.messages import absence, policy, reading, taking_part, writing


class EditClosed(Conflict):
    code, title = "edit_closed", "This message can be written anew no longer"


async def send(session: Session, principal: Principal, thread_id: UUID, data: MessageCreate) -> dict[str, Any]:
    """Write into a thread. Who of the staff writes takes part from then on.

    Raises NotFound, FeatureDisabled, OutsideOfficeHours, Invalid for a document that is not the client's.
    """
    await reading.visible(session, principal, thread_id)
    thread = await writing.locked(session, thread_id)
    if principal.is_client:
        await policy.must_be_open(session)
    else:
        await features.require(session, principal, thread.client_id, Feature.SECURE_MESSAGING)
    message = await write(session, principal, thread, data)
    return await reading.shown(session, principal, message.id)


async def write(session: Session, principal: Principal, thread: Thread, data: MessageCreate) -> Message:
    """Add the message to a thread that is held by the caller."""
    kind = AuthorKind.CLIENT if principal.is_client else AuthorKind.STAFF
    assert principal.account_id is not None  # noqa: S101 - by the route's permission
    message = await writing.add(session, thread, kind, principal.account_id, principal.staff_id, data.body)
    await _attach(session, principal, thread, message, data.document_ids)
    await writing.mark_written(session, thread, message)
    await _record(session, principal, "message.sent", message)
    if principal.is_client:
        await absence.answer(session, thread)
    else:
        await taking_part.attended(session, principal, thread)
    return message


async def _attach(
    session: Session, principal: Principal, thread: Thread, message: Message, document_ids: Sequence[UUID]
) -> None:
    for number, document_id in enumerate(dict.fromkeys(document_ids)):
        pointer = f"/document_ids/{number}"
        found = await references.named(session, principal, document_id, thread.client_id, pointer)
        if found["confidential"] and not thread.confidential:
            raise invalid(pointer, "confidential", "This document is kept from those who act for the client.")
        session.add(
            MessageAttachment(
                message_id=message.id,
                document_id=document_id,
                thread_id=thread.id,
                client_id=thread.client_id,
                confidential=thread.confidential,
            )
        )
    await session.flush()


async def read(session: Session, principal: Principal, thread_id: UUID, data: ThreadRead | None) -> dict[str, Any]:
    """Everything up to a message is read. Staff who only look in, and take no part, leave no receipt.

    Raises NotFound.
    """
    seen = await reading.visible(session, principal, thread_id)
    thread = await writing.locked(session, thread_id)
    seq = min(thread.last_seq, data.seq if data and data.seq is not None else thread.last_seq)
    if principal.is_client or await _takes_part(session, principal, thread_id):
        assert principal.account_id is not None  # noqa: S101 - by the route's permission
        await writing.mark_read(session, thread, principal.account_id, principal.staff_id, seq)
        if seq > seen["read_seq"]:
            resource, about = ("thread", thread_id), [thread.client_id]
            await audit.record(session, principal, "thread.read", resource=resource, clients=about)
    return await reading.visible(session, principal, thread_id)


async def _takes_part(session: Session, principal: Principal, thread_id: UUID) -> bool:
    theirs = ThreadParticipant.thread_id == thread_id, ThreadParticipant.account_id == principal.account_id
    found = select(ThreadParticipant.account_id).where(*theirs, ThreadParticipant.left_at.is_(None))
    return await session.scalar(found) is not None


async def retract(session: Session, principal: Principal, message_id: UUID) -> dict[str, Any]:
    """Take back what one wrote: others see that something was there, the record keeps it (F12.M3).

    Raises NotFound, FeatureDisabled, Forbidden for what somebody else wrote, InvalidState.
    """
    message, _ = await _own(session, principal, message_id)
    session.add(
        MessageRetraction(
            message_id=message.id,
            client_id=message.client_id,
            confidential=message.confidential,
            retracted_by=principal.account_id,
        )
    )
    await session.flush()
    await _record(session, principal, "message.retracted", message)
    return await reading.shown(session, principal, message_id)


async def edit(
    session: Session, principal: Principal, message_id: UUID, data: MessageUpdate, if_match: int | None
) -> dict[str, Any]:
    """Write what one wrote anew, within EDITABLE_FOR; the record keeps what it said before (F12.M3).

    Raises NotFound, FeatureDisabled, OutsideOfficeHours, Forbidden for what somebody else wrote, InvalidState,
    PreconditionFailed, EditClosed, Invalid.
    """
    message, row = await _own(session, principal, message_id)
    if principal.is_client:
        await policy.must_be_open(session)
    if if_match is not None and row["version"] != if_match:
        raise PreconditionFailed(current=row)
    if await clock.now(session) >= message.sent_at + EDITABLE_FOR:
        raise EditClosed("Take it back, and write another.", editable_until=message.sent_at + EDITABLE_FOR)
    body = data.given().get("body", row["body"])
    if body is None:
        raise invalid("/body", "null_not_allowed", "A message says something; it can be taken back.")
    if body != row["body"]:
        whose = {"client_id": message.client_id, "confidential": message.confidential}
        session.add(MessageEdit(message_id=message.id, number=row["version"], body=body, **whose))
        await session.flush()
        await _record(session, principal, "message.edited", message)
    return await reading.shown(session, principal, message_id)


async def _own(session: Session, principal: Principal, message_id: UUID) -> tuple[Message, dict[str, Any]]:
    """What the caller wrote and has not taken back, as it is shown; its thread is held from now on.

    Raises NotFound, FeatureDisabled, Forbidden, InvalidState.
    """
    found = await reading.message(session, principal, message_id)
    await writing.locked(session, UUID(str(found["thread_id"])))
    await features.require(session, principal, found["client_id"], Feature.SECURE_MESSAGING)
    if not found["own"]:
        raise Forbidden("Only who wrote a message can change it or take it back.")
    row = await reading.shown(session, principal, message_id)
    if row["retracted_at"] is not None:
        raise InvalidState("It was taken back already.", state="retracted")
    return (await session.scalars(select(Message).where(Message.id == message_id))).one(), row


async def _record(session: Session, principal: Principal, type: str, message: Message) -> None:
    details = {"thread_id": str(message.thread_id), "seq": message.seq}
    resource = ("message", message.id)
    await audit.record(session, principal, type, resource=resource, clients=[message.client_id], details=details)
