"""Which clients a caller sees, and how they are read."""

import re
from collections.abc import Collection
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, exists, func, or_, select, text, tuple_

from portal_api.core.access import Permission, Principal
from portal_api.core.db import Read, Rows, Session, Source
from portal_api.core.errors import NotFound
from portal_api.models.clients import Client, ClientAssignment, ClientIdentifier
from portal_api.models.staff import Supervision

_PHONE = re.compile(r"[\d\s()+./-]+")
_practitioners = (
    select(func.coalesce(func.array_agg(ClientAssignment.practitioner_id), text("'{}'::uuid[]")))
    .where(ClientAssignment.client_id == Client.id)
    .correlate(Client)
    .scalar_subquery()
)
COLUMNS = (
    Client.id,
    Client.given_name,
    Client.middle_name,
    Client.family_name,
    Client.preferred_name,
    Client.pronouns,
    Client.date_of_birth,
    Client.sex,
    Client.gender_identity,
    Client.language,
    Client.email,
    Client.phone,
    Client.other_phones,
    Client.address,
    Client.time_zone,
    Client.emergency_contact,
    Client.contact_preferences,
    Client.self_pay,
    _practitioners.label("practitioner_ids"),
    Client.external_ids,
    Client.is_test,
    Client.portal_state,
    Client.archived_at,
    Client.created_at,
    Client.updated_at,
    Client.version,
)


def caseload() -> ColumnElement[bool]:
    """Clients that the staff member `staff_id` is assigned to, or supervises the care of (F20.M3)."""
    supervised = select(Supervision.supervised_id).where(Supervision.supervisor_id == bindparam("staff_id"))
    return exists().where(
        ClientAssignment.client_id == Client.id,
        or_(
            ClientAssignment.practitioner_id == bindparam("staff_id"),
            ClientAssignment.practitioner_id.in_(supervised.scalar_subquery()),
        ),
    )


def visible(statement: Rows, sees_all: bool) -> Rows:
    """The one statement of who sees whom: the whole practice, or one's own caseload."""
    return statement if sees_all else statement.where(caseload())


def sees_all(principal: Principal) -> bool:
    return principal.may(Permission.CLIENTS_READ_ALL)


def needle(q: str) -> str:
    """What is looked for in search_text: lower case; of a phone number, however it was typed, its digits."""
    if not _PHONE.fullmatch(q):
        return " ".join(q.replace(",", " ").lower().split())
    digits = re.sub(r"\D", "", q.replace("(0)", ""))
    return digits.lstrip("0") or q


async def must_see(source: Source, principal: Principal, client_id: UUID) -> None:
    """Raise NotFound for a client that the caller does not see."""
    row = await source.row(one(sees_all(principal)), client_id=client_id, staff_id=principal.staff_id)
    if row is None:
        raise NotFound


async def must_see_all(session: Session, principal: Principal, client_ids: Collection[UUID]) -> None:
    """Raise NotFound where the caller does not see one of the clients."""
    statement = visible(select(Client.id).where(Client.id.in_(client_ids)), sees_all(principal))
    found = await session.scalars(statement, {"staff_id": principal.staff_id})
    if set(client_ids) - {UUID(str(client_id)) for client_id in found}:
        raise NotFound


async def locked(session: Session, principal: Principal, client_id: UUID) -> Client:
    """The client, held for a change. Raises NotFound for one that the caller does not see."""
    statement = visible(select(Client).where(Client.id == client_id), sees_all(principal))
    found = await session.execute(statement.with_for_update(of=Client), {"staff_id": principal.staff_id})
    client = found.scalar_one_or_none()
    if client is None:
        raise NotFound
    return client


@cache
def one(everyone: bool) -> Read:
    return Read(visible(select(*COLUMNS).where(Client.id == bindparam("client_id")), everyone))


@cache
def many(
    everyone: bool,
    *,
    archived: bool,
    is_test: bool,
    searching: bool,
    of_practitioner: bool,
    identified: bool,
    resumed: bool,
) -> Read:
    """The current or archived clients, newest first; of real people, or those that are nobody (F16.M1)."""
    state = Client.archived_at.is_not(None) if archived else Client.archived_at.is_(None)
    statement = visible(select(*COLUMNS).where(state, Client.is_test.is_(is_test)), everyone)
    if searching:
        statement = statement.where(func.strpos(Client.search_text, bindparam("q")) > 0)
    if of_practitioner:
        statement = statement.where(
            exists().where(
                ClientAssignment.client_id == Client.id,
                ClientAssignment.practitioner_id == bindparam("practitioner_id"),
            )
        )
    if identified:
        same = ClientIdentifier.system == bindparam("system"), ClientIdentifier.value == bindparam("value")
        statement = statement.where(exists().where(ClientIdentifier.client_id == Client.id, *same))
    if resumed:
        statement = statement.where(Client.id < bindparam("after_id"))
    return Read(statement.order_by(Client.id.desc()).limit(bindparam("limit")))


@cache
def changed(everyone: bool, *, resumed: bool) -> Read:
    """All real clients changed since a moment, oldest change first; archived ones are the tombstones."""
    since = tuple_(Client.updated_at, Client.id) > tuple_(bindparam("after_at"), bindparam("after_id"))
    start = since if resumed else Client.updated_at >= bindparam("updated_since")
    statement = visible(select(*COLUMNS).where(start, Client.is_test.is_(False)), everyone)
    return Read(statement.order_by(Client.updated_at, Client.id).limit(bindparam("limit")))
