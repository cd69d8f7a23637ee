"""Every type of event there is, in one place: what it says, in words that a client may read too."""

TYPES: dict[str, str] = {
    "access.denied": "A request was refused because the caller may not do this.",
    "audit.listed": "The audit trail was read.",
    "client.archived": "A client was put away; nobody acts for them any more.",
    "client.created": "A client record was made.",
    "client.restored": "An archived client was taken out again.",
    "client.updated": "A client record was changed.",
    "client.viewed": "A client record was opened.",
    "clients.listed": "Clients were shown in a list.",
    "clients.reassigned": "Clients of a leaving staff member were given to another, or to nobody.",
    "credentials.set": "Staff gave a client a login with a starter password.",
    "email_change.requested": "A link to confirm a new e-mail address was asked for.",
    "email_revert.requested": "A link to undo a change of e-mail address was sent.",
    "email_verification.requested": "A link to verify an e-mail address was asked for.",
    "invitation.accepted": "An invitation was accepted.",
    "invitation.created": "An invitation was made and mailed.",
    "invitation.identity_check_failed": "Somebody with an invitation's link gave a wrong date of birth.",
    "invitation.resent": "An invitation was mailed again, with a new link.",
    "invitation.revoked": "An invitation was ended before it was accepted.",
    "invitations.listed": "A client's invitations were shown.",
    "login.failed": "Somebody tried to sign in and was refused.",
    "login.succeeded": "Somebody signed in.",
    "password_reset.requested": "A link to choose a new password was asked for.",
    "portal_access.changed": "A client's portal access was suspended, revoked or given back.",
    "portal_access.viewed": "The state of a client's portal access was opened.",
    "practice.registered": "A practice was registered.",
    "practice.updated": "The practice's description was changed.",
    "session.ended": "A session was ended.",
    "session.token_reused": "A refresh token was used a second time; its session was ended.",
    "staff.invitation_resent": "A staff member was mailed a new invitation.",
    "staff.invited": "A staff member was added and invited.",
    "staff.removed": "A staff member left the practice; their access ended.",
    "staff.restored": "A suspended staff member was let in again.",
    "staff.suspended": "A staff member's access was suspended.",
    "staff.updated": "A staff member's names, credentials, roles or supervision were changed.",
}
UNKNOWN = "Something happened."


def describe(type: str) -> str:
    """What an event of this type says."""
    return TYPES.get(type, UNKNOWN)
