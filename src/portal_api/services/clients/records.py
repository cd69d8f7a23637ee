"""Client records: made, found, changed, archived."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import delete, func, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Reader, Session, Source
from portal_api.core.errors import Conflict, NotFound, PreconditionFailed, invalid, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.clients import Client, ClientAssignment, ClientIdentifier
from portal_api.models.staff import StaffMember
from portal_api.schemas.base import normal_email
from portal_api.schemas.client_information import ContactPreferences, EmergencyContact
from portal_api.schemas.clients import EXTERNAL_IDS, ClientCreate, ClientFilters, ClientUpdate
from portal_api.schemas.practices import Address
from portal_api.services import audit
from portal_api.services.clients import grants, guardian_emails, portal_access, reading
from portal_api.services.clients.reading import locked
from portal_api.services.merging import merged
from portal_api.services.paging import Pager

REQUIRED = ("given_name", "family_name", "other_phones", "practitioner_ids", "external_ids")
ELSEWHERE = ("practitioner_ids", "external_ids")
"""Kept in tables of their own."""
NESTED: dict[str, type[BaseModel]] = {
    "address": Address,
    "emergency_contact": EmergencyContact,
    "contact_preferences": ContactPreferences,
}


class ExternalIdTaken(Conflict):
    code, title = "external_id_taken", "Another client has this external id"


on_constraint("pk_client_identifier", ExternalIdTaken)


async def page(reader: Reader, principal: Principal, filters: ClientFilters) -> dict[str, Any]:
    """The clients that the caller sees, newest first; with `updated_since`, oldest change first."""
    everyone = reading.sees_all(principal)
    if filters.updated_since is not None:
        pager = Pager(reader, principal, "clients", filters, "updated_at", "id")
        read = reading.changed(everyone, resumed=pager.position is not None)
        at, after = pager.position or (None, None)
        start = datetime.fromisoformat(at) if at else None
        position = {"updated_since": filters.updated_since, "after_at": start, "after_id": after and UUID(after)}
    else:
        system, _, value = (filters.external_id or "").partition(":")
        pager = Pager(reader, principal, "clients", filters, "id")
        read = reading.many(
            everyone,
            archived=filters.archived,
            is_test=filters.is_test,
            searching=filters.q is not None,
            of_practitioner=filters.practitioner_id is not None,
            identified=filters.external_id is not None,
            resumed=pager.position is not None,
        )
        after_id = UUID(pager.position[0]) if pager.position else None
        position = {"after_id": after_id, "system": system, "value": value}
    rows = await reader.rows(
        read,
        limit=pager.limit + 1,
        staff_id=principal.staff_id,
        practitioner_id=filters.practitioner_id,
        q=reading.needle(filters.q) if filters.q else None,
        **position,
    )
    answer = pager.envelope(rows)
    audit.viewed(reader, principal, "clients.listed", [row["id"] for row in answer["data"]])
    return answer


async def get(source: Source, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """One client that the caller sees. Raises NotFound."""
    read = reading.one(reading.sees_all(principal))
    row = await source.row(read, client_id=client_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound
    if isinstance(source, Reader):
        audit.viewed(source, principal, "client.viewed", [client_id])
    return row


async def create(session: Session, principal: Principal, data: ClientCreate) -> dict[str, Any]:
    """Make a client. Who does not see all clients is assigned to the new one, or could not see it.

    Raises Invalid for a practitioner who is not one, ExternalIdTaken.
    """
    client = Client(id=new_id(), **data.model_dump(exclude={*ELSEWHERE}), external_ids={})
    _normalise(client)
    session.add(client)
    await session.flush()
    assigned = set(data.practitioner_ids)
    if not reading.sees_all(principal) and principal.staff_id is not None:
        assigned.add(principal.staff_id)
    await _assign(session, client, assigned)
    await _identify(session, client, data.external_ids)
    await audit.record(session, principal, "client.created", resource=("client", client.id), clients=[client.id])
    return await _answer(session, client.id)


async def update(
    session: Session, principal: Principal, client_id: UUID, data: ClientUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given. With the date of birth changes until when guardians may act for the client.

    Raises NotFound, PreconditionFailed with the current copy, Invalid, ExternalIdTaken, EmailBelongsToGuardian.
    """
    client = await locked(session, principal, client_id)
    if if_match is not None and client.version != if_match:
        raise PreconditionFailed(current=await get(session, principal, client_id))
    changes = data.given()
    for name, value in changes.items():
        if value is None and name in REQUIRED:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    written = changes.keys() - {*ELSEWHERE}
    await write(
        session, client, {name: whole(name, changes[name], getattr(client, name), f"/{name}") for name in written}
    )
    if "practitioner_ids" in changes:
        await _assign(session, client, set(changes["practitioner_ids"]))
    if "external_ids" in changes:
        await _identify(session, client, _known_as(client, changes["external_ids"]))
    await audit.record(
        session, principal, "client.updated", resource=("client", client.id), clients=[client.id], changed=changes
    )
    return await _answer(session, client_id)


def whole(name: str, given: Any, stored: Any, pointer: str) -> Any:
    """What a field is once the input is in it (RFC 7396). Raises Invalid for a part that is missing."""
    if name in NESTED and given is not None:
        return merged(NESTED[name], stored, given, pointer)
    return [phone.model_dump() for phone in given or ()] if name == "other_phones" else given


async def write(session: Session, client: Client, fields: Mapping[str, Any]) -> None:
    """Put whole fields into the chart of a client who is held, whoever they come from.

    With the date of birth changes until when guardians may act for the client. Raises EmailBelongsToGuardian.
    """
    email, born = fields.get("email"), client.date_of_birth
    if email is not None and email != client.email:
        await guardian_emails.must_not_be_a_guardians(session, client.id, email)
    for name, value in fields.items():
        setattr(client, name, value)
    _normalise(client)
    client.updated_at = func.now()
    await session.flush()
    if client.date_of_birth != born:
        await grants.realign_client(session, client)


async def archive(session: Session, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """Put the chart away: nobody acts for the client any more, nothing is deleted. Raises InvalidState."""
    client = await locked(session, principal, client_id)
    client.archive(await clock.now(session))
    await portal_access.end_invitations(session, client, by=principal.account_id)
    await session.flush()
    await audit.record(session, principal, "client.archived", resource=("client", client.id), clients=[client.id])
    return await get(session, principal, client_id)


async def restore(session: Session, principal: Principal, client_id: UUID) -> dict[str, Any]:
    """Take the chart out again. Raises InvalidState."""
    client = await locked(session, principal, client_id)
    client.restore()
    await session.flush()
    await audit.record(session, principal, "client.restored", resource=("client", client.id), clients=[client.id])
    return await get(session, principal, client_id)


async def _answer(session: Session, client_id: UUID) -> dict[str, Any]:
    """The written client, also to who has just handed the client over to somebody else."""
    row = await session.row(reading.one(everyone=True), client_id=client_id)
    if row is None:
        raise NotFound
    return row


def _normalise(client: Client) -> None:
    """Names in either order, then what else is searched for."""
    client.email_norm = normal_email(client.email) if client.email else None
    names = (client.given_name, client.family_name, client.given_name)
    called = (client.preferred_name, client.family_name, client.preferred_name) if client.preferred_name else ()
    client.search_text = " ".join(part.lower() for part in (*names, *called, client.email, client.phone) if part)


async def _assign(session: Session, client: Client, practitioner_ids: set[UUID]) -> None:
    known = select(StaffMember.id).where(StaffMember.id.in_(practitioner_ids), StaffMember.state == "active")
    if practitioner_ids - set((await session.scalars(known)).all()):
        raise invalid("/practitioner_ids", "unknown_practitioner", "Name active staff members of the practice.")
    await session.execute(delete(ClientAssignment).where(ClientAssignment.client_id == client.id))
    session.add_all(ClientAssignment(client_id=client.id, practitioner_id=p) for p in practitioner_ids)
    await session.flush()


def _known_as(client: Client, changes: dict[str, str | None]) -> dict[str, str]:
    """RFC 7396: systems that are not named keep their id."""
    named = {system: value for system, value in (client.external_ids | changes).items() if value is not None}
    if len(named) > EXTERNAL_IDS:
        raise invalid("/external_ids", "too_long", f"A client has at most {EXTERNAL_IDS} external ids.")
    return named


async def _identify(session: Session, client: Client, external_ids: dict[str, str]) -> None:
    await session.execute(delete(ClientIdentifier).where(ClientIdentifier.client_id == client.id))
    session.add_all(ClientIdentifier(client_id=client.id, system=s, value=v) for s, v in external_ids.items())
    client.external_ids = dict(external_ids)
    await session.flush()
