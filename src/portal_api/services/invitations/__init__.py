"""Invitations: issued, sent again, revoked, accepted."""

from portal_api.services.invitations.issuing import end_open, invite_client, invite_staff, secret_of

__all__ = ["end_open", "invite_client", "invite_staff", "secret_of"]
