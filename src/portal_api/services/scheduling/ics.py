"""One appointment, to be put into a calendar: METHOD PUBLISH, or CANCEL once it is cancelled (RFC 5546)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from portal_api.core.access import GrantPermission, Permission, Principal, Profile
from portal_api.core.db import Read, Reader
from portal_api.core.errors import NotFound
from portal_api.integrations.calendars import Entry, Method, calendar
from portal_api.models.scheduling import Appointment, Privacy
from portal_api.models.staff import Supervision
from portal_api.services import audit
from portal_api.services.scheduling import entries

_here = Appointment.id == bindparam("appointment_id")
OF_CLIENTS = Read(entries.of_clients().where(_here))


@dataclass(frozen=True, slots=True)
class Document:
    method: Method
    content: bytes


async def for_staff(reader: Reader, principal: Principal, appointment_id: UUID) -> Document:
    """Raises NotFound for an appointment on a calendar that the caller does not see."""
    everybodys = principal.may(Permission.APPOINTMENTS_READ_ALL)
    rows = await reader.rows(_of_staff(everybodys), appointment_id=appointment_id, staff_id=principal.staff_id)
    if not rows:
        raise NotFound
    audit.viewed(reader, principal, "appointment.exported", [row["client_id"] for row in rows])
    return _document(*entries.staff_entries(rows, Privacy.INITIALS, reader.tools.settings))


async def for_client(reader: Reader, principal: Principal, appointment_id: UUID) -> Document:
    """Raises NotFound for an appointment of nobody whose appointments the caller may view."""
    viewing = viewing_for(principal.profiles)
    rows = await reader.rows(OF_CLIENTS, appointment_id=appointment_id, viewing=viewing)
    if not rows:
        raise NotFound
    settings, several = reader.tools.settings, len(viewing) > 1
    return _document(*entries.client_entries(rows, Privacy.INITIALS, settings, several=several))


def viewing_for(profiles: Iterable[Profile]) -> list[UUID]:
    """The clients whose appointments an account may view (F6.M1)."""
    return [profile.client_id for profile in profiles if GrantPermission.APPOINTMENTS_VIEW in profile.permissions]


def _document(entry: Entry) -> Document:
    method = Method.CANCEL if entry.cancelled else Method.PUBLISH
    return Document(method, calendar([entry], method=method))


@cache
def _of_staff(everybodys: bool) -> Read:
    statement: Any = entries.of_staff().where(_here)
    if not everybodys:
        supervised = select(Supervision.supervised_id).where(Supervision.supervisor_id == bindparam("staff_id"))
        own = Appointment.practitioner_id == bindparam("staff_id")
        statement = statement.where(or_(own, Appointment.practitioner_id.in_(supervised.scalar_subquery())))
    return Read(statement)
