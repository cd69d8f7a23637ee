"""Video rooms: who gets in is decided elsewhere; a provider says where the room is and what opens it."""

from portal_api.integrations.video.choice import VideoNotConfigured, development_video, video_provider
from portal_api.integrations.video.development import DevelopmentVideo, Pass, PassRefused
from portal_api.integrations.video.jitsi import JaaS, Jitsi
from portal_api.integrations.video.livekit import LiveKit, Presence, WebhookRefused
from portal_api.integrations.video.rooms import Seat, Ticket, VideoProvider

__all__ = [
    "DevelopmentVideo",
    "JaaS",
    "Jitsi",
    "LiveKit",
    "Pass",
    "PassRefused",
    "Presence",
    "Seat",
    "Ticket",
    "VideoNotConfigured",
    "VideoProvider",
    "WebhookRefused",
    "development_video",
    "video_provider",
]
