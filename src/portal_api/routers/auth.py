"""Signing in and out, and proving an address or a person by mail."""

from typing import Any

from starlette.requests import Request

from portal_api.routers.deps import Anyone, SessionDep, SignedInEnrolling, SignedInRestricted
from portal_api.schemas.auth import (
    Accepted,
    AddressAt,
    EmailVerification,
    Login,
    PasswordReset,
    Reauthentication,
    Refresh,
    Token,
    TokenPair,
)
from portal_api.services import signup
from portal_api.services.auth import asking, email_change, reauthentication, recovery, sessions
from portal_api.services.auth import login as logins
from portal_api.web import cookies
from portal_api.web.route import PortalRouter

ON_ITS_WAY = Accepted(detail="If there is such an account, a mail is on its way.")

router = PortalRouter(prefix="/v1/auth", tag="auth")


@router.post("/login", response_model=TokenPair)
async def login(data: Login, session: SessionDep, visitor: Anyone, request: Request) -> Any:
    """Sign in with e-mail and password, and the second factor where one is set up."""
    device = cookies.device_token(request, data.device_token)
    return cookies.deliver(await logins.login(session, visitor, data, device), data.delivery)


@router.post("/refresh", response_model=TokenPair)
async def refresh(data: Refresh, session: SessionDep, visitor: Anyone, request: Request) -> Any:
    """Exchange a refresh token, from the body or the cookie, for a new pair. The old one is used up."""
    token = cookies.refresh_token(request, data.refresh_token)
    return cookies.deliver(*await sessions.refresh(session, visitor, token))


@router.post("/logout", status_code=204, response_model=None)
async def logout(session: SessionDep, principal: SignedInRestricted) -> Any:
    """End this session; its tokens stop working at once."""
    await sessions.log_out(session, principal)
    return cookies.forget()


@router.post("/reauthenticate", status_code=204, response_model=None)
async def reauthenticate(data: Reauthentication, session: SessionDep, principal: SignedInEnrolling) -> Any:
    """Prove again who is asking: what answered 403 `reauthentication_required` then works for 15 minutes."""
    await reauthentication.reauthenticate(session, principal, data)


@router.post("/email-verification", status_code=204, response_model=None)
async def verify_email(data: EmailVerification, session: SessionDep, visitor: Anyone) -> Any:
    """Show that an e-mail address is one's own, by the mailed link or its code."""
    await signup.verify_email(session, visitor, data)


@router.post("/email-verification/resend", status_code=202, response_model=Accepted)
async def resend_email_verification(data: AddressAt, session: SessionDep, visitor: Anyone) -> Any:
    """Mail another link and code; those mailed before stop working."""
    await asking.for_verification(session, visitor, data)
    return ON_ITS_WAY


@router.post("/password-reset", status_code=202, response_model=Accepted)
async def ask_for_password_reset(data: AddressAt, session: SessionDep, visitor: Anyone) -> Any:
    """Mail a link for choosing a new password."""
    await asking.for_password_reset(session, visitor, data)
    return ON_ITS_WAY


@router.post("/password-reset/confirm", status_code=204, response_model=None)
async def reset_password(data: PasswordReset, session: SessionDep, visitor: Anyone) -> Any:
    """Choose a new password with the mailed link. Every session of the account ends."""
    await recovery.confirm(session, visitor, data)


@router.post("/email-change/confirm", status_code=204, response_model=None)
async def confirm_email_change(data: Token, session: SessionDep, visitor: Anyone) -> Any:
    """Take the new e-mail address, with the link that was mailed to it. Every session of the account ends."""
    await email_change.confirm(session, visitor, data.token)


@router.post("/email-change/revert", status_code=204, response_model=None)
async def revert_email_change(data: Token, session: SessionDep, visitor: Anyone) -> Any:
    """Keep or get back the former e-mail address, with the link that was mailed to it. Every session ends."""
    await email_change.revert(session, visitor, data.token)
