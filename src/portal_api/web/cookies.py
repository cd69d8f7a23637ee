"""The refresh cookie for single-page applications, and its defence against forged requests (A45)."""

from typing import Any

from starlette.requests import Request

from portal_api.core.errors import Forbidden
from portal_api.web.replies import Reply

NAME = "__Host-rt"
CSRF_HEADER = "x-portal-csrf"
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"


class ForgedRequest(Forbidden):
    code, title = "csrf_refused", "This request does not come from the portal's own pages"


def deliver(answer: dict[str, Any], delivery: str) -> Any:
    """Put the refresh token where the client asked for it: the body, or a cookie that scripts cannot read."""
    if delivery == "body":
        return answer
    cookie = f"{NAME}={answer['refresh_token']}; {_ATTRIBUTES}"
    return Reply(answer | {"refresh_token": None}, {"Set-Cookie": cookie})


def forget() -> Reply:
    return Reply(None, {"Set-Cookie": f"{NAME}=; Max-Age=0; {_ATTRIBUTES}"})


def refresh_token(request: Request, given: str | None) -> str | None:
    """The token of the body, else the cookie's: that one only for our own origins and with our header."""
    if given is not None:
        return given
    cookie = request.cookies.get(NAME)
    if cookie is not None:
        _must_be_ours(request)
    return cookie


def _must_be_ours(request: Request) -> None:
    allowed = request.app.state.origins
    if request.headers.get("origin") not in allowed or request.headers.get(CSRF_HEADER) != "1":
        raise ForgedRequest("Send the exact Origin of the portal and X-Portal-Csrf: 1.")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "same-site"):
        raise ForgedRequest("The browser says that this request was made by another site.")
