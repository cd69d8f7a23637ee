"""Who comes to an appointment: clients, and guardians at their side."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import GrantPermission
from portal_api.core.db import Session
from portal_api.core.errors import NotFound, invalid
from portal_api.core.ids import new_id
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.scheduling import Appointment, AppointmentAttendee
from portal_api.schemas.scheduling.appointments import AppointmentUpdate

FIELDS = {"additional_client_ids", "confidential", "guardian_account_ids"}
Guardians = set[tuple[UUID, UUID]]
"""Client and account."""


async def hold(session: Session, client_ids: tuple[UUID, ...]) -> None:
    """Keep the clients from being archived meanwhile. Raises NotFound, Invalid for one who is archived."""
    held = select(Client.id, Client.archived_at).where(Client.id.in_(client_ids)).order_by(Client.id)
    rows = (await session.execute(held.with_for_update(read=True, key_share=True))).all()
    if set(client_ids) - {UUID(str(row.id)) for row in rows}:
        raise NotFound
    if any(row.archived_at for row in rows):
        raise invalid("/client_id", "client_archived", "This client is archived; restore the record first.")


async def guardians(session: Session, client_ids: tuple[UUID, ...], account_ids: tuple[UUID, ...]) -> Guardians:
    """Which of the clients each guardian comes along with.

    Raises Invalid for an account that may not see the appointments of any of them (F6.M1).
    """
    if not account_ids:
        return set()
    found = select(ClientGrant.client_id, ClientGrant.account_id).where(
        ClientGrant.account_id.in_(account_ids),
        ClientGrant.client_id.in_(client_ids),
        ClientGrant.relationship != SELF,
        ClientGrant.allows(GrantPermission.APPOINTMENTS_VIEW),
        ClientGrant.is_live(),
    )
    pairs = {(UUID(str(client)), UUID(str(account))) for client, account in (await session.execute(found)).all()}
    if set(account_ids) - {account for _, account in pairs}:
        why = "Guardians come along with a client whose appointments they may see."
        raise invalid("/guardian_account_ids", "not_a_guardian", why)
    return pairs


def must_be_apart(*, confidential: bool, guardians: Collection[object]) -> None:
    """Raise Invalid for an appointment that is kept from guardians although one of them comes along."""
    if confidential and guardians:
        why = "A guardian who comes along knows of it: let it be open, or let them stay away."
        raise invalid("/confidential", "guardians_attend", why)


def invite(session: Session, appointment: Appointment, guardians: Guardians) -> None:
    """Add the attendees of a new appointment: its clients, and their guardians."""
    for client_id in appointment.client_ids:
        _add(session, appointment, client_id, None)
    for client_id, account_id in guardians:
        _add(session, appointment, client_id, account_id)


async def change(session: Session, appointment: Appointment, data: AppointmentUpdate) -> None:
    """Let others come, and who stays be; say from whom it is kept. The client for whom it was booked stays.

    Raises NotFound, Invalid.
    """
    rows = select(AppointmentAttendee).where(AppointmentAttendee.appointment_id == appointment.id)
    present = {(row.client_id, row.account_id): row for row in await session.scalars(rows)}
    given = data.given()
    appointment.confidential = given.get("confidential", appointment.confidential)
    primary, *others = appointment.client_ids
    client_ids = tuple(dict.fromkeys((primary, *(given.get("additional_client_ids", others) or ()))))
    coming = tuple(given.get("guardian_account_ids", ()) or ())
    await hold(session, client_ids)
    along = await guardians(session, client_ids, coming)
    if "guardian_account_ids" not in given:
        along = {(client, account) for client, account in present if account and client in client_ids}
    must_be_apart(confidential=appointment.confidential, guardians=along)
    wanted = {(client_id, None) for client_id in client_ids} | along
    for key in present.keys() - wanted:
        await session.delete(present[key])
    appointment.client_ids = list(client_ids)
    for client_id, account_id in wanted - present.keys():
        _add(session, appointment, client_id, account_id)


def _add(session: Session, appointment: Appointment, client_id: UUID, account_id: UUID | None) -> None:
    session.add(
        AppointmentAttendee(
            id=new_id(),
            client_id=client_id,
            appointment_id=appointment.id,
            starts_at=appointment.starts_at,
            account_id=account_id,
            is_primary=account_id is None and client_id == appointment.client_ids[0],
        )
    )
