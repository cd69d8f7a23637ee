"""Guardians of clients, custody, and the ages at which access changes."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanReadGuardians,
    CanReadInvitations,
    CanReadPortal,
    CanWriteGuardians,
    CanWriteInvitations,
    CanWritePortal,
    IfMatch,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.guardians import (
    AgeTransitions,
    AgeTransitionsPut,
    Custody,
    CustodyUpdate,
    Guardian,
    GuardianCreate,
    GuardianExtension,
    GuardianFilters,
    GuardianInvitationCreate,
    GuardianRemoval,
    GuardianUpdate,
    UpcomingQuery,
    UpcomingTransition,
)
from portal_api.schemas.invitations import Invitation
from portal_api.services import guardians
from portal_api.services.guardians import custody, transitions
from portal_api.services.invitations import of_guardians
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="guardians")


@router.get("/clients/{client_id}/guardians", response_model=Page[Guardian])
async def list_guardians(
    client_id: UUID, filters: Annotated[GuardianFilters, Query()], reader: ReaderDep, principal: CanReadGuardians
) -> Any:
    """Who may act for a client, how far and until when. Guardians do not learn of one another."""
    return await guardians.page(reader, principal, client_id, filters)


@router.post("/clients/{client_id}/guardians", status_code=201, response_model=Guardian)
async def create_guardian(
    client_id: UUID, data: GuardianCreate, session: SessionDep, principal: CanWriteGuardians
) -> Any:
    """Add a guardian. They act for the client once they have accepted an invitation."""
    return await guardians.create(session, principal, client_id, data)


@router.get("/clients/{client_id}/guardians/{guardian_id}", response_model=Guardian)
async def get_guardian(client_id: UUID, guardian_id: UUID, reader: ReaderDep, principal: CanReadGuardians) -> Any:
    """One guardian."""
    return await guardians.get(reader, principal, client_id, guardian_id)


@router.patch("/clients/{client_id}/guardians/{guardian_id}", response_model=Guardian)
async def update_guardian(
    client_id: UUID,
    guardian_id: UUID,
    data: GuardianUpdate,
    session: SessionDep,
    principal: CanWriteGuardians,
    if_match: IfMatch,
) -> Any:
    """Change a guardian. It holds from their next request on; both sides are told when the permissions change."""
    return await guardians.update(session, principal, client_id, guardian_id, data, if_match)


@router.delete("/clients/{client_id}/guardians/{guardian_id}", status_code=204, response_model=None)
async def delete_guardian(
    client_id: UUID,
    guardian_id: UUID,
    query: Annotated[GuardianRemoval, Query()],
    session: SessionDep,
    principal: CanWriteGuardians,
) -> Any:
    """Dissolve a guardianship: the access ends with the next request, the record stays. Safe to ask again."""
    await guardians.remove(session, principal, client_id, guardian_id, query.reason)


@router.post("/clients/{client_id}/guardians/{guardian_id}/extend", response_model=Guardian)
async def extend_guardian(
    client_id: UUID,
    guardian_id: UUID,
    data: GuardianExtension,
    session: SessionDep,
    principal: CanWriteGuardians,
) -> Any:
    """Let no age transition take anything away until the end of a day, for a reason."""
    return await guardians.extend(session, principal, client_id, guardian_id, data)


@router.get("/guardians/{guardian_id}/invitations", response_model=Page[Invitation])
async def list_guardian_invitations(
    guardian_id: UUID, page: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanReadInvitations
) -> Any:
    """A guardian's invitations with their state and how the mail fared, newest first."""
    return await of_guardians.page(reader, principal, guardian_id, page)


@router.post("/guardians/{guardian_id}/invitations", status_code=201, response_model=Invitation)
async def create_guardian_invitation(
    guardian_id: UUID,
    session: SessionDep,
    principal: CanWriteInvitations,
    data: GuardianInvitationCreate | None = None,
) -> Any:
    """Invite a guardian: mails a link that works once. Sent again and revoked like any other invitation."""
    return await of_guardians.create(session, principal, guardian_id, data)


@router.get("/clients/{client_id}/custody", response_model=Custody)
async def get_custody(client_id: UUID, reader: ReaderDep, principal: CanReadGuardians) -> Any:
    """What is settled about who decides for a client. For staff alone."""
    return await custody.get(reader, principal, client_id)


@router.patch("/clients/{client_id}/custody", response_model=Custody)
async def update_custody(
    client_id: UUID, data: CustodyUpdate, session: SessionDep, principal: CanWriteGuardians, if_match: IfMatch
) -> Any:
    """Change what is settled. A guardian with whom there must be no contact any more loses their access at once."""
    return await custody.update(session, principal, client_id, data, if_match)


@router.get("/practice/age-transitions", response_model=AgeTransitions)
async def get_age_transitions(reader: ReaderDep, principal: CanReadPortal) -> Any:
    """The ages of a client at which guardians may do less, or nothing more."""
    return await transitions.get(reader)


@router.put("/practice/age-transitions", response_model=AgeTransitions)
async def put_age_transitions(
    data: AgeTransitionsPut, session: SessionDep, principal: CanWritePortal, if_match: IfMatch
) -> Any:
    """Set the ages, as the law of the place and the practice have it. They hold from the beginning of the birthday."""
    return await transitions.put(session, principal, data, if_match)


@router.get("/age-transitions", response_model=Page[UpcomingTransition])
async def list_age_transitions(
    query: Annotated[UpcomingQuery, Query()], reader: ReaderDep, principal: CanReadGuardians
) -> Any:
    """The clients for whom guardians will soon be able to do less, the next first."""
    return await transitions.page(reader, principal, query)
