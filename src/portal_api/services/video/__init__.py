"""Video sessions: who gets in, who waits, who is there."""

from portal_api.services.video.joining import join_as_client, join_as_host
from portal_api.services.video.presence import livekit_reported, report
from portal_api.services.video.removing import remove
from portal_api.services.video.waiting import admit, page

__all__ = ["admit", "join_as_client", "join_as_host", "livekit_reported", "page", "remove", "report"]
