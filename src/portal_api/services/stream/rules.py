"""Rules of who is told of an event: those by which the lists decide who reads its object."""

from collections.abc import Callable
from uuid import UUID

from portal_api.core.access import Feature, GrantPermission, Permission
from portal_api.core.db import Row
from portal_api.models.messages import AUDIENCE_ROLES, ThreadAudience
from portal_api.services.stream.log import Happening
from portal_api.services.stream.viewers import Viewer

P, G = Permission, GrantPermission
Clients = frozenset[UUID]
Rule = Callable[[Viewer, Happening, Row | None], Clients | None]
"""Of which clients a caller is told that this happened; None: they are not told of it."""


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


def put_forward(rule: Rule) -> Rule:
    """Requests of which the practice knows: of others nobody is told."""

    def known_of(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
        known = subject is not None and subject["requested_at"] is not None
        return rule(viewer, event, subject) if known else None

    return known_of


def of_documents(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
    """Those who uploaded it; those who look at documents, if it is shared, or was until this (F9.M5)."""
    facts = subject if subject is not None else event.details
    account_id = viewer.principal.account_id
    if account_id is not None and str(facts.get("uploaded_by")) == str(account_id):
        return event.clients & viewer.clients or None
    was_shared = event.type == "document.unshared" or facts.get("shared_at") is not None
    gone_before = facts.get("withdrawn_at") is not None and event.type != "document.withdrawn"
    return acting(G.DOCUMENTS_VIEW)(viewer, event, facts) if was_shared and not gone_before else None


def own_or_actors(viewer: Viewer, event: Happening, _subject: Row | None) -> Clients | None:
    """The client, and whoever of those who act for them did it: what others gave the practice is not theirs (F6.M3)."""
    did_it = event.actor_id is not None and event.actor_id == viewer.principal.account_id
    return event.clients & (viewer.clients if did_it else viewer.acting(own=True)) or None


def threads_of_staff(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
    """Who takes part, and who sees the client, of the roles that the thread is for (F12.M2); all of those roles, while
    nobody takes part, and once more when somebody does.
    """
    if subject is None or not viewer.may(P.MESSAGES_READ):
        return None
    audience, principal = ThreadAudience(subject["audience"]), viewer.principal
    inside = principal.account_id in subject["participants"]
    everyones = viewer.may(P.CLIENTS_READ_ALL) and audience is not ThreadAudience.CLINICAL
    waits = subject["unattended_since"] is not None or event.type == "thread.attended"
    seen = inside or everyones or waits or not event.clients.isdisjoint(viewer.clients)
    left = event.type == "thread.left" and event.details.get("staff_id") == str(principal.staff_id)
    return event.clients if left or (seen and AUDIENCE_ROLES[audience] & principal.roles) else None


def threads_of_clients(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
    """The client's own for the client, a guardian's for that guardian (F12.M9)."""
    if subject is None:
        return None
    whose = subject["guardian_account_id"]
    if whose is not None and whose != viewer.principal.account_id:
        return None
    return event.clients & viewer.acting(feature=Feature.SECURE_MESSAGING, own=whose is None) or None


def of_inboxes(viewer: Viewer, event: Happening, _subject: Row | None) -> Clients | None:
    """Those in whose inbox it stands; whose matter it is, the inbox says."""
    told = event.details.get("notifications", {})
    return frozenset() if str(viewer.principal.account_id) in told else None


def plans_of_clients(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
    """Whoever looks at documents or signs forms for the client, of a plan that was once put before them."""
    if subject is None or not subject["shared"]:
        return None
    return acting(G.DOCUMENTS_VIEW)(viewer, event, subject) or acting(G.FORMS_SIGN)(viewer, event, subject)


def forms_of_clients(viewer: Viewer, event: Happening, subject: Row | None) -> Clients | None:
    """Whoever fills forms in or signs them, unless it is for somebody else among them."""
    if subject is None or subject["account_id"] not in (None, viewer.principal.account_id):
        return None
    return acting(G.FORMS_COMPLETE)(viewer, event, subject) or acting(G.FORMS_SIGN)(viewer, event, subject)
