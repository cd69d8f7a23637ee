"""Client records."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanCreateClients,
    CanReadClients,
    CanReadInvitations,
    CanWriteClients,
    CanWriteCredentials,
    CanWritePortalAccess,
    IfMatch,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.auth import DeviceSession, SecondFactorReset
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.clients import (
    Client,
    ClientCreate,
    ClientFilters,
    ClientUpdate,
    Credentials,
    CredentialsSet,
    PortalAccess,
    PortalAccessUpdate,
)
from portal_api.schemas.prospects import ProspectDecision, VerifiedEmail
from portal_api.services import clients
from portal_api.services.clients import devices, portal_access
from portal_api.services.invitations import credentials
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/clients", tag="clients")


@router.get("", response_model=Page[Client])
async def list_clients(filters: Annotated[ClientFilters, Query()], reader: ReaderDep, principal: CanReadClients) -> Any:
    """The clients that the caller sees: the whole practice's, or the own caseload."""
    return await clients.page(reader, principal, filters)


@router.post("", status_code=201, response_model=Client)
async def create_client(data: ClientCreate, session: SessionDep, principal: CanCreateClients) -> Any:
    """Add a client to the practice."""
    return await clients.create(session, principal, data)


@router.get("/{client_id}", response_model=Client)
async def get_client(client_id: UUID, reader: ReaderDep, principal: CanReadClients) -> Any:
    """One client."""
    return await clients.get(reader, principal, client_id)


@router.patch("/{client_id}", response_model=Client)
async def update_client(
    client_id: UUID, data: ClientUpdate, session: SessionDep, principal: CanWriteClients, if_match: IfMatch
) -> Any:
    """Change a client's record."""
    return await clients.update(session, principal, client_id, data, if_match)


@router.post("/{client_id}/archive", response_model=Client)
async def archive_client(client_id: UUID, session: SessionDep, principal: CanWriteClients) -> Any:
    """Put a client away: nobody acts for them any more, nothing is deleted."""
    return await clients.archive(session, principal, client_id)


@router.post("/{client_id}/restore", response_model=Client)
async def restore_client(client_id: UUID, session: SessionDep, principal: CanWriteClients) -> Any:
    """Take an archived client out again."""
    return await clients.restore(session, principal, client_id)


@router.post("/{client_id}/verify-email", response_model=VerifiedEmail)
async def verify_client_email(
    client_id: UUID, session: SessionDep, principal: CanWritePortalAccess, data: ProspectDecision | None = None
) -> Any:
    """Verify the e-mail address of the client's own login for them."""
    return await clients.verify_email(session, principal, client_id, data)


@router.post("/{client_id}/reset-second-factor", status_code=204, response_model=None)
async def reset_client_second_factor(
    client_id: UUID, session: SessionDep, principal: CanWritePortalAccess, data: SecondFactorReset | None = None
) -> Any:
    """Take away the second factor of a client who has lost it. Their devices are signed out, and they are told."""
    await clients.reset_second_factor(session, principal, client_id, data)


@router.get("/{client_id}/sessions", response_model=Page[DeviceSession])
async def list_client_sessions(
    client_id: UUID, query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanWritePortalAccess
) -> Any:
    """Where the client's own login is signed in."""
    return await devices.page_sessions(reader, principal, client_id, query)


@router.delete("/{client_id}/sessions", status_code=204, response_model=None)
async def end_client_sessions(client_id: UUID, session: SessionDep, principal: CanWritePortalAccess) -> Any:
    """Sign the client out everywhere."""
    await devices.end_sessions(session, principal, client_id)


@router.delete("/{client_id}/sessions/{client_session_id}", status_code=204, response_model=None)
async def end_client_session(
    client_id: UUID, client_session_id: UUID, session: SessionDep, principal: CanWritePortalAccess
) -> Any:
    """Sign one of the client's devices out, effective on its next request."""
    await devices.end_session(session, principal, client_id, client_session_id)


@router.put("/{client_id}/credentials", response_model=Credentials)
async def set_credentials(
    client_id: UUID, data: CredentialsSet, session: SessionDep, principal: CanWriteCredentials
) -> Any:
    """Give a client a login with a starter password: for 72 hours, for one session, to be changed at once."""
    return await credentials.put(session, principal, client_id, data)


@router.get("/{client_id}/portal-access", response_model=PortalAccess)
async def get_portal_access(client_id: UUID, reader: ReaderDep, principal: CanReadInvitations) -> Any:
    """Whether the client gets into the portal, with which login, and how that came about."""
    return await portal_access.get(reader, principal, client_id)


@router.patch("/{client_id}/portal-access", response_model=PortalAccess)
async def update_portal_access(
    client_id: UUID,
    data: PortalAccessUpdate,
    session: SessionDep,
    principal: CanWritePortalAccess,
    if_match: IfMatch,
) -> Any:
    """Suspend or revoke a client's portal access, or lift a suspension. It holds from the next request on."""
    return await portal_access.update_state(session, principal, client_id, data, if_match)
