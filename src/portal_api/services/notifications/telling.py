"""Telling an event: a row for each recipient, from which the inbox, mails, the digest and pushes are made.

It runs in the event's job, at least once; the unique key of a row makes it one.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.ids import new_id
from portal_api.models.audit import Event
from portal_api.models.auth import Account
from portal_api.models.clients import Client
from portal_api.models.notifications import Notification
from portal_api.services.notifications import devices, gathering, inbox, wishes
from portal_api.services.notifications.kinds import BY_EVENT, Importance, Kind
from portal_api.services.notifications.people import Person
from portal_api.services.notifications.wishes import Modes


async def tell(session: Session, event: Event) -> None:
    """Make the rows of an event, and see to it that what is told at once goes out."""
    for kind in BY_EVENT.get(event.type, ()):
        happened = event.outcome == "success" or kind.importance is Importance.SECURITY
        if happened and kind.applies(event):
            people = await _concerned(session, event, kind)
            if people:
                await _tell(session, event, kind, people)


async def _concerned(session: Session, event: Event, kind: Kind) -> list[Person]:
    """Without who did it; without staff where it is about test clients alone; without accounts that are closed."""
    found = await kind.recipients(session, event)
    if kind.importance is not Importance.SECURITY:
        found = [person for person in found if person.account_id is None or person.account_id != event.actor_id]
        if any(person.of_staff for person in found) and await _only_tests(session, event.client_ids):
            found = [person for person in found if not person.of_staff]
    closed = await _suspended(session, {person.account_id for person in found if person.account_id})
    return [person for person in found if person.account_id not in closed]


async def _tell(session: Session, event: Event, kind: Kind, people: Sequence[Person]) -> None:
    modes = await wishes.modes_of(session, kind, [person.id for person in people])
    reached = await devices.reachable(session, [person.id for person in people])
    rows = [
        _row(session, event, kind, person, modes[person.id], reached)
        for person in people
        if not modes[person.id].silent
    ]
    if not rows:
        return
    made = insert(Notification).values(rows).on_conflict_do_nothing(constraint="uq_notification_once")
    fresh = {UUID(str(id)) for id in await session.scalars(made.returning(Notification.id))}
    await _note(session, [row for row in rows if row["id"] in fresh and row["in_app"]])
    waiting = [row["recipient_id"] for row in rows if row["id"] in fresh and _at_once(row)]
    await gathering.soon(session, kind, waiting)


def _row(
    session: Session, event: Event, kind: Kind, person: Person, modes: Modes, reached: Collection[UUID]
) -> dict[str, Any]:
    resource_type, resource_id = kind.resource(event)
    return {
        "practice_id": session.binding.practice_id,
        "id": new_id(),
        "event_id": event.id,
        "event_type": event.type,
        "kind": kind.key,
        "recipient_id": person.id,
        "account_id": person.account_id,
        "about_client_id": person.about,
        "resource_type": resource_type,
        "resource_id": resource_id,
        "occurred_at": event.occurred_at,
        "in_app": modes.in_app != "off" and person.account_id is not None,
        "email": modes.email,
        "push": modes.push != "off" and person.id in reached,
    }


async def _note(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Inboxes learn of it at once; nothing is said of what it is."""
    if rows:
        program = Principal.program(session.binding.practice_id)
        told = {row["account_id"]: [row["id"]] for row in rows}
        await inbox.note(session, program, "notification.created", told)


def _at_once(row: dict[str, Any]) -> bool:
    return row["email"] == "immediate" or bool(row["push"])


async def _only_tests(session: Session, client_ids: Collection[UUID]) -> bool:
    """Whether the event is about clients that are nobody: made to try the portal with (F16.M1)."""
    if not client_ids:
        return False
    real = select(Client.id).where(Client.id.in_(client_ids), Client.is_test.is_(False)).limit(1)
    return await session.scalar(real) is None


async def _suspended(session: Session, account_ids: Collection[UUID]) -> set[UUID]:
    closed = select(Account.id).where(Account.id.in_(account_ids), Account.suspended_at.is_not(None))
    return {UUID(str(id)) for id in await session.scalars(closed)}
