"""Which events become mails, to whom, and how the sending went."""

from portal_api.services.notifications import (
    auth_letters,
    guardian_letters,
    invitation_letters,
    prospects_letters,
    request_letters,
    signup_letters,
)
from portal_api.services.notifications.delivery import finish, prepare
from portal_api.services.notifications.letters import LETTERS, Letter

__all__ = [
    "LETTERS",
    "Letter",
    "auth_letters",
    "finish",
    "guardian_letters",
    "invitation_letters",
    "prepare",
    "prospects_letters",
    "request_letters",
    "signup_letters",
]
