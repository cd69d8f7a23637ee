"""Who is told of which type of event.

A type that has no entry is told to nobody, and counts as one that may change what people see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from portal_api.core.access import Feature, GrantPermission, Permission
from portal_api.core.db import Row
from portal_api.services.stream.log import Happening
from portal_api.services.stream.rules import (
    Clients,
    Rule,
    acting,
    calendar,
    caseload,
    forms_of_clients,
    holders,
    nobody,
    of_documents,
    of_inboxes,
    own_or_actors,
    plans_of_clients,
    put_forward,
    threads_of_clients,
    threads_of_staff,
)
from portal_api.services.stream.viewers import Viewer

P, G = Permission, GrantPermission


@dataclass(frozen=True, slots=True)
class Audience:
    """staff, clients: the rule for each kind of account. moves: what people may see can be another afterwards."""

    staff: Rule
    clients: Rule
    moves: bool = False


def _signed(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
    """As what was signed."""
    audience = {"form_assignment": _form, "document": _document, "treatment_plan": _plan}.get(event.resource_type or "")
    if audience is None:
        return None
    return (audience.clients if viewer.principal.is_client else audience.staff)(viewer, event, subject)


_appointment = Audience(calendar(P.APPOINTMENTS_READ, P.APPOINTMENTS_READ_ALL), acting(G.APPOINTMENTS_VIEW))
_request = Audience(
    put_forward(calendar(P.APPOINTMENTS_READ, P.APPOINTMENTS_WRITE_ALL)),
    put_forward(acting(feature=Feature.APPOINTMENT_REQUESTS)),
)
_waiting_room = Audience(calendar(P.VIDEO_HOST, None), nobody)
_client = Audience(caseload(P.CLIENTS_READ), acting(), moves=True)
_document = Audience(caseload(P.DOCUMENTS_READ), of_documents)
_form = Audience(caseload(P.FORMS_READ), forms_of_clients)
_plan = Audience(caseload(P.TREATMENT_PLANS_READ), plans_of_clients)
_thread = Audience(threads_of_staff, threads_of_clients)
_insurance = Audience(caseload(P.INSURANCE_READ), own_or_actors)
_onboarding = Audience(caseload(P.ONBOARDING_READ), acting())
_template = Audience(holders(P.FORM_TEMPLATES_READ), nobody)
_alert = Audience(caseload(P.SAFETY_ALERTS_READ), nobody)
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
        "appointment_request.accepted_at_once",
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
        "document.written",
    ),
    **_all(
        _document,
        "document.awaits_cosignature",
        "document.awaits_signature",
        "document.declined",
        "document.signed",
        "signature_request.cancelled",
        "signature_request.created",
    ),
    **_all(
        _form,
        "form.assigned",
        "form.awaits_cosignature",
        "form.awaits_signature",
        "form.consent_withdrawn",
        "form.declined",
        "form.expired",
        "form.locked",
        "form.reopened",
        "form.saved",
        "form.signed",
        "form.started",
        "form.submitted",
        "form.updated",
        "form.withdrawn",
    ),
    **_all(
        _template,
        "form_template.archived",
        "form_template.created",
        "form_template.draft_discarded",
        "form_template.published",
        "form_template.restored",
        "form_template.updated",
    ),
    **_all(
        _plan,
        "treatment_plan.created",
        "treatment_plan.declined",
        "treatment_plan.discontinued",
        "treatment_plan.revised",
        "treatment_plan.shared",
        "treatment_plan.signed",
        "treatment_plan.submitted_for_review",
        "treatment_plan.updated",
    ),
    "signature.given": Audience(_signed, _signed),
    **_all(
        _thread,
        "message.edited",
        "message.retracted",
        "message.sent",
        "thread.attended",
        "thread.joined",
        "thread.left",
        "thread.read",
        "thread.unattended",
    ),
    **_all(Audience(holders(P.MESSAGES_READ), nobody), "out_of_office.ended", "out_of_office.set"),
    "messaging_policy.updated": Audience(holders(P.PRACTICE_READ), nobody),
    **_all(
        _insurance,
        "insurance.accepted",
        "insurance.added",
        "insurance.rejected",
        "insurance.updated",
        "insurance.withdrawn",
    ),
    **_all(
        Audience(caseload(P.CLIENTS_READ), own_or_actors),
        "client_change.accepted",
        "client_change.proposed",
        "client_change.rejected",
    ),
    **_all(
        _onboarding,
        "onboarding.completed",
        "onboarding.given",
        "onboarding.step_reset",
        "onboarding.step_saved",
        "onboarding.step_skipped",
    ),
    "onboarding.updated": Audience(holders(P.ONBOARDING_READ), nobody),
    **_all(_alert, "safety_alert.acknowledged", "safety_alert.escalated", "safety_alert.raised"),
    "contact_consent.set": Audience(caseload(P.CLIENTS_READ), nobody),
    **_all(Audience(of_inboxes, of_inboxes), "notification.created", "notification.read"),
    "mail.bounced": Audience(holders(P.NOTIFICATION_LOG_READ), nobody),
    **_all(
        _guardian,
        "custody.updated",
        "guardian.access_ended",
        "guardian.access_narrowed",
        "guardian.added",
        "guardian.change_ahead",
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
    **_all(_waiting_room, "video.joined", "video.left", "video.removed", "video.waiting"),
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
        "documents.downloaded",
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
        "notification_preferences.updated",
        "practice.registered",
        "practice_document.viewed",
        "preview.begun",
        "preview.read",
        "push_subscription.added",
        "push_subscription.removed",
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
    _, identity = event.shown
    return rule(viewer, event, subjects.get(identity) if identity is not None else None)


def is_told(viewer: Viewer, event: Happening, subjects: Mapping[UUID, Row]) -> bool:
    return told(viewer, event, subjects) is not None
