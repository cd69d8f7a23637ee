"""What staff do with a client's guardians: add, change, extend, dissolve (F6.M1)."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import Conflict, InvalidState, PreconditionFailed, invalid, on_constraint
from portal_api.core.ids import new_id
from portal_api.models.clients import Client
from portal_api.models.guardians import Guardian
from portal_api.schemas.base import normal_email
from portal_api.schemas.guardians import GuardianCreate, GuardianExtension, GuardianUpdate
from portal_api.services import audit, clients
from portal_api.services.clients import grants, guardian_emails
from portal_api.services.guardians import custody, ending
from portal_api.services.guardians.ending import record
from portal_api.services.guardians.reading import answer, locked

LONGEST_EXTENSION = timedelta(days=366 * 10)


class GuardianExists(Conflict):
    code, title = "guardian_exists", "The client has a guardian with this e-mail address already"


on_constraint("uq_guardian_email", GuardianExists)


async def create(session: Session, principal: Principal, client_id: UUID, data: GuardianCreate) -> dict[str, Any]:
    """Write down who may act for the client, once they have accepted an invitation.

    Raises NotFound, InvalidState for an archived client, EmailBelongsToGuardian, GuardianExists, NoContactWith,
    Invalid for a span that is over.
    """
    client = await clients.locked(session, principal, client_id)
    if client.archived_at is not None:
        raise InvalidState("Restore the client first.", state="archived")
    await guardian_emails.must_not_be_the_clients(session, client, data.email)
    await custody.must_allow(session, client.id, data.given_name, data.family_name, data.email)
    practice = await grants.rules(session)
    fields: dict[str, Any] = data.model_dump(exclude={"valid_from", "valid_to", "permissions"})
    guardian = Guardian(
        id=new_id(),
        client_id=client.id,
        email_norm=normal_email(data.email),
        permissions=[permission.value for permission in data.permissions],
        valid_from=_beginning(data.valid_from, practice.zone) or practice.now,
        valid_to=_end(data.valid_to, practice.zone),
        told_until=practice.now,
        created_by=principal.account_id,
        **fields,
    )
    _must_be_a_span(guardian, max(practice.now, guardian.valid_from))
    session.add(guardian)
    await session.flush()
    await grants.realign(session, [(guardian, client)], practice)
    await record(session, principal, "guardian.added", guardian)
    return await answer(session, guardian.id)


async def update(
    session: Session,
    principal: Principal,
    client_id: UUID,
    guardian_id: UUID,
    data: GuardianUpdate,
    if_match: int | None,
) -> dict[str, Any]:
    """Change what is given; what they may do changes with their next request.

    Raises NotFound, PreconditionFailed with the current copy, InvalidState, EmailBelongsToGuardian, GuardianExists,
    NoContactWith, Invalid for a null and for a span that never is.
    """
    guardian, client = await locked(session, principal, guardian_id, client_id)
    if if_match is not None and guardian.version != if_match:
        raise PreconditionFailed(current=await answer(session, guardian_id))
    guardian.must_be_current()
    practice, changes, before = await grants.rules(session), data.given(), frozenset(guardian.permissions)
    for name, value in changes.items():
        if value is None and name not in ("phone", "valid_to"):
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
    await _change_email(session, guardian, client, changes)
    if "permissions" in changes:
        changes["permissions"] = [permission.value for permission in changes["permissions"]]
    if "valid_from" in changes:
        changes["valid_from"] = _beginning(data.valid_from, practice.zone)
    if "valid_to" in changes:
        changes["valid_to"] = _end(data.valid_to, practice.zone)
    for name, value in changes.items():
        setattr(guardian, name, value)
    if changes.keys() & {"valid_from", "valid_to"}:
        _must_be_a_span(guardian, guardian.valid_from)
    if changes.keys() & {"given_name", "family_name", "email"}:
        await custody.must_allow(session, client.id, guardian.given_name, guardian.family_name, guardian.email)
    guardian.updated_at = func.now()
    await session.flush()
    await grants.realign(session, [(guardian, client)], practice)
    await record(session, principal, "guardian.updated", guardian, changed=changes)
    await _tell_of(session, principal, guardian, before)
    return await answer(session, guardian_id)


async def extend(
    session: Session, principal: Principal, client_id: UUID, guardian_id: UUID, data: GuardianExtension
) -> dict[str, Any]:
    """Let no age rule take anything away until the end of a day (F6.B1). An earlier day than before takes it back.

    Raises NotFound, InvalidState, Invalid for a day that is over or too far.
    """
    guardian, client = await locked(session, principal, guardian_id, client_id)
    guardian.must_be_current()
    practice = await grants.rules(session)
    until = _end(data.until, practice.zone)
    if until is None or not practice.now < until < practice.now + LONGEST_EXTENSION:
        raise invalid("/until", "out_of_range", "Give a day that lies ahead, within ten years.")
    guardian.extended_to, guardian.extension_reason = until, data.reason
    await session.flush()
    await grants.realign(session, [(guardian, client)], practice)
    await record(session, principal, "guardian.extended", guardian, reason=data.reason)
    return await answer(session, guardian_id)


async def remove(
    session: Session, principal: Principal, client_id: UUID, guardian_id: UUID, reason: str | None
) -> None:
    """Dissolve it: from the next request on they do not act for the client; the record stays. Again is no error.

    Raises NotFound.
    """
    guardian, client = await locked(session, principal, guardian_id, client_id)
    if guardian.revoked_at is None:
        await ending.dissolve(session, principal, guardian, client, reason)


async def _change_email(session: Session, guardian: Guardian, client: Client, changes: dict[str, Any]) -> None:
    """A link that was mailed to another address opens nothing any more."""
    if "email" not in changes or changes["email"] == guardian.email:
        return
    if guardian.account_id is not None:
        raise InvalidState("They sign in by this address and change it themselves.", state="active")
    await guardian_emails.must_not_be_the_clients(session, client, changes["email"])
    guardian.email_norm = normal_email(changes["email"])
    await ending.end_invitations(session, guardian.id)


async def _tell_of(session: Session, principal: Principal, guardian: Guardian, before: frozenset[str]) -> None:
    """What is shared now is told to both sides (F6.B4): the guardian who has it, and the client's own login."""
    after = frozenset(guardian.permissions)
    if before == after or guardian.account_id is None:
        return
    moved = {"added": grants.listed(after - before), "removed": grants.listed(before - after)}
    await record(session, principal, "guardian.permissions_changed", guardian, details=moved)
    await audit.record(
        session,
        principal,
        "client.sharing_changed",
        resource=("client", guardian.client_id),
        clients=[guardian.client_id],
        details=moved,
    )


def _must_be_a_span(guardian: Guardian, begins: datetime) -> None:
    if guardian.valid_to is not None and guardian.valid_to <= begins:
        raise invalid("/valid_to", "past", "Give an end that lies ahead, after the beginning.")


def _beginning(given: datetime | date | None, zone: ZoneInfo) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    return datetime.combine(given, time(), zone)


def _end(given: datetime | date | None, zone: ZoneInfo) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    return datetime.combine(given + timedelta(days=1), time(), zone)
