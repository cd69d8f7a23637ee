"""Whom a message concerns: those in its thread, but for its author."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import GrantPermission
from portal_api.core.db import Rows, Session
from portal_api.models.clients import SELF, ClientGrant
from portal_api.models.messages import Message, Thread, ThreadParticipant
from portal_api.models.staff import StaffMember


@dataclass(frozen=True, slots=True)
class Addressee:
    account_id: UUID
    is_staff: bool
    has_read: bool


async def accounts_of(session: Session, message_id: UUID) -> list[Addressee]:
    """The accounts that a message is for, and whether they have read it already. A guardian's grant must be live."""
    found = select(Message, Thread).join(Thread, Thread.id == Message.thread_id).where(Message.id == message_id)
    row = (await session.execute(found)).one_or_none()
    if row is None:
        return []
    message, thread = row
    read = select(ThreadParticipant.account_id, ThreadParticipant.read_seq).where(
        ThreadParticipant.thread_id == thread.id
    )
    seen = {UUID(str(account_id)): seq >= message.seq for account_id, seq in (await session.execute(read)).all()}
    staff = (
        select(StaffMember.account_id)
        .join(ThreadParticipant, ThreadParticipant.staff_id == StaffMember.id)
        .where(
            ThreadParticipant.thread_id == thread.id,
            ThreadParticipant.left_at.is_(None),
            StaffMember.state == "active",
        )
    )
    theirs = {UUID(str(each)): True for each in await session.scalars(staff)}
    theirs |= {UUID(str(each)): False for each in await session.scalars(_client_side(thread))}
    theirs.pop(UUID(str(message.author_id)), None)
    return [Addressee(account_id, is_staff, seen.get(account_id, False)) for account_id, is_staff in theirs.items()]


def _client_side(thread: Thread) -> Rows:
    grant = select(ClientGrant.account_id).where(
        ClientGrant.client_id == thread.client_id,
        ClientGrant.is_live(),
        ClientGrant.allows(GrantPermission.MESSAGES),
    )
    if thread.guardian_account_id is None:
        return grant.where(ClientGrant.relationship == SELF)
    return grant.where(ClientGrant.account_id == thread.guardian_account_id)
