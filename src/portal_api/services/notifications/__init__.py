"""Who is told of an event, by which way, and how the sending went."""

from portal_api.services.notifications import (
    auth_letters,
    invitation_letters,
    prospects_letters,
    request_letters,
    signup_letters,
)
from portal_api.services.notifications.delivery import finish
from portal_api.services.notifications.following import follow
from portal_api.services.notifications.kinds import EVENTS
from portal_api.services.notifications.letters import LETTERS, Letter

SUBSCRIPTIONS = frozenset(LETTERS) | EVENTS
"""Types of events from which something follows."""
__all__ = [
    "LETTERS",
    "SUBSCRIPTIONS",
    "Letter",
    "auth_letters",
    "finish",
    "follow",
    "invitation_letters",
    "prospects_letters",
    "request_letters",
    "signup_letters",
]
