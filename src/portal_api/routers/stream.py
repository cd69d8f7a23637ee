"""Live updates."""

from typing import Annotated, Any

from fastapi import Query
from fastapi.sse import EventSourceResponse
from starlette.requests import Request

from portal_api.routers.deps import LastEventId, ReaderDep, SignedIn
from portal_api.schemas.stream import Happened, Reset, StreamQuery
from portal_api.services import stream
from portal_api.web.live import LiveAnswer
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1/stream", tag="live")


@router.get("", response_class=EventSourceResponse, response_model=None, responses={200: {"model": Happened | Reset}})
async def follow_events(
    query: Annotated[StreamQuery, Query()],
    request: Request,
    reader: ReaderDep,
    principal: SignedIn,
    last_event_id: LastEventId,
) -> Any:
    """Server-sent events: what happens, as ids and kinds, as far as the caller may see it at that moment.

    Send the token as `Authorization: Bearer` and read the body as it comes. Each event has an `id`; sent back as
    `Last-Event-ID` it brings what was missed, for a day. A `reset` means: fetch anew whatever is shown. The stream ends
    when the session does.
    """
    return LiveAnswer.of(stream.listen(request.app.state.hub, reader, principal, query, last_event_id))
