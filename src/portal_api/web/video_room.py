"""The development video room in the browser: it shows who would be there. Added outside production only."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from portal_api.core.access import Principal
from portal_api.core.db import Binding
from portal_api.core.errors import Unauthenticated
from portal_api.core.tools import Tools
from portal_api.integrations.video import DevelopmentVideo, Pass, PassRefused
from portal_api.integrations.video.development import PAGE
from portal_api.services.video import presence
from portal_api.web.replies import JSON, encode

T = TypeVar("T")
# The page's own script talks to the page's own addresses, and to nothing else.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
FILES = Path(__file__).parent / "static" / "video"


def video_routes(video: DevelopmentVideo) -> list[Route]:
    """`/dev/video` for people; what its script asks lies below it, each time with its secret as a bearer token."""

    async def connect(request: Request) -> Response:
        """Show a ticket: whoever holds one that has not expired is connected."""
        who, secret = _accepted(video.connect, request)
        return _json({**await _look(request, who), "connection": secret})

    async def look(request: Request) -> Response:
        """Stay, and see who else is there."""
        return _json(await _look(request, _accepted(video.connected, request)))

    async def leave(request: Request) -> Response:
        who = _accepted(video.connected, request)
        async with _tools(request).database.session(Binding.system(who.practice_id)) as session:
            await presence.leave(session, _program(request, who), who.participant_id, who.connection)
        return Response(status_code=204)

    return [
        Route(PAGE, _file("index.html"), include_in_schema=False),
        Route(f"{PAGE}/room.js", _file("room.js"), include_in_schema=False),
        Route(f"{PAGE}/room.css", _file("room.css"), include_in_schema=False),
        Route(f"{PAGE}/connections", connect, methods=["POST"], include_in_schema=False),
        Route(f"{PAGE}/people", look, methods=["POST"], include_in_schema=False),
        Route(f"{PAGE}/departure", leave, methods=["POST"], include_in_schema=False),
    ]


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def show(_request: Request) -> Response:
        return FileResponse(FILES / name, headers=HEADERS)

    return show


async def _look(request: Request, who: Pass) -> dict[str, Any]:
    async with _tools(request).database.session(Binding.system(who.practice_id)) as session:
        return await presence.look(session, _program(request, who), who.participant_id, who.connection)


def _program(request: Request, who: Pass) -> Principal:
    """What happens here is reported by the program, as a provider would report it."""
    return Principal.program(who.practice_id, request.scope["state"]["origin"])


def _tools(request: Request) -> Tools:
    tools: Tools = request.app.state.tools
    return tools


def _accepted(read: Callable[[str], T], request: Request) -> T:
    """What the bearer token says. Raises Unauthenticated."""
    try:
        return read(request.headers.get("authorization", "").removeprefix("Bearer "))
    except PassRefused as error:
        raise Unauthenticated(str(error)) from None


def _json(content: dict[str, Any]) -> Response:
    return Response(encode(content), media_type=JSON, headers=HEADERS)
