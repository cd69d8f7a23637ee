"""Requests that nobody answered in time."""

from datetime import datetime
from uuid import UUID

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.core.errors import NotFound
from portal_api.models.scheduling import HOLDING_STATES
from portal_api.services.scheduling import claims
from portal_api.services.scheduling.requests import reading
from portal_api.services.scheduling.requests.recording import recorded


async def expire(session: Session, request_id: UUID) -> datetime | None:
    """Write down that the request has expired, and give its time back.

    Returns when to look again, if it still waits for an answer: a counter-offer gives it more time.
    """
    try:
        request, _ = await reading.held(session, request_id)
    except NotFound:
        return None
    now = await clock.now(session)
    if request.state not in HOLDING_STATES:
        return None
    if request.expires_at > now:
        return request.expires_at
    request.decide("expired", now, by=None)
    await claims.release(session, request.id)
    program = Principal.program(session.binding.practice_id)
    await recorded(session, program, request, "appointment_request.expired")
    return None
