"""What is written into a thread, under its lock."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

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
    row = insert(ThreadParticipant).values(
        practice_id=session.binding.practice_id,
        thread_id=thread.id,
        account_id=account_id,
        staff_id=staff_id,
        client_id=thread.client_id,
        confidential=thread.confidential,
        read_seq=seq,
        read_at=func.now(),
    )
    farther = func.greatest(ThreadParticipant.read_seq, row.excluded.read_seq)
    key = ["practice_id", "thread_id", "account_id"]
    again = {"read_seq": farther, "read_at": func.now(), "left_at": None}
    await session.execute(row.on_conflict_do_update(index_elements=key, set_=again))
