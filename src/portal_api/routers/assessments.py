"""Assessments over time, and the alerts that their answers raise."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanAcknowledgeSafetyAlerts,
    CanReadForms,
    CanReadSafetyAlerts,
    HasForms,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.assessments import (
    Assessment,
    AssessmentFilters,
    MyAssessmentFilters,
    SafetyAlert,
    SafetyAlertAcknowledgement,
    SafetyAlertFilters,
)
from portal_api.schemas.base import Page
from portal_api.services import assessments
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="assessments")


@router.get("/clients/{client_id}/assessments", response_model=Page[Assessment])
async def list_assessments(
    client_id: UUID, filters: Annotated[AssessmentFilters, Query()], reader: ReaderDep, principal: CanReadForms
) -> Any:
    """What a client's assessments came to, newest first, each with how it differs from earlier ones."""
    return await assessments.page(reader, principal, client_id, filters)


@router.get("/me/assessments", response_model=Page[Assessment])
async def list_my_assessments(
    filters: Annotated[MyAssessmentFilters, Query()], reader: ReaderDep, principal: HasForms
) -> Any:
    """What the assessments came to, newest first; without scores where the practice keeps them to itself."""
    return await assessments.page_mine(reader, principal, filters)


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
