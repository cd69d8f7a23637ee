"""Who is told of which type of event: as who may read its object, in the words of the lists' own scope.

A type that has no entry is told to nobody, and counts as one that may change what people see.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from portal_api.core.access import Feature, GrantPermission, Permission
from portal_api.core.db import Row
from portal_api.services.stream.log import Happening
from portal_api.services.stream.viewers import Viewer

P, G = Permission, GrantPermission
Clients = frozenset[UUID]
Rule = Callable[[Viewer, Happening, Row | None], Clients | None]
"""Of which clients a caller is told that this happened; None: they are not told of it."""


@dataclass(frozen=True, slots=True)
class Audience:
    """staff, clients: the rule for each kind of account. moves: what people may see can be another afterwards."""

    staff: Rule
    clients: Rule
    moves: bool = False


def nobody(_viewer: Viewer, _event: Happening, _subject: Row | None) -> Clients | None:
    return None


def holders(permission: Permission) -> Rule:
    """Whoever holds the permission, and is not bound to clients of their own in it."""

    def rule(viewer: Viewer, event: Happening, _subject: Row | None) -> Clients | None:
        return event.clients if viewer.may(permission) else None

    return rule


def caseload(permission: Permission) -> Rule:
    """Whoever sees the client: everybody's, or those of their own caseload (F20.M3)."""

    def rule(viewer: Viewer, event: Happening, _subject: Row | None) -> Clients | None:
        if not viewer.may(permission):
            return None
        if viewer.may(P.CLIENTS_READ_ALL):
            return event.clients
        return event.clients & viewer.clients or None

    return rule


def calendar(permission: Permission, everyones: Permission | None) -> Rule:
    """Whoever sees the calendar: every one, or their own and those whom they supervise."""

    def rule(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
        if subject is None or not viewer.may(permission):
            return None
        seen = (everyones is not None and viewer.may(everyones)) or subject["practitioner_id"] in viewer.calendars
        return event.clients if seen else None

    return rule


def acting(permission: GrantPermission | None = None, feature: Feature | None = None) -> Rule:
    """Whoever acts for one of the clients, may do this for them, and is not kept from it as a guardian (F6.B3).

    When something becomes confidential, guardians are told once more: what they had, they find gone.
    """

    def rule(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
        hidden = subject is not None and subject.get("confidential") and "confidential" not in event.changed
        return event.clients & viewer.acting(permission, feature, own=bool(hidden)) or None

    return rule


def _put_forward(rule: Rule) -> Rule:
    """Requests of which the practice knows: of others nobody is told."""

    def put_forward(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
        known = subject is not None and subject["requested_at"] is not None
        return rule(viewer, event, subject) if known else None

    return put_forward


def _documents(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
    """Those who uploaded it; those who look at documents, if it is shared, or was until this (F9.M5)."""
    facts = subject if subject is not None else event.details
    account_id = viewer.principal.account_id
    if account_id is not None and str(facts.get("uploaded_by")) == str(account_id):
        return event.clients & viewer.clients or None
    was_shared = event.type == "document.unshared" or facts.get("shared_at") is not None
    gone_before = facts.get("withdrawn_at") is not None and event.type != "document.withdrawn"
    return acting(G.DOCUMENTS_VIEW)(viewer, event, facts) if was_shared and not gone_before else None


_appointment = Audience(calendar(P.APPOINTMENTS_READ, P.APPOINTMENTS_READ_ALL), acting(G.APPOINTMENTS_VIEW))
_request = Audience(
    _put_forward(calendar(P.APPOINTMENTS_READ, P.APPOINTMENTS_WRITE_ALL)),
    _put_forward(acting(feature=Feature.APPOINTMENT_REQUESTS)),
)
_waiting_room = Audience(calendar(P.VIDEO_HOST, None), nobody)
_client = Audience(caseload(P.CLIENTS_READ), acting(), moves=True)
_document = Audience(caseload(P.DOCUMENTS_READ), _documents)
_invitation = Audience(caseload(P.INVITATIONS_READ), nobody, moves=True)
_guardian = Audience(caseload(P.GUARDIANS_READ), nobody, moves=True)
_prospect = Audience(holders(P.PROSPECTS_MANAGE), nobody, moves=True)
_staff = Audience(holders(P.STAFF_READ), nobody, moves=True)
_portal = Audience(holders(P.PORTAL_READ), nobody, moves=True)
_to_nobody = Audience(nobody, nobody)
_quietly = Audience(nobody, nobody, moves=True)
"""Nobody is told, but who sees what may be another: sessions that ended, passwords that were changed."""


def _all(audience: Audience, *types: str) -> dict[str, Audience]:
    return dict.fromkeys(types, audience)


AUDIENCES: Mapping[str, Audience] = {
    **_all(
        _appointment,
        "appointment.attended",
        "appointment.booked",
        "appointment.cancelled",
        "appointment.checked_in",
        "appointment.missed",
        "appointment.reopened",
        "appointment.rescheduled",
        "appointment.updated",
    ),
    **_all(
        _request,
        "appointment_request.accepted",
        "appointment_request.counter_offer_accepted",
        "appointment_request.counter_offer_declined",
        "appointment_request.counter_offered",
        "appointment_request.created",
        "appointment_request.declined",
        "appointment_request.expired",
        "appointment_request.updated",
        "appointment_request.withdrawn",
    ),
    **_all(
        _client,
        "client.archived",
        "client.came_of_age",
        "client.created",
        "client.grew_older",
        "client.restored",
        "client.sharing_changed",
        "client.updated",
        "portal_access.changed",
    ),
    "clients.reassigned": Audience(holders(P.CLIENTS_READ_ALL), nobody, moves=True),
    **_all(
        _document,
        "document.deleted",
        "document.disposed",
        "document.examined",
        "document.quarantined",
        "document.rejected",
        "document.shared",
        "document.unshared",
        "document.updated",
        "document.uploaded",
        "document.viewed",
        "document.withdrawn",
    ),
    **_all(
        _guardian,
        "custody.updated",
        "guardian.access_ended",
        "guardian.access_narrowed",
        "guardian.added",
        "guardian.extended",
        "guardian.joined",
        "guardian.permissions_changed",
        "guardian.removed",
        "guardian.updated",
    ),
    **_all(_invitation, "invitation.accepted", "invitation.created", "invitation.resent", "invitation.revoked"),
    **_all(
        _prospect,
        "prospect.associated",
        "prospect.converted",
        "prospect.created",
        "prospect.dissociated",
        "prospect.expired",
        "prospect.rejected",
        "prospect.restored",
        "prospect.verified",
    ),
    **_all(
        _staff,
        "staff.invitation_resent",
        "staff.invited",
        "staff.removed",
        "staff.restored",
        "staff.suspended",
        "staff.updated",
    ),
    **_all(_portal, "portal.disabled", "portal.enabled", "portal.link_changed", "portal.updated"),
    "age_transitions.updated": Audience(holders(P.PRACTICE_READ), nobody, moves=True),
    "appointment_series.created": _to_nobody,  # each of its appointments is an event of its own
    "availability.replaced": Audience(holders(P.AVAILABILITY_READ), nobody),
    "document_settings.updated": Audience(holders(P.PRACTICE_READ), nobody),
    "features.updated": Audience(holders(P.FEATURES_READ), nobody, moves=True),
    **_all(
        Audience(holders(P.PRACTICE_READ), nobody),
        "practice_document.created",
        "practice_document.deleted",
        "practice_document.updated",
    ),
    "practice.updated": Audience(holders(P.PRACTICE_READ), nobody),
    "reminders.updated": Audience(holders(P.PRACTICE_READ), nobody),
    **_all(
        Audience(holders(P.LOCATIONS_READ), nobody),
        "location.archived",
        "location.created",
        "location.restored",
        "location.updated",
        "room.archived",
        "room.created",
        "room.updated",
    ),
    **_all(
        Audience(holders(P.SERVICES_READ), nobody),
        "service.archived",
        "service.created",
        "service.restored",
        "service.updated",
    ),
    **_all(Audience(holders(P.AVAILABILITY_READ), nobody), "time_off.created", "time_off.removed"),
    **_all(_waiting_room, "video.joined", "video.left", "video.waiting"),
    "video.admitted": Audience(calendar(P.VIDEO_HOST, None), acting(G.VIDEO_JOIN, Feature.VIDEO)),
    **_all(
        _quietly,
        "account.updated",
        "credentials.set",
        "email.changed",
        "email.reverted",
        "email.verified",
        "email.vouched",
        "password.changed",
        "password.reset",
        "second_factor.codes_renewed",
        "second_factor.disabled",
        "second_factor.enabled",
        "second_factor.reset",
        "session.ended",
        "session.token_reused",
        "sessions.ended",
    ),
    **_all(
        _to_nobody,
        "access.denied",
        "appointment.exported",
        "appointment_request.held",
        "appointment_request.lapsed",
        "busy_calendar.added",
        "busy_calendar.failing",
        "busy_calendar.removed",
        "calendar_feed.created",
        "calendar_feed.read",
        "calendar_feed.removed",
        "calendar_feed.rotated",
        "calendar_feed.updated",
        "email_change.requested",
        "email_revert.requested",
        "email_verification.asked",
        "email_verification.requested",
        "invitation.identity_check_failed",
        "login.failed",
        "login.new_device",
        "login.succeeded",
        "password_reset.asked",
        "password_reset.requested",
        "practice.registered",
        "practice_document.viewed",
        "reminder_preference.set",
        "session.reauthenticated",
        "signup.repeated",
        "video.entry_granted",
    ),
}
UNKNOWN = _quietly


def audience_of(type: str) -> Audience:
    return AUDIENCES.get(type, UNKNOWN)


def told(viewer: Viewer, event: Happening, subjects: Mapping[UUID, Row]) -> Clients | None:
    """Of which clients the caller is told that this happened; None: they are not told of it."""
    audience = audience_of(event.type)
    rule = audience.clients if viewer.principal.is_client else audience.staff
    return rule(viewer, event, subjects.get(event.resource_id) if event.resource_id is not None else None)


def is_told(viewer: Viewer, event: Happening, subjects: Mapping[UUID, Row]) -> bool:
    return told(viewer, event, subjects) is not None
