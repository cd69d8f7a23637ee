"""Requests that nobody answered in time."""

from datetime import datetime
from uuid import UUID

from portal_api.core import clock
from portal_api.core.access import ActorKind, Origin, Principal
from portal_api.core.db import Session
from portal_api.core.errors import NotFound
from portal_api.models.scheduling import HOLDING_STATES
from portal_api.services import audit
from portal_api.services.scheduling import claims
from portal_api.services.scheduling.requests import reading


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
    await session.flush()
    program = Principal(session.binding.practice_id, ActorKind.SYSTEM, Origin(request_id="", ip=""))
    clients = [request.client_id] if request.client_id else []
    about = ("appointment_request", request.id)
    await audit.record(session, program, "appointment_request.expired", resource=about, clients=clients)
    return None
