"""Signing in and out."""

from typing import Any

from starlette.requests import Request

from portal_api.routers.deps import Anyone, SessionDep, SignedInRestricted
from portal_api.schemas.auth import Login, Refresh, TokenPair
from portal_api.services.auth import login as logins
from portal_api.services.auth import sessions
from portal_api.web import cookies
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/auth", tag="auth")


@router.post("/login", response_model=TokenPair)
async def login(data: Login, session: SessionDep, visitor: Anyone) -> Any:
    """Sign in with e-mail and password, and the second factor where one is set up."""
    return cookies.deliver(await logins.login(session, visitor, data), data.delivery)


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
