"""The cookies of single-page applications, and their defence against forged requests (A45)."""

from typing import Any

from starlette.requests import Request

from portal_api.core.errors import Forbidden
from portal_api.web.replies import Reply

NAME = "__Host-rt"
DEVICE = "__Host-device"
DEVICE_SECONDS = 365 * 24 * 3600
CSRF_HEADER = "x-portal-csrf"
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"


class ForgedRequest(Forbidden):
    code, title = "csrf_refused", "This request does not come from the portal's own pages"


def deliver(answer: dict[str, Any], delivery: str) -> Any:
    """Put the secrets where the client asked for them: the body, or cookies that scripts cannot read."""
    if delivery == "body":
        return answer
    cookies = [f"{NAME}={answer['refresh_token']}; {_ATTRIBUTES}"]
    if answer["device_token"] is not None:
        cookies.append(f"{DEVICE}={answer['device_token']}; Max-Age={DEVICE_SECONDS}; {_ATTRIBUTES}")
    return Reply(answer | {"refresh_token": None, "device_token": None}, {"Set-Cookie": "\n".join(cookies)})


def forget() -> Reply:
    return Reply(None, {"Set-Cookie": f"{NAME}=; Max-Age=0; {_ATTRIBUTES}"})


def device_token(request: Request, given: str | None) -> str | None:
    """The token of the body, else the cookie's. It opens nothing, so any page may cause it to be sent."""
    return given or request.cookies.get(DEVICE)


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
