"""Who provides video, by the settings: a service, the development page, or nobody."""

from portal_api.core.config import Settings
from portal_api.core.errors import Conflict
from portal_api.core.sealing import Vault
from portal_api.integrations.video.development import DevelopmentVideo
from portal_api.integrations.video.jitsi import JaaS, Jitsi
from portal_api.integrations.video.livekit import LiveKit
from portal_api.integrations.video.rooms import VideoProvider


class VideoNotConfigured(Conflict):
    code, title = "video_not_configured", "This installation has no video provider"


def video_provider(settings: Settings) -> VideoProvider:
    """The provider that the settings name. Raises VideoNotConfigured in production where they name none."""
    url, key, secret = settings.video_url, settings.video_key, settings.video_secret_text
    match settings.video_provider:
        case "livekit":
            return LiveKit(url, key, secret)
        case "jitsi":
            return Jitsi(url, key, secret)
        case "jaas":
            return JaaS(url, key, secret)
        case _ if not settings.is_production:
            return DevelopmentVideo(settings.public_url, Vault(settings.master_key))
    raise VideoNotConfigured("Ask whoever runs this installation to set PORTAL_VIDEO_PROVIDER.")


def development_video(settings: Settings) -> DevelopmentVideo | None:
    """The provider whose rooms are a page of our own, if it is the one."""
    if settings.video_provider or settings.is_production:
        return None
    provider = video_provider(settings)
    assert isinstance(provider, DevelopmentVideo)  # noqa: S101 - the last case above
    return provider
