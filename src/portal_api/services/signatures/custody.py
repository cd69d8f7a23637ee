"""What the custody record says of signatures. It is for staff alone: the program looks it up in a caller's place."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import bindparam, select

from portal_api.core.access import ActorKind
from portal_api.core.db import Binding, Read, Reader, Session, Source
from portal_api.core.db.base import UUIDS
from portal_api.models.guardians import CustodyRecord, SignaturePolicy

ALL_SIGN = Read(
    select(CustodyRecord.client_id).where(
        CustodyRecord.client_id == bindparam("asked", type_=UUIDS).any_(),
        CustodyRecord.signature_policy == SignaturePolicy.ALL_GUARDIANS,
    )
)


async def where_all_guardians_sign(source: Source, client_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Those of the clients for whom each guardian must sign (F6.B2); nothing else of the record is told."""
    callers = source.binding
    if callers.kind is ActorKind.CLIENT:
        await _bind(source, Binding.system(callers.practice_id))
    try:
        rows = await source.rows(ALL_SIGN, asked=[*client_ids])
    finally:
        if callers.kind is ActorKind.CLIENT:
            await _bind(source, callers)
    return frozenset(row["client_id"] for row in rows)


async def _bind(source: Source, binding: Binding) -> None:
    if isinstance(source, Session):
        await source.rebind(binding)
    elif isinstance(source, Reader):
        source.binding = binding
