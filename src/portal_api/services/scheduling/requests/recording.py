"""Events of requests: whose they are and what happened, never what was written."""

from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.scheduling import AppointmentRequest
from portal_api.services import audit


async def recorded(session: Session, principal: Principal, request: AppointmentRequest, type: str) -> None:
    """Write the request and record what happened to it."""
    await session.flush()
    clients = [request.client_id] if request.client_id else []
    await audit.record(session, principal, type, resource=("appointment_request", request.id), clients=clients)
