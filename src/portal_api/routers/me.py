"""The account that asks: its name, its password, its devices, its second factor."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    HasAppointments,
    IfMatch,
    ReaderDep,
    SessionDep,
    SignedIn,
    SignedInEnrolling,
    SignedInRestricted,
)
from portal_api.schemas.auth import (
    Accepted,
    DeviceSession,
    EmailChange,
    PasswordChange,
    RecoveryCodes,
    SecondFactorConfirm,
    SecondFactorProof,
    SecondFactorSecret,
    SecondFactorStart,
)
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.me import Home, HomeQuery, Me, MeUpdate
from portal_api.services import me
from portal_api.services.auth import email_change, second_factor
from portal_api.web.replies import Reply
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/me", tag="me")


@router.get("", response_model=Me)
async def get_me(reader: ReaderDep, principal: SignedInRestricted) -> Any:
    """The caller's account, with its roles and the clients that it may act for."""
    return await me.get(reader, principal)


@router.patch("", response_model=Me)
async def update_me(data: MeUpdate, session: SessionDep, principal: SignedIn, if_match: IfMatch) -> Any:
    """Change the caller's own name."""
    return await me.update(session, principal, data, if_match)


@router.get("/home", response_model=Home)
async def get_home(query: Annotated[HomeQuery, Query()], reader: ReaderDep, principal: HasAppointments) -> Any:
    """What a client's portal shows first: the people, and their next appointment."""
    return Reply(await me.home(reader, principal, query), tagged=True)


@router.put("/password", status_code=204, response_model=None)
async def change_password(data: PasswordChange, session: SessionDep, principal: SignedInRestricted) -> Any:
    """Choose another password. Every other session of the account ends."""
    await me.change_password(session, principal, data)


@router.post("/email", status_code=202, response_model=Accepted)
async def change_email(data: EmailChange, session: SessionDep, principal: SignedIn) -> Any:
    """Ask for another e-mail address: it takes effect with the link that is mailed there."""
    await email_change.request(session, principal, data)
    return Accepted(detail="If the address can be used, a link to confirm it is on its way.")


@router.get("/sessions", response_model=Page[DeviceSession])
async def list_sessions(query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: SignedIn) -> Any:
    """Where the account is signed in."""
    return await me.page_sessions(reader, principal, query)


@router.delete("/sessions", status_code=204, response_model=None)
async def end_other_sessions(session: SessionDep, principal: SignedIn) -> Any:
    """Sign out everywhere but here."""
    await me.end_other_sessions(session, principal)


@router.delete("/sessions/{session_id}", status_code=204, response_model=None)
async def end_session(session_id: UUID, session: SessionDep, principal: SignedIn) -> Any:
    """Sign one device out, effective on its next request."""
    await me.end_session(session, principal, session_id)


@router.post("/second-factor", response_model=SecondFactorSecret)
async def start_second_factor(data: SecondFactorStart, session: SessionDep, principal: SignedInEnrolling) -> Any:
    """Get a secret for an authenticator app. It counts once a code of it is confirmed."""
    return await second_factor.begin(session, principal, data.password)


@router.post("/second-factor/confirm", response_model=RecoveryCodes)
async def confirm_second_factor(data: SecondFactorConfirm, session: SessionDep, principal: SignedInEnrolling) -> Any:
    """Switch the second factor on with a first code. The recovery codes are shown this once."""
    return await second_factor.confirm(session, principal, data.otp)


@router.delete("/second-factor", status_code=204, response_model=None)
async def remove_second_factor(data: SecondFactorProof, session: SessionDep, principal: SignedIn) -> Any:
    """Switch the second factor off. Every other session of the account ends."""
    await second_factor.remove(session, principal, data.password, data.otp)


@router.post("/second-factor/recovery-codes", response_model=RecoveryCodes)
async def renew_recovery_codes(data: SecondFactorProof, session: SessionDep, principal: SignedIn) -> Any:
    """Replace the recovery codes; the new ones are shown this once."""
    return await second_factor.renew_codes(session, principal, data.password, data.otp)
