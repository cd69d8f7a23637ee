"""What the custody record says of signatures. It is for staff alone: the program looks it up in a caller's place."""

from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import ActorKind
from portal_api.core.db import Binding, Read, Reader, Session, Source
from portal_api.models.guardians import CustodyRecord, SignaturePolicy

POLICY = Read(select(CustodyRecord.signature_policy).where(CustodyRecord.client_id == bindparam("client_id")))


async def all_guardians_sign(source: Source, client_id: UUID) -> bool:
    """Whether each guardian must sign what is signed for the client (F6.B2); nothing else of the record is told."""
    callers = source.binding
    if callers.kind is ActorKind.CLIENT:
        await _bind(source, Binding.system(callers.practice_id))
    try:
        row = await source.row(POLICY, client_id=client_id)
    finally:
        if callers.kind is ActorKind.CLIENT:
            await _bind(source, callers)
    return row is not None and row["signature_policy"] == SignaturePolicy.ALL_GUARDIANS


async def _bind(source: Source, binding: Binding) -> None:
    if isinstance(source, Session):
        await source.rebind(binding)
    elif isinstance(source, Reader):
        source.binding = binding
