"""The audit trail."""

from typing import Annotated, Any

from fastapi import Query

from portal_api.routers.deps import CanReadAccessHistory, CanReadAudit, ReaderDep
from portal_api.schemas.audit import AccessEntry, AccessHistoryFilters, AuditEvent, EventFilters
from portal_api.schemas.base import Page
from portal_api.services import access_history, audit
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="audit")


@router.get("/audit-events", response_model=Page[AuditEvent])
async def list_audit_events(
    filters: Annotated[EventFilters, Query()], reader: ReaderDep, principal: CanReadAudit
) -> Any:
    """Who, acting for whom, did what to what, from where, with what result; newest first. Reading it is recorded."""
    return await audit.page(reader, principal, filters)


@router.get("/me/access-history", response_model=Page[AccessEntry])
async def list_access_history(
    filters: Annotated[AccessHistoryFilters, Query()], reader: ReaderDep, principal: CanReadAccessHistory
) -> Any:
    """Who opened or changed the client's record, newest first, up to a minute ago."""
    return await access_history.page(reader, principal, filters)
