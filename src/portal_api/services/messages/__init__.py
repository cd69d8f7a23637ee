"""Secure messages (F12)."""

from portal_api.services.messages.reading import unread_of
from portal_api.services.messages.recipients import accounts_of

__all__ = ["accounts_of", "unread_of"]
