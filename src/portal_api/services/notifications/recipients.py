"""Whom an appointment concerns, and how they are reached: the clients who come, and guardians by permission."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from portal_api.core.access import GrantPermission
from portal_api.core.db import Session
from portal_api.models.auth import Account
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Appointment, AppointmentAttendee, ReminderPreference
from portal_api.models.scheduling.reminders import CHANNELS
from portal_api.services.auth.authority import HIDDEN_PORTAL_STATES
from portal_api.services.notifications import consents


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to tell of a client's appointment. `account_id` is that of a guardian; the client has None.

    `email` is None where there is no address, or none that is known to be theirs. `channels`: those they want.
    """

    client_id: UUID
    account_id: UUID | None
    email: str | None
    zone: ZoneInfo
    channels: frozenset[str] | None

    @property
    def id(self) -> UUID:
        return self.account_id or self.client_id

    def wants(self, channel: str) -> bool:
        return self.channels is None or channel in self.channels


async def of_appointments(session: Session, appointment_ids: Collection[UUID]) -> dict[UUID, list[Recipient]]:
    """By appointment. A guardian of several who come is there once, for the first of them.

    Of one that is confidential no guardian hears (F6.B3).
    """
    attending = (
        select(AppointmentAttendee.appointment_id, AppointmentAttendee.client_id, Appointment.confidential)
        .join(Appointment, Appointment.id == AppointmentAttendee.appointment_id)
        .where(AppointmentAttendee.appointment_id.in_(appointment_ids), AppointmentAttendee.account_id.is_(None))
        .order_by(AppointmentAttendee.is_primary.desc(), AppointmentAttendee.client_id)
    )
    rows = (await session.execute(attending)).all()
    coming = [(UUID(str(row.appointment_id)), UUID(str(row.client_id)), row.confidential) for row in rows]
    people = await of_clients(session, {client_id for _, client_id, _ in coming})
    found: dict[UUID, dict[UUID, Recipient]] = {}
    for appointment_id, client_id, confidential in coming:
        for recipient in people.get(client_id, ()):
            if confidential and recipient.account_id is not None:
                continue
            found.setdefault(appointment_id, {}).setdefault(recipient.id, recipient)
    return {appointment_id: list(recipients.values()) for appointment_id, recipients in found.items()}


async def of_clients(session: Session, client_ids: Collection[UUID]) -> dict[UUID, list[Recipient]]:
    """By client: the client first, by the own login's address or, without a login, by the chart's; then guardians."""
    charts = (
        select(Client.id, Client.email, func.coalesce(Client.time_zone, Practice.time_zone))
        .join(Practice, Practice.id == session.binding.practice_id)
        .where(Client.id.in_(client_ids), Client.archived_at.is_(None))
    )
    zones, addresses = dict[UUID, ZoneInfo](), dict[UUID, str | None]()
    for id, email, zone in (await session.execute(charts)).all():
        zones[UUID(str(id))], addresses[UUID(str(id))] = ZoneInfo(zone), email
    logins = await _logins(session, zones)
    ids = {*zones, *(login.account_id for login in logins)}
    wanted = await _channels(session, ids)
    for id in await consents.refusing_mail(session, ids):
        wanted[id] = wanted.get(id, frozenset(CHANNELS)) - {"email"}
    found: dict[UUID, list[Recipient]] = {}
    for client_id, zone in zones.items():
        own = next((login for login in logins if login.client_id == client_id and login.own), None)
        email = own.email if own else addresses[client_id]
        channels = _both(wanted, client_id, own.account_id if own else None)
        found[client_id] = [Recipient(client_id, None, email, zone, channels)]
    for login in logins:
        if not login.own:
            channels = _both(wanted, login.account_id)
            found[login.client_id].append(
                Recipient(login.client_id, login.account_id, login.email, zones[login.client_id], channels)
            )
    return found


@dataclass(frozen=True, slots=True)
class _Login:
    client_id: UUID
    account_id: UUID
    email: str
    own: bool


async def _logins(session: Session, client_ids: Collection[UUID]) -> list[_Login]:
    """Accounts that may see the clients' appointments now, by an address that somebody has shown to be right."""
    statement = (
        select(ClientGrant.client_id, ClientGrant.account_id, Account.email, ClientGrant.relationship)
        .join(Account, Account.id == ClientGrant.account_id)
        .join(Client, Client.id == ClientGrant.client_id)
        .where(
            ClientGrant.client_id.in_(client_ids),
            ClientGrant.is_live(),
            ClientGrant.allows(GrantPermission.APPOINTMENTS_VIEW),
            Account.email_verified_at.is_not(None),
            Account.suspended_at.is_(None),
            Client.portal_state.not_in(HIDDEN_PORTAL_STATES),
        )
        .order_by(ClientGrant.id)
    )
    rows = (await session.execute(statement)).all()
    return [_Login(UUID(str(c)), UUID(str(a)), email, relation == SELF) for c, a, email, relation in rows]


async def _channels(session: Session, recipient_ids: Collection[UUID]) -> dict[UUID, frozenset[str]]:
    chosen = select(ReminderPreference).where(ReminderPreference.recipient_id.in_(recipient_ids))
    return {UUID(str(row.recipient_id)): frozenset(row.channels) for row in await session.scalars(chosen)}


def _both(wanted: dict[UUID, frozenset[str]], *ids: UUID | None) -> frozenset[str] | None:
    """What all of them want; None where nobody said anything."""
    said = [wanted[id] for id in ids if id in wanted]
    return frozenset.intersection(*said) if said else None
