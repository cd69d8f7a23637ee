"""Devices that an account knows: a login from one has limits of its own, one from elsewhere is announced (A38)."""

import hashlib
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.core.sealing import Secret, SecretError
from portal_api.models.auth import KnownDevice
from portal_api.services import audit

REMEMBERED = timedelta(days=365)
MOST = 20
NO_TOKEN = b""


def hash_of(text: str | None, practice_id: UUID) -> bytes:
    """What to look a presented token up by; for anything we could not have issued, what no row has."""
    try:
        token = Secret.parse(text or "")
    except SecretError:
        return NO_TOKEN
    return token.hash if token.practice_id == practice_id else NO_TOKEN


async def welcome(
    session: Session, visitor: Principal, account_id: UUID, device_id: UUID | None, presented: str | None
) -> str:
    """The device's token after a login: the presented one if it was this account's, else a new one.

    A login unlike all earlier ones, neither by token nor by address and program, is announced to the holder.
    """
    if device_id is not None and presented is not None:
        await session.execute(update(KnownDevice).where(KnownDevice.id == device_id).values(last_used_at=func.now()))
        return presented
    agent_hash = hashlib.sha256(visitor.origin.user_agent.encode()).digest()
    familiar = (KnownDevice.ip == visitor.origin.ip) & (KnownDevice.agent_hash == agent_hash)
    seen = select(func.count(), func.bool_or(familiar)).where(KnownDevice.account_id == account_id)
    count, is_familiar = (await session.execute(seen)).one()
    token = Secret.random(session.binding.practice_id)
    device = KnownDevice(
        id=new_id(), account_id=account_id, token_hash=token.hash, ip=visitor.origin.ip, agent_hash=agent_hash
    )
    session.add(device)
    await session.flush()
    if count >= MOST:
        await _drop_oldest(session, account_id)
    if count and not is_familiar:
        await audit.record(session, visitor, "login.new_device", resource=("account", account_id))
    return token.text


async def forget_all(session: Session, account_id: UUID) -> None:
    """After a recovery nothing that was known before counts."""
    await session.execute(delete(KnownDevice).where(KnownDevice.account_id == account_id))


async def _drop_oldest(session: Session, account_id: UUID) -> None:
    newest = (
        select(KnownDevice.id)
        .where(KnownDevice.account_id == account_id)
        .order_by(KnownDevice.last_used_at.desc(), KnownDevice.id.desc())
        .limit(MOST)
    )
    kept = (await session.scalars(newest)).all()
    await session.execute(delete(KnownDevice).where(KnownDevice.account_id == account_id, KnownDevice.id.not_in(kept)))
