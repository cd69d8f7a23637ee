"""Writing: a message is numbered under the thread's lock, and never changed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import Feature, Principal
from portal_api.core.db import Session
from portal_api.core.errors import Forbidden, InvalidState, invalid
from portal_api.models.messages import (
    AuthorKind,
    Message,
    MessageAttachment,
    MessageRetraction,
    Thread,
    ThreadParticipant,
)
from portal_api.schemas.messages import MessageCreate, ThreadRead
from portal_api.services import audit, features
from portal_api.services.documents import references
from portal_api.services.messages import absence, policy, reading, taking_part, writing


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
    row = await reading.message(session, principal, message_id)
    await writing.locked(session, UUID(str(row["thread_id"])))
    await features.require(session, principal, row["client_id"], Feature.SECURE_MESSAGING)
    if not row["own"]:
        raise Forbidden("Only who wrote a message can take it back.")
    message = (await session.scalars(select(Message).where(Message.id == message_id))).one()
    done = insert(MessageRetraction).values(
        practice_id=session.binding.practice_id,
        message_id=message_id,
        client_id=message.client_id,
        confidential=message.confidential,
        retracted_by=principal.account_id,
    )
    made = await session.execute(done.on_conflict_do_nothing().returning(MessageRetraction.message_id))
    if made.first() is None:
        raise InvalidState("It was taken back already.", state="retracted")
    await _record(session, principal, "message.retracted", message)
    return await reading.shown(session, principal, message_id)


async def _record(session: Session, principal: Principal, type: str, message: Message) -> None:
    details = {"thread_id": str(message.thread_id), "seq": message.seq}
    resource = ("message", message.id)
    await audit.record(session, principal, type, resource=resource, clients=[message.client_id], details=details)
