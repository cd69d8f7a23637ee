"""People who signed up themselves, for owners and admins."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanManageProspects, ReaderDep, SessionDep
from portal_api.schemas.base import Page
from portal_api.schemas.clients import Client
from portal_api.schemas.prospects import (
    Prospect,
    ProspectAssociation,
    ProspectClient,
    ProspectDecision,
    ProspectDetail,
    ProspectFilters,
)
from portal_api.services import prospects
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/prospects", tag="prospects")


@router.get("", response_model=Page[Prospect])
async def list_prospects(
    filters: Annotated[ProspectFilters, Query()], reader: ReaderDep, principal: CanManageProspects
) -> Any:
    """Those who signed up, newest first."""
    return await prospects.page(reader, principal, filters)


@router.get("/{prospect_id}", response_model=ProspectDetail)
async def get_prospect(prospect_id: UUID, reader: ReaderDep, principal: CanManageProspects) -> Any:
    """One prospect, and the clients who may be the same person."""
    return await prospects.detail(reader, principal, prospect_id)


@router.post("/{prospect_id}/verify", response_model=Prospect)
async def verify_prospect(
    prospect_id: UUID, session: SessionDep, principal: CanManageProspects, data: ProspectDecision | None = None
) -> Any:
    """Verify the e-mail address for them."""
    return await prospects.verify(session, principal, prospect_id, data)


@router.post("/{prospect_id}/create-client", status_code=201, response_model=Client)
async def create_client_of_prospect(
    prospect_id: UUID, session: SessionDep, principal: CanManageProspects, data: ProspectClient | None = None
) -> Any:
    """Make a client of what they entered; fields of the body stand instead. The account can now act for it."""
    return await prospects.create_client(session, principal, prospect_id, data)


@router.post("/{prospect_id}/associate", response_model=Prospect)
async def associate_prospect(
    prospect_id: UUID, data: ProspectAssociation, session: SessionDep, principal: CanManageProspects
) -> Any:
    """Let their account act for a client who is known already."""
    return await prospects.associate(session, principal, prospect_id, data)


@router.post("/{prospect_id}/reject", response_model=Prospect)
async def reject_prospect(
    prospect_id: UUID, session: SessionDep, principal: CanManageProspects, data: ProspectDecision | None = None
) -> Any:
    """Turn them down; can be taken back."""
    return await prospects.reject(session, principal, prospect_id, data)


@router.post("/{prospect_id}/restore", response_model=Prospect)
async def restore_prospect(
    prospect_id: UUID, session: SessionDep, principal: CanManageProspects, data: ProspectDecision | None = None
) -> Any:
    """Take back a rejection or an expiry."""
    return await prospects.restore(session, principal, prospect_id, data)


@router.post("/{prospect_id}/dissociate", response_model=Prospect)
async def dissociate_prospect(
    prospect_id: UUID, session: SessionDep, principal: CanManageProspects, data: ProspectDecision | None = None
) -> Any:
    """Undo create-client or associate within 24 hours: the access ends, the client's record stays."""
    return await prospects.dissociate(session, principal, prospect_id, data)
