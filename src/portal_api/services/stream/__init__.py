"""Live updates: whoever is connected learns at once that something has happened that they may see."""

from portal_api.services.stream.hub import Hub
from portal_api.services.stream.listening import Listening, listen

__all__ = ["Hub", "Listening", "listen"]
