"""What is counted against caps: a round trip of its own each, made only where a cap is set."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import UUID as PGUUID

from portal_api.core.db import Read, Source
from portal_api.models.scheduling import (
    HOLDING_STATES,
    Appointment,
    AppointmentAttendee,
    AppointmentRequest,
    Claim,
)
from portal_api.services.scheduling.claims import LONGEST, live
from portal_api.services.scheduling.slots import wall

Count = tuple[int, bool]
"""The instant at which a claim starts, and whether it is of the service that is looked for."""

_service = bindparam("service_id", type_=PGUUID(as_uuid=True))
_client = bindparam("client_id", type_=PGUUID(as_uuid=True))
_begin, _end = (bindparam(name, type_=DateTime(timezone=True)) for name in ("begin", "end"))
STARTS = Read(
    select(Claim.practitioner_id, Claim.starts_at, (Claim.service_id == _service).label("own")).where(
        Claim.practitioner_id == bindparam("capped").any_(),
        Claim.blocked_from > _begin - literal(LONGEST),
        Claim.blocked_from < _end,
        Claim.blocked_until > _begin,
        live(),
    )
)
_booked = (
    select(func.count())
    .select_from(AppointmentAttendee)
    .join(Appointment, Appointment.id == AppointmentAttendee.appointment_id)
    .where(
        AppointmentAttendee.client_id == _client,
        AppointmentAttendee.starts_at > func.now(),
        AppointmentAttendee.account_id.is_(None),
        Appointment.service_id == _service,
        Appointment.state == "booked",
    )
    .scalar_subquery()
)
_asked = (
    select(func.count())
    .select_from(AppointmentRequest)
    .where(
        AppointmentRequest.client_id == _client,
        AppointmentRequest.service_id == _service,
        AppointmentRequest.state.in_(HOLDING_STATES),
        AppointmentRequest.expires_at > func.now(),
    )
    .scalar_subquery()
)
OPEN = Read(select((_booked + _asked).label("open")))


async def starts_of(
    source: Source, practitioner_ids: Sequence[UUID], service_id: UUID, begin: datetime, end: datetime
) -> dict[UUID, list[Count]]:
    """Where the claims of these practitioners start, by practitioner."""
    found: dict[UUID, list[Count]] = {}
    if practitioner_ids:
        values: dict[str, Any] = {"service_id": service_id, "begin": begin, "end": end}
        for row in await source.rows(STARTS, capped=list(practitioner_ids), **values):
            of_practitioner = found.setdefault(UUID(str(row["practitioner_id"])), [])
            of_practitioner.append((wall.minute_of(row["starts_at"]), bool(row["own"])))
    return found


async def open_of_client(source: Source, client_id: UUID, service_id: UUID) -> int:
    """What the client has to come of the service, requests included."""
    row = await source.row(OPEN, client_id=client_id, service_id=service_id)
    return int(row["open"]) if row else 0
