"""What is written into a thread, under its lock."""

from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import Insert, insert

from portal_api.core import clock
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.models.messages import AuthorKind, Message, Thread, ThreadParticipant


async def locked(session: Session, thread_id: UUID) -> Thread:
    """The thread, held: messages and what is read of them are written one after the other."""
    found = await session.scalars(select(Thread).where(Thread.id == thread_id).with_for_update(key_share=True))
    return found.one()


async def add(
    session: Session, thread: Thread, kind: AuthorKind, author_id: UUID, staff_id: UUID | None, body: str
) -> Message:
    """The next message of a thread that is held by the caller."""
    thread.last_seq += 1
    thread.last_message_at = await clock.now(session)
    message = Message(
        id=new_id(),
        thread_id=thread.id,
        client_id=thread.client_id,
        confidential=thread.confidential,
        seq=thread.last_seq,
        author_kind=kind,
        author_id=author_id,
        staff_id=staff_id,
        body=body,
    )
    session.add(message)
    await session.flush()
    return message


async def mark_read(session: Session, thread: Thread, account_id: UUID, staff_id: UUID | None, seq: int) -> None:
    """The account has read so far, never less than before; it takes part from now on."""
    row = _participant(thread, account_id, staff_id, seq)
    farther = func.greatest(ThreadParticipant.read_seq, row.excluded.read_seq)
    await _put(session, row, {"read_seq": farther, "read_at": func.now()})


async def mark_written(session: Session, thread: Thread, message: Message) -> None:
    """Its author takes part from now on, and has read it if they had read all that came before it.

    To write is not to read: what others wrote meanwhile is unread, and nobody is told otherwise (F12.M5).
    """
    row = _participant(thread, message.author_id, message.staff_id, message.seq if message.seq == 1 else 0)
    own = case((ThreadParticipant.read_seq == message.seq - 1, message.seq), else_=ThreadParticipant.read_seq)
    await _put(session, row, {"read_seq": own})


def _participant(thread: Thread, account_id: UUID, staff_id: UUID | None, seq: int) -> Insert:
    return insert(ThreadParticipant).values(
        practice_id=thread.practice_id,
        thread_id=thread.id,
        account_id=account_id,
        staff_id=staff_id,
        client_id=thread.client_id,
        confidential=thread.confidential,
        read_seq=seq,
        read_at=func.now() if seq else None,
    )


async def _put(session: Session, row: Insert, again: dict[str, Any]) -> None:
    key = ["practice_id", "thread_id", "account_id"]
    await session.execute(row.on_conflict_do_update(index_elements=key, set_=again | {"left_at": None}))
