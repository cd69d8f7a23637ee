"""One appointment, to be put into a calendar: METHOD PUBLISH, or CANCEL once it is cancelled (RFC 5546)."""

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam

from portal_api.core.access import GrantPermission, Principal
from portal_api.core.db import Read, Reader
from portal_api.core.errors import NotFound
from portal_api.integrations.calendars import Entry, Method, calendar
from portal_api.models.scheduling import Appointment, Privacy
from portal_api.services import audit
from portal_api.services.scheduling import entries
from portal_api.services.scheduling.appointments import reading

_here = Appointment.id == bindparam("appointment_id")
OF_CLIENTS = Read(entries.of_clients().where(_here))


@dataclass(frozen=True, slots=True)
class Document:
    method: Method
    content: bytes


async def for_staff(reader: Reader, principal: Principal, appointment_id: UUID) -> Document:
    """Raises NotFound for an appointment on a calendar that the caller does not see."""
    read = _of_staff(reading.sees_all(principal))
    rows = await reader.rows(read, appointment_id=appointment_id, staff_id=principal.staff_id)
    if not rows:
        raise NotFound
    audit.viewed(reader, principal, "appointment.exported", rows[0]["client_ids"])
    return _document(*await entries.for_staff(reader, rows, Privacy.INITIALS, reader.tools.settings))


async def for_client(reader: Reader, principal: Principal, appointment_id: UUID) -> Document:
    """Raises NotFound for an appointment of nobody whose appointments the caller may view."""
    viewing = [profile.client_id for profile in principal.permitted(GrantPermission.APPOINTMENTS_VIEW)]
    rows = await reader.rows(OF_CLIENTS, appointment_id=appointment_id, viewing=viewing)
    if not rows:
        raise NotFound
    settings, several = reader.tools.settings, len(viewing) > 1
    return _document(*entries.client_entries(rows, Privacy.INITIALS, settings, several=several))


def _document(entry: Entry) -> Document:
    method = Method.CANCEL if entry.cancelled else Method.PUBLISH
    return Document(method, calendar([entry], method=method))


@cache
def _of_staff(everyone: bool) -> Read:
    return Read(reading.visible(entries.of_staff().where(_here), everyone))
