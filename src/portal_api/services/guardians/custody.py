"""What is settled about who decides for a client, and whom the client must not have contact with (F6.B2)."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select

from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session, Source
from portal_api.core.errors import Conflict, PreconditionFailed, invalid
from portal_api.models.clients import Client
from portal_api.models.documents import Document
from portal_api.models.guardians import CustodyRecord, Guardian
from portal_api.schemas.base import normal_email
from portal_api.schemas.guardians import CustodyUpdate
from portal_api.services import audit, clients
from portal_api.services.guardians import ending

NO_CONTACT = "no_contact"
RECORD = Read(
    select(
        CustodyRecord.client_id,
        CustodyRecord.arrangement,
        CustodyRecord.signature_policy,
        CustodyRecord.order_document_id,
        CustodyRecord.notes,
        CustodyRecord.no_contact,
        CustodyRecord.payment_shares,
        CustodyRecord.updated_at,
        CustodyRecord.version,
    ).where(CustodyRecord.client_id == bindparam("client_id"))
)
UNSET: dict[str, Any] = {
    "arrangement": None,
    "signature_policy": "any_one",
    "order_document_id": None,
    "notes": None,
    "no_contact": [],
    "payment_shares": [],
    "updated_at": None,
    "version": 0,
}
"""Nothing is settled."""
LISTS = ("no_contact", "payment_shares")


class NoContactWith(Conflict):
    code, title = "no_contact", "The custody record says that the client must not have contact with this person"


async def get(source: Source, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """The record, as if empty where there is none. Raises NotFound."""
    await clients.must_see(source, principal, client_id)
    if isinstance(source, Reader):
        audit.viewed(source, principal, "custody.viewed", [client_id])
    return await _read(source, client_id)


async def update(
    session: Session, principal: Principal, client_id: UUID, data: CustodyUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given. A guardian with whom there must be no contact any more is dissolved at once.

    Raises NotFound, PreconditionFailed with the current copy, Invalid.
    """
    client = await clients.locked(session, principal, client_id)
    current = await _read(session, client_id)
    if if_match is not None and current["version"] != if_match:
        raise PreconditionFailed(current=current)
    written = data.model_dump(mode="json") | {"order_document_id": data.order_document_id}
    changes = {name: value for name, value in written.items() if name in data.model_fields_set}
    _must_be_cleared_rightly(changes)
    await _must_refer_to(session, client_id, data)
    record = await session.scalar(select(CustodyRecord).where(CustodyRecord.client_id == client_id))
    if record is None:
        record = CustodyRecord(client_id=client_id)
        session.add(record)
    for name, value in changes.items():
        setattr(record, name, value)
    record.updated_at = func.now()
    await session.flush()
    await audit.record(
        session, principal, "custody.updated", resource=("client", client_id), clients=[client_id], changed=changes
    )
    if NO_CONTACT in changes:
        await _part(session, principal, client, record.no_contact)
    return await _read(session, client_id)


async def must_allow(session: Session, client_id: UUID, given_name: str, family_name: str, email: str) -> None:
    """Raise NoContactWith for a person with this address or name. The client is held by the caller."""
    kept = await session.scalar(select(CustodyRecord.no_contact).where(CustodyRecord.client_id == client_id))
    if any(_is_same(person, given_name, family_name, email) for person in kept or ()):
        raise NoContactWith("Change the custody record first, if the order has changed.")


async def _read(source: Source, client_id: UUID) -> dict[str, Any]:
    return await source.row(RECORD, client_id=client_id) or {"client_id": client_id, **UNSET}


def _must_be_cleared_rightly(changes: dict[str, Any]) -> None:
    for name in (*LISTS, "signature_policy"):
        if changes.get(name, name) is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared; a list may be empty.")


async def _must_refer_to(session: Session, client_id: UUID, data: CustodyUpdate) -> None:
    """Raise Invalid for a document or a guardian that is not this client's (A16)."""
    if data.order_document_id is not None:
        its = select(Document.id).where(Document.id == data.order_document_id, Document.client_id == client_id)
        if await session.scalar(its) is None:
            raise invalid("/order_document_id", "unknown_document", "Name a document of this client.")
    shares = data.payment_shares or []
    if not shares:
        return
    ids = {share.guardian_id for share in shares}
    if len(ids) < len(shares) or sum(share.percent for share in shares) != 100:
        raise invalid("/payment_shares", "not_a_hundred", "Name each guardian once, a hundred per cent in all.")
    theirs = select(func.count()).where(Guardian.id.in_(ids), Guardian.client_id == client_id)
    if await session.scalar(theirs.where(Guardian.revoked_at.is_(None))) != len(ids):
        raise invalid("/payment_shares", "unknown_guardian", "Name guardians of this client.")


async def _part(session: Session, principal: Principal, client: Client, no_contact: list[dict[str, Any]]) -> None:
    present = select(Guardian).where(Guardian.client_id == client.id, Guardian.revoked_at.is_(None))
    for guardian in (await session.scalars(present.order_by(Guardian.id).with_for_update())).all():
        who = guardian.given_name, guardian.family_name, guardian.email
        if any(_is_same(person, *who) for person in no_contact):
            await ending.dissolve(session, principal, guardian, client, NO_CONTACT)


def _is_same(person: dict[str, Any], given_name: str, family_name: str, email: str) -> bool:
    """By the address, or by the name, however it is spaced and whatever its case."""
    if person["email"] is not None and normal_email(person["email"]) == normal_email(email):
        return True
    return _words(person["given_name"], person["family_name"]) == _words(given_name, family_name)


def _words(given_name: str, family_name: str) -> list[str]:
    return f"{given_name} {family_name}".casefold().split()
