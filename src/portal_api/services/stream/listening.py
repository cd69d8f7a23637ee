"""Listening to what happens: one connection of a caller."""

from portal_api.core.access import Principal
from portal_api.core.db import Reader
from portal_api.core.errors import Forbidden
from portal_api.schemas.stream import StreamQuery
from portal_api.services.stream.feeds import Feed, Message
from portal_api.services.stream.hub import Hub
from portal_api.services.stream.places import read_place


class NoLivePreview(Forbidden):
    code, title = "no_live_preview", "Who looks through a client's eyes has no live updates"


class Listening:
    """A feed that joins the hub when its answer begins, and leaves it when that ends."""

    __slots__ = ("_feed", "_hub", "_practice_id")

    def __init__(self, hub: Hub, principal: Principal, feed: Feed) -> None:
        self._hub = hub
        self._practice_id = principal.practice_id
        self._feed = feed

    def begin(self) -> None:
        self._hub.join(self._practice_id, self._feed)

    async def next(self) -> Message | None:
        return await self._feed.next()

    def close(self) -> None:
        self._hub.leave(self._practice_id, self._feed)


def listen(hub: Hub, reader: Reader, principal: Principal, query: StreamQuery, last_event_id: str | None) -> Listening:
    """Whatever happens from now on, or after what was read last, as far as the caller may see it.

    Raises NoLivePreview: a stream is followed by its session, and the one of a look is that of staff.
    """
    if principal.viewer_id is not None:
        raise NoLivePreview("Fetch anew what is shown.")
    vault = reader.tools.vault
    resume = (read_place(vault, principal.practice_id, last_event_id) or False) if last_event_id else True
    return Listening(hub, principal, Feed(vault, principal, resume, follow=query.follow))
