"""Assessments over time, and the alerts that their answers raise."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanAcknowledgeSafetyAlerts, CanReadSafetyAlerts, ReaderDep, SessionDep
from portal_api.schemas.assessments import SafetyAlert, SafetyAlertAcknowledgement, SafetyAlertFilters
from portal_api.schemas.base import Page
from portal_api.services import assessments
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="assessments")


@router.get("/safety-alerts", response_model=Page[SafetyAlert])
async def list_safety_alerts(
    filters: Annotated[SafetyAlertFilters, Query()], reader: ReaderDep, principal: CanReadSafetyAlerts
) -> Any:
    """The alerts of the clients that the caller sees, newest first."""
    return await assessments.page_alerts(reader, principal, filters)


@router.get("/safety-alerts/{safety_alert_id}", response_model=SafetyAlert)
async def get_safety_alert(safety_alert_id: UUID, reader: ReaderDep, principal: CanReadSafetyAlerts) -> Any:
    """One alert."""
    return await assessments.get_alert(reader, principal, safety_alert_id)


@router.post("/safety-alerts/{safety_alert_id}/acknowledge", response_model=SafetyAlert)
async def acknowledge_safety_alert(
    safety_alert_id: UUID,
    session: SessionDep,
    principal: CanAcknowledgeSafetyAlerts,
    data: SafetyAlertAcknowledgement | None = None,
) -> Any:
    """Say that somebody has seen to it. It is open until then."""
    return await assessments.acknowledge(session, principal, safety_alert_id, data.note if data else None)
