"""Looking at the portal through a client's eyes (F16)."""

from portal_api.services.previews.beginning import begin
from portal_api.services.previews.looking import PreviewReadsOnly, principal

__all__ = ["PreviewReadsOnly", "begin", "principal"]
