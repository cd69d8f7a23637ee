"""Appointments as calendar entries: when, and as much of whose as was chosen; never what for (F10.M9)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, bindparam, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute

from portal_api.core.config import Settings
from portal_api.core.db import Read, Reader, Rows
from portal_api.core.db.base import UUIDS
from portal_api.integrations.calendars import Entry
from portal_api.models.clients import Client
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Appointment, AppointmentAttendee, Location, Privacy
from portal_api.models.staff import StaffMember

PAST, AHEAD = timedelta(days=90), timedelta(days=366)
_ADDRESS = ("line1", "line2", "postal_code", "city", "region")


def _seconds(at: InstrumentedAttribute[datetime]) -> ColumnElement[Any]:
    """As entries have their instants: a thousand rows of four datetimes are slower to decode than to find."""
    return cast(func.floor(func.date_part("epoch", at)), BigInteger).label(at.key)


_WHEN = (
    Appointment.id,
    Appointment.uid,
    Appointment.sequence,
    Appointment.state,
    _seconds(Appointment.starts_at),
    _seconds(Appointment.ends_at),
    _seconds(Appointment.created_at),
    _seconds(Appointment.updated_at),
    Location.name.label("location"),
)
_NAMES = (Client.given_name, Client.family_name, Client.preferred_name)
CLIENTS = Read(select(Client.id, *_NAMES).where(Client.id == bindparam("their_ids", type_=UUIDS).any_()))


def of_staff() -> Rows:
    """Appointments, a row each; to be narrowed to a practitioner or to one appointment.

    Their clients are read apart: one who comes every week is read once.
    """
    return (
        select(*_WHEN, Appointment.client_ids)
        .select_from(Appointment)
        .outerjoin(Location, Location.id == Appointment.location_id)
        .order_by(Appointment.starts_at, Appointment.id)
    )


def of_clients() -> Rows:
    """Appointments of the clients `viewing`, a row for each of these, with the practitioner and the place."""
    hidden = Location.hide_address | Practice.hide_address
    return (
        select(
            *_WHEN,
            *_NAMES,
            Appointment.mode,
            StaffMember.given_name.label("practitioner_given_name"),
            StaffMember.family_name.label("practitioner_family_name"),
            func.coalesce(Location.address, Practice.address).label("address"),
            hidden.label("hide_address"),
            PortalSettings.slug,
        )
        .select_from(AppointmentAttendee)
        .join(Appointment, Appointment.id == AppointmentAttendee.appointment_id)
        .join(Client, Client.id == AppointmentAttendee.client_id)
        .join(StaffMember, StaffMember.id == Appointment.practitioner_id)
        .join(Practice, Practice.id == bindparam("practice_id"))
        .join(PortalSettings, PortalSettings.practice_id == Appointment.practice_id)
        .outerjoin(Location, Location.id == Appointment.location_id)
        .where(
            AppointmentAttendee.client_id == bindparam("viewing").any_(),
            AppointmentAttendee.account_id.is_(None),
        )
        .order_by(AppointmentAttendee.starts_at, Appointment.id, Client.id)
    )


async def for_staff(reader: Reader, rows: Sequence[dict[str, Any]], privacy: str, settings: Settings) -> list[Entry]:
    """For who works in the practice: the clients, and the location by its name."""
    client_ids = {client_id for row in rows for client_id in row["client_ids"]}
    clients = {row["id"]: _client(row, privacy) for row in await reader.rows(CLIENTS, their_ids=list(client_ids))}
    return [_entry(row, _names(row, clients) or "Appointment", row["location"], None, settings) for row in rows]


def client_entries(
    rows: Iterable[dict[str, Any]], privacy: str, settings: Settings, *, several: bool
) -> Iterator[Entry]:
    """For a client or a guardian: the practitioner, the place with its address, and where the portal shows it.

    several: the account acts for more than one client, so an entry says for whom it is.
    """
    for appointment in _grouped(rows):
        row = appointment[0]
        who = called(privacy, row["practitioner_given_name"], row["practitioner_family_name"])
        summary = f"Appointment with {who}" if who else "Appointment"
        names = " & ".join(filter(None, (_client(each, privacy) for each in appointment))) if several else ""
        place = _place(row) if privacy != Privacy.NONE else None
        link = settings.app_link(row["slug"], f"/appointments/{row['id']}") if row["slug"] else None
        yield _entry(row, f"{names}: {summary}" if names else summary, place, link, settings)


def called(privacy: str, given_name: str, family_name: str) -> str | None:
    """A name as far as it may be read by whoever looks at the calendar."""
    match privacy:
        case Privacy.FULL_NAME:
            return f"{given_name} {family_name}"
        case Privacy.FIRST_NAME:
            return given_name
        case Privacy.INITIALS:
            return f"{given_name[:1].upper()}. {family_name[:1].upper()}."
        case _:
            return None


def _client(row: dict[str, Any], privacy: str) -> str | None:
    return called(privacy, row["preferred_name"] or row["given_name"], row["family_name"])


def _names(row: dict[str, Any], clients: dict[UUID, str | None]) -> str:
    """In the order of their records, whoever booked."""
    if len(row["client_ids"]) == 1:
        return clients.get(row["client_ids"][0]) or ""
    return " & ".join(filter(None, map(clients.get, sorted(row["client_ids"]))))


def _grouped(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    return (list(group) for _, group in groupby(rows, key=itemgetter("id")))


def _place(row: dict[str, Any]) -> str | None:
    if row["mode"] == "video":
        return "Video"
    address = row["address"] if row["address"] and not row["hide_address"] else dict[str, str]()
    parts = [row["location"], *(address.get(name) for name in _ADDRESS)]
    return ", ".join(part for part in parts if part) or None


def _entry(row: dict[str, Any], summary: str, location: str | None, link: str | None, settings: Settings) -> Entry:
    return Entry(
        uid=row["uid"],
        sequence=row["sequence"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        created_at=row["created_at"],
        stamp=row["updated_at"],
        cancelled=row["state"] in ("cancelled", "late_cancelled"),
        summary=summary,
        organizer=settings.mail_from,
        location=location,
        link=link,
    )
