"""Invitations: issued, sent again, revoked, accepted."""

from portal_api.services.invitations.accepting import accept, lookup
from portal_api.services.invitations.issuing import invite_client, invite_staff, secret_of, withdraw_staff
from portal_api.services.invitations.managing import create, page, resend, revoke
from portal_api.services.invitations.of_guardians import invite_of_age

__all__ = [
    "accept",
    "create",
    "invite_client",
    "invite_of_age",
    "invite_staff",
    "lookup",
    "page",
    "resend",
    "revoke",
    "secret_of",
    "withdraw_staff",
]
