"""Whom a message concerns: those in its thread, but for its author."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, func, select

from portal_api.core.access import Feature, GrantPermission
from portal_api.core.db import Rows, Session
from portal_api.models.clients import SELF, ClientGrant
from portal_api.models.messages import (
    AUDIENCE_ROLES,
    Message,
    MessageRetraction,
    Thread,
    ThreadAudience,
    ThreadParticipant,
)
from portal_api.services import features
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
    read = await _read_by(session, thread)
    theirs = await _audience(session, thread)
    theirs.pop(UUID(str(message.author_id)), None)
    return [
        Addressee(account_id, is_staff, read.get(account_id, 0) >= message.seq)
        for account_id, is_staff in theirs.items()
    ]


async def who_waits(session: Session, thread_ids: Collection[UUID]) -> set[tuple[UUID, UUID]]:
    """By account and thread: whom it concerns now, and who has something in it to read."""
    found = set()
    for thread in (await session.scalars(select(Thread).where(Thread.id.in_(thread_ids)))).all():
        read, last = await _read_by(session, thread), await _last_by(session, thread)
        for account_id in await _audience(session, thread):
            if any(seq > read.get(account_id, 0) for author_id, seq in last.items() if author_id != account_id):
                found.add((account_id, thread.id))
    return found


async def staff_of(session: Session, thread: Thread) -> list[UUID]:
    """The accounts of those who can answer; where it waits for somebody, of all who may take it over."""
    among = None if thread.unattended_since else await taking_part.inside(session, thread)
    roles = AUDIENCE_ROLES[ThreadAudience(thread.audience)]
    return list((await taking_part.active(session, roles, among=among)).values())


async def _audience(session: Session, thread: Thread) -> dict[UUID, bool]:
    """The accounts, and whether they are of the staff; of the others nobody where messages are off (F12.M10)."""
    theirs = dict.fromkeys(await staff_of(session, thread), True)
    if await features.has(session, thread.client_id, Feature.SECURE_MESSAGING):
        theirs |= {UUID(str(each)): False for each in await session.scalars(_client_side(thread))}
    return theirs


async def _read_by(session: Session, thread: Thread) -> dict[UUID, int]:
    """How far each account has read."""
    read = select(ThreadParticipant.account_id, ThreadParticipant.read_seq)
    rows = await session.execute(read.where(ThreadParticipant.thread_id == thread.id))
    return {UUID(str(account_id)): seq for account_id, seq in rows.all()}


async def _last_by(session: Session, thread: Thread) -> dict[UUID, int]:
    """The last message of each author that was not taken back."""
    last = (
        select(Message.author_id, func.max(Message.seq))
        .where(Message.thread_id == thread.id, ~exists().where(MessageRetraction.message_id == Message.id))
        .group_by(Message.author_id)
    )
    return {UUID(str(author_id)): seq for author_id, seq in (await session.execute(last)).all()}


def _client_side(thread: Thread) -> Rows:
    grant = select(ClientGrant.account_id).where(
        ClientGrant.client_id == thread.client_id,
        ClientGrant.is_live(),
        ClientGrant.allows(GrantPermission.MESSAGES),
    )
    if thread.guardian_account_id is None:
        return grant.where(ClientGrant.relationship == SELF)
    return grant.where(ClientGrant.account_id == thread.guardian_account_id)
