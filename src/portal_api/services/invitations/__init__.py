"""Invitations: issued, sent again, revoked, accepted."""

from portal_api.services.invitations.issuing import invite_client, invite_staff, secret_of, withdraw_staff

__all__ = ["invite_client", "invite_staff", "secret_of", "withdraw_staff"]
