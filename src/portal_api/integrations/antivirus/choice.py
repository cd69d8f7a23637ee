"""Who looks for malware, by PORTAL_ANTIVIRUS_URL: a daemon, or nobody."""

from urllib.parse import urlsplit

from portal_api.core.config import Settings
from portal_api.integrations.antivirus.clamd import Clamd
from portal_api.integrations.antivirus.scanning import Scanner

PORT = 3310


def scanner(settings: Settings) -> Scanner | None:
    """clamd://host:port or clamd:///run/clamav/clamd.ctl; None where none is named. Raises ValueError."""
    if not settings.antivirus_url:
        return None
    parts = urlsplit(settings.antivirus_url)
    if parts.scheme == "clamd" and parts.hostname:
        return Clamd(host=parts.hostname, port=parts.port or PORT)
    if parts.scheme == "clamd" and parts.path:
        return Clamd(path=parts.path)
    raise ValueError("PORTAL_ANTIVIRUS_URL is clamd://host:port or clamd:///path/of/the/socket")
