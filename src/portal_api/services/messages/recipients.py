"""Whom a message concerns: those in its thread, but for its author."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import GrantPermission
from portal_api.core.db import Rows, Session
from portal_api.models.clients import SELF, ClientGrant
from portal_api.models.messages import AUDIENCE_ROLES, Message, Thread, ThreadAudience, ThreadParticipant
from portal_api.services.messages import taking_part


@dataclass(frozen=True, slots=True)
class Addressee:
    account_id: UUID
    is_staff: bool
    has_read: bool


async def accounts_of(session: Session, message_id: UUID) -> list[Addressee]:
    """The accounts that a message is for, and whether they have read it already. A guardian's grant must be live.

    Where none of its staff can answer, it is for all who may take it over.
    """
    found = select(Message, Thread).join(Thread, Thread.id == Message.thread_id).where(Message.id == message_id)
    row = (await session.execute(found)).one_or_none()
    if row is None:
        return []
    message, thread = row
    read = select(ThreadParticipant.account_id, ThreadParticipant.read_seq).where(
        ThreadParticipant.thread_id == thread.id
    )
    seen = {UUID(str(account_id)): seq >= message.seq for account_id, seq in (await session.execute(read)).all()}
    theirs = dict.fromkeys(await staff_of(session, thread), True)
    theirs |= {UUID(str(each)): False for each in await session.scalars(_client_side(thread))}
    theirs.pop(UUID(str(message.author_id)), None)
    return [Addressee(account_id, is_staff, seen.get(account_id, False)) for account_id, is_staff in theirs.items()]


async def staff_of(session: Session, thread: Thread) -> list[UUID]:
    """The accounts of those who can answer; where it waits for somebody, of all who may take it over."""
    among = None if thread.unattended_since else await taking_part.inside(session, thread)
    roles = AUDIENCE_ROLES[ThreadAudience(thread.audience)]
    return list((await taking_part.active(session, roles, among=among)).values())


def _client_side(thread: Thread) -> Rows:
    grant = select(ClientGrant.account_id).where(
        ClientGrant.client_id == thread.client_id,
        ClientGrant.is_live(),
        ClientGrant.allows(GrantPermission.MESSAGES),
    )
    if thread.guardian_account_id is None:
        return grant.where(ClientGrant.relationship == SELF)
    return grant.where(ClientGrant.account_id == thread.guardian_account_id)
