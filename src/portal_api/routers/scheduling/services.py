"""Services: what can be booked."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanReadServices, CanWriteServices, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.base import Page
from portal_api.schemas.scheduling.services import Service, ServiceCreate, ServiceFilters, ServiceUpdate
from portal_api.services.scheduling import services
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/services", tag="scheduling")


@router.get("", response_model=Page[Service])
async def list_services(
    filters: Annotated[ServiceFilters, Query()], reader: ReaderDep, principal: CanReadServices
) -> Any:
    """What can be booked. Clients see what they can book."""
    return await services.page(reader, principal, filters)


@router.post("", status_code=201, response_model=Service)
async def create_service(data: ServiceCreate, session: SessionDep, principal: CanWriteServices) -> Any:
    """Add a service."""
    return await services.create(session, principal, data)


@router.get("/{service_id}", response_model=Service)
async def get_service(service_id: UUID, reader: ReaderDep, principal: CanReadServices) -> Any:
    """One service."""
    return await services.get(reader, principal, service_id)


@router.patch("/{service_id}", response_model=Service)
async def update_service(
    service_id: UUID, data: ServiceUpdate, session: SessionDep, principal: CanWriteServices, if_match: IfMatch
) -> Any:
    """Change a service. What is booked already stays as it was booked."""
    return await services.update(session, principal, service_id, data, if_match)


@router.post("/{service_id}/archive", response_model=Service)
async def archive_service(service_id: UUID, session: SessionDep, principal: CanWriteServices) -> Any:
    """Take a service out of use: nobody books it any more."""
    return await services.archive(session, principal, service_id)


@router.post("/{service_id}/restore", response_model=Service)
async def restore_service(service_id: UUID, session: SessionDep, principal: CanWriteServices) -> Any:
    """Take an archived service into use again."""
    return await services.restore(session, principal, service_id)
