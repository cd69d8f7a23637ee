"""How appointments end: kept, missed, cancelled; and how a mark is taken back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.scheduling import Appointment
from portal_api.schemas.scheduling.appointments import AppointmentCancel
from portal_api.services.scheduling import claims
from portal_api.services.scheduling.appointments import reading
from portal_api.services.scheduling.appointments.recording import record

MARKS = {"checked_in": "checked_in", "attended": "attended", "no_show": "missed", "booked": "reopened"}
"""What is said of the state that a mark leads to."""


async def mark(session: Session, principal: Principal, appointment_id: UUID, state: str) -> dict[str, Any]:
    """Say that the client is here, came or did not come; `booked` takes that back.

    Raises NotFound, Forbidden, InvalidState.
    """
    chosen = await reading.held(session, principal, appointment_id)
    chosen[0].move(state, await clock.now(session))
    await record(session, principal, f"appointment.{MARKS[state]}", chosen)
    return await reading.get(session, appointment_id)


async def cancel(
    session: Session, principal: Principal, appointment_id: UUID, data: AppointmentCancel | None
) -> dict[str, Any]:
    """Call it off for the practice, at any time; only what staff say was late is. Raises NotFound, InvalidState.

    Of those that follow in its series, none is late: their start is farther away.
    """
    given = data or AppointmentCancel()
    first, *others = await reading.held(session, principal, appointment_id, following=given.following)
    now = await clock.now(session)
    await end(session, principal, [first], now, late=given.late, reason=given.reason)
    await end(session, principal, others, now, late=False, reason=given.reason)
    return await reading.get(session, appointment_id)


async def end(
    session: Session,
    principal: Principal,
    chosen: Sequence[Appointment],
    at: datetime,
    *,
    late: bool,
    reason: str | None,
) -> None:
    """Cancel appointments that are held, and give their time back. Raises InvalidState."""
    for appointment in chosen:
        appointment.cancel(at, principal.account_id, principal.kind, late=late, reason=reason)
        await claims.release(session, appointment.id)
    await record(session, principal, "appointment.cancelled", chosen)
