"""Invitations: staff send them, their holders accept them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    Anyone,
    CanReadInvitations,
    CanWriteInvitations,
    HasInvitations,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.auth import TokenPair
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.invitations import (
    AcceptedProfile,
    Invitation,
    InvitationAccept,
    InvitationCreate,
    InvitationLookup,
    InvitationOffer,
    MyInvitationAccept,
)
from portal_api.services import invitations
from portal_api.services.invitations import signed_in
from portal_api.web import cookies
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="invitations")


@router.get("/clients/{client_id}/invitations", response_model=Page[Invitation])
async def list_invitations(
    client_id: UUID, page: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanReadInvitations
) -> Any:
    """A client's invitations with their state and how the mail fared, newest first."""
    return await invitations.page(reader, principal, client_id, page)


@router.post("/clients/{client_id}/invitations", status_code=201, response_model=Invitation)
async def create_invitation(
    client_id: UUID, data: InvitationCreate, session: SessionDep, principal: CanWriteInvitations
) -> Any:
    """Invite a client to the portal: mails a link that works once. Older invitations of the client end."""
    return await invitations.create(session, principal, client_id, data)


@router.post("/invitations/{invitation_id}/resend", response_model=Invitation)
async def resend_invitation(invitation_id: UUID, session: SessionDep, principal: CanWriteInvitations) -> Any:
    """Mail a new link for an open or expired invitation; the older link stops working."""
    return await invitations.resend(session, principal, invitation_id)


@router.post("/invitations/{invitation_id}/revoke", response_model=Invitation)
async def revoke_invitation(invitation_id: UUID, session: SessionDep, principal: CanWriteInvitations) -> Any:
    """End an invitation before it is accepted."""
    return await invitations.revoke(session, principal, invitation_id)


@router.post("/invitations/lookup", response_model=InvitationOffer)
async def lookup_invitation(data: InvitationLookup, session: SessionDep, visitor: Anyone) -> Any:
    """What a link offers and what accepting it needs. Never uses it up."""
    return await invitations.lookup(session, visitor, data)


@router.post("/invitations/accept", response_model=TokenPair)
async def accept_invitation(data: InvitationAccept, session: SessionDep, visitor: Anyone) -> Any:
    """Accept an invitation, once, and be signed in."""
    return cookies.deliver(await invitations.accept(session, visitor, data), data.delivery)


@router.post("/me/invitations/accept", response_model=AcceptedProfile)
async def accept_my_invitation(data: MyInvitationAccept, session: SessionDep, principal: HasInvitations) -> Any:
    """Accept an invitation to act for one more client with the account that is signed in. Works once."""
    return await signed_in.accept(session, principal, data)
