"""What clients say of themselves, and what staff make of it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import CanReadClients, CanWriteClients, HasProfile, IfMatch, ReaderDep, SessionDep
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.client_information import (
    ChangeAcceptance,
    ChangeRejection,
    ClientChange,
    ClientChangeFilters,
    MyProfile,
    ProfileQuery,
    ProfileUpdate,
)
from portal_api.services import client_information
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="client_information")


@router.get("/me/profile", response_model=MyProfile)
async def get_my_profile(query: Annotated[ProfileQuery, Query()], reader: ReaderDep, principal: HasProfile) -> Any:
    """The chart of the caller, or of a child, with the caller's own changes that staff have not decided on."""
    return await client_information.mine.get(reader, principal, query.client_id)


@router.patch("/me/profile", response_model=MyProfile)
async def update_my_profile(
    query: Annotated[ProfileQuery, Query()],
    data: ProfileUpdate,
    session: SessionDep,
    principal: HasProfile,
    if_match: IfMatch,
) -> Any:
    """Change the chart. What the practice reviews is `pending` until staff accept it."""
    return await client_information.mine.update(session, principal, query.client_id, data, if_match)


@router.get("/client-changes", response_model=Page[ClientChange])
async def list_client_changes(
    filters: Annotated[ClientChangeFilters, Query()], reader: ReaderDep, principal: CanReadClients
) -> Any:
    """What clients want changed and nobody has decided on, oldest first."""
    return await client_information.review.page(reader, principal, filters)


@router.get("/clients/{client_id}/changes", response_model=Page[ClientChange])
async def list_changes_of_client(
    client_id: UUID, query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanReadClients
) -> Any:
    """What a client has wanted changed, decided or not, newest first."""
    return await client_information.review.page_of(reader, principal, client_id, query)


@router.get("/client-changes/{change_id}", response_model=ClientChange)
async def get_client_change(change_id: UUID, reader: ReaderDep, principal: CanReadClients) -> Any:
    """What one person wants changed in one chart, beside what the chart says now."""
    return await client_information.review.get(reader, principal, change_id)


@router.post("/client-changes/{change_id}/accept", response_model=ClientChange)
async def accept_client_change(
    change_id: UUID,
    session: SessionDep,
    principal: CanWriteClients,
    if_match: IfMatch,
    data: ChangeAcceptance | None = None,
) -> Any:
    """Put what the client wants into the chart: the fields that are named, or all that are open."""
    return await client_information.review.accept(session, principal, change_id, data or ChangeAcceptance(), if_match)


@router.post("/client-changes/{change_id}/reject", response_model=ClientChange)
async def reject_client_change(
    change_id: UUID,
    session: SessionDep,
    principal: CanWriteClients,
    if_match: IfMatch,
    data: ChangeRejection | None = None,
) -> Any:
    """Leave the chart as it is: for the fields that are named, or all that are open."""
    return await client_information.review.reject(session, principal, change_id, data or ChangeRejection(), if_match)
