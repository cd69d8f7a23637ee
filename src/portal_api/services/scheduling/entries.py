"""Appointments as calendar entries: when, and as much of whose as was chosen; never what for (F10.M9)."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Text, bindparam, cast, func, select

from portal_api.core.config import Settings
from portal_api.core.db import Rows
from portal_api.integrations.calendars import Entry
from portal_api.models.clients import Client
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Appointment, AppointmentAttendee, Location, Privacy
from portal_api.models.staff import StaffMember

PAST, AHEAD = timedelta(days=90), timedelta(days=366)
_ADDRESS = ("line1", "line2", "postal_code", "city", "region")
_WHEN = (
    Appointment.id,
    Appointment.uid,
    Appointment.sequence,
    Appointment.state,
    Appointment.mode,
    Appointment.starts_at,
    Appointment.ends_at,
    Appointment.created_at,
    Appointment.updated_at,
    Client.id.label("client_id"),
    Client.given_name,
    Client.family_name,
    Client.preferred_name,
    Location.name.label("location"),
)


_STAFF_CHANGED = func.greatest(Appointment.updated_at, Client.updated_at, Location.updated_at)
_CLIENTS_CHANGED = func.greatest(_STAFF_CHANGED, StaffMember.updated_at, Practice.updated_at, PortalSettings.updated_at)


def of_staff() -> Rows:
    """Appointments with their clients, a row each; to be narrowed to a practitioner or to one appointment."""
    return (
        select(*_WHEN)
        .select_from(Appointment)
        .join(Client, Client.id == Appointment.client_ids.any_())
        .outerjoin(Location, Location.id == Appointment.location_id)
        .order_by(Appointment.starts_at, Appointment.id, Client.id)
    )


def of_clients() -> Rows:
    """Appointments of the clients `viewing`, a row for each of these, with the practitioner and the place."""
    hidden = Location.hide_address | Practice.hide_address
    return (
        select(
            *_WHEN,
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


def last_changes(rows: Rows, *, for_clients: bool) -> Rows:
    """Instead of the rows, one: how many there are, when the last of them changed, and the sum of when each did.

    Whatever an entry says, its change is the newest of what it is made of; so another sum is another calendar.
    """
    changed = (_CLIENTS_CHANGED if for_clients else _STAFF_CHANGED).label("changed_at")
    each = rows.with_only_columns(changed).subquery()
    at = each.c.changed_at
    return select(
        func.count().label("count"),
        func.max(at).label("last"),
        cast(func.sum(func.extract("epoch", at)), Text).label("sum"),
    ).select_from(each)


def staff_entries(rows: Iterable[dict[str, Any]], privacy: str, settings: Settings) -> Iterator[Entry]:
    """For who works in the practice: the clients, and the location by its name."""
    for appointment in _grouped(rows):
        names = " & ".join(filter(None, (_client(row, privacy) for row in appointment)))
        yield _entry(appointment[0], names or "Appointment", appointment[0]["location"], None, settings)


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
