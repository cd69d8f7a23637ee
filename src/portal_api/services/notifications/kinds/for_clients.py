"""What clients, and those who act for them, are told of."""

from portal_api.core.access import GrantPermission
from portal_api.integrations.mail_templates import Template
from portal_api.services.notifications import people
from portal_api.services.notifications.kinds.shapes import (
    ALWAYS,
    APPOINTMENT,
    AT_ONCE,
    CLIENTS,
    DOCUMENT,
    FORM,
    PLAN,
    SILENT,
    SOON,
    THREAD,
    Importance,
    Kind,
    Words,
    channels,
    for_clients,
    of_thread,
)


def _access(line: str, template: Template) -> Words:
    return Words(line, "/profile", template, mail_path="/sign-in")


KINDS = (
    Kind(
        key="request_answers",
        title="Answers to your appointment requests",
        audience=CLIENTS,
        importance=Importance.IMMEDIATE,
        events={
            "appointment_request.accepted": Words(
                "Your appointment request was accepted", "/appointments", "request_accepted", dated=True
            ),
            "appointment_request.accepted_at_once": Words(
                "Your appointment request was accepted", "/appointments", "request_accepted", dated=True
            ),
            "appointment_request.counter_offered": Words(
                "Another time was offered to you", "/appointment-requests", "request_counter_offered", dated=True
            ),
            "appointment_request.declined": Words("Your appointment request was declined", "/book", "request_declined"),
            "appointment_request.expired": Words("Your appointment request has expired", "/book", "request_expired"),
            "appointment_request.lapsed": Words("The time that you asked for is gone", "/book", "request_lapsed"),
        },
        recipients=people.asker,
        channels=channels(AT_ONCE, AT_ONCE),
        gathers=False,
        to_login=True,
    ),
    Kind(
        key="appointments",
        title="Appointments that are booked, moved or cancelled",
        audience=CLIENTS,
        importance=Importance.DIGESTIBLE,
        events={
            "appointment.booked": Words(
                "An appointment was booked", APPOINTMENT, sentence="An appointment was booked for {when}.", dated=True
            ),
            "appointment.rescheduled": Words(
                "An appointment was moved",
                APPOINTMENT,
                sentence="An appointment was moved. It is now on {when}.",
                dated=True,
            ),
            "appointment.updated": Words(
                "The place of an appointment was changed",
                APPOINTMENT,
                sentence="The place of the appointment on {when} was changed. Please look where it is now.",
                dated=True,
            ),
            "appointment.cancelled": Words(
                "An appointment was cancelled",
                APPOINTMENT,
                sentence="The appointment on {when} was cancelled.",
                dated=True,
            ),
        },
        recipients=people.coming,
        channels=channels(SOON, AT_ONCE),
        applies=for_clients,
    ),
    Kind(
        key="messages",
        title="Messages from the practice",
        audience=CLIENTS,
        importance=Importance.DIGESTIBLE,
        events={"message.sent": Words("There is a new message for you", THREAD)},
        recipients=people.correspondents,
        channels=channels(SOON, AT_ONCE),
        resource=of_thread,
    ),
    Kind(
        key="forms",
        title="Forms that wait for you",
        audience=CLIENTS,
        importance=Importance.DIGESTIBLE,
        events={
            "form.assigned": Words("There is a form for you", FORM),
            "form.reopened": Words("A form can be answered anew", FORM),
        },
        recipients=people.filling_in,
        channels=channels(SOON, AT_ONCE),
    ),
    Kind(
        key="to_sign",
        title="What waits for your signature",
        audience=CLIENTS,
        importance=Importance.DIGESTIBLE,
        events={
            "document.awaits_signature": Words("A document waits for your signature", DOCUMENT),
            "form.awaits_signature": Words("A form waits for your signature", FORM),
            "signature_request.created": Words("A document waits for your signature", DOCUMENT),
            "treatment_plan.shared": Words("A treatment plan was shared with you", PLAN),
        },
        recipients=people.asked_to_sign,
        channels=channels(SOON, AT_ONCE),
    ),
    Kind(
        key="documents",
        title="Documents that are shared with you",
        audience=CLIENTS,
        importance=Importance.DIGESTIBLE,
        events={"document.shared": Words("A document was shared with you", DOCUMENT)},
        recipients=people.family(GrantPermission.DOCUMENTS_VIEW),
        channels=channels(SOON, AT_ONCE),
    ),
    Kind(
        key="my_changes",
        title="What you wanted changed",
        audience=CLIENTS,
        importance=Importance.DIGESTIBLE,
        events={
            "client_change.accepted": Words("What you wanted changed was changed", "/profile"),
            "client_change.rejected": Words("What you wanted changed was not changed", "/profile"),
        },
        recipients=people.proposer,
        channels=channels(SOON, SILENT),
    ),
    Kind(
        key="my_insurance",
        title="Insurance that you added",
        audience=CLIENTS,
        importance=Importance.DIGESTIBLE,
        events={
            "insurance.accepted": Words("Your insurance was accepted", "/insurance"),
            "insurance.rejected": Words("Your insurance could not be accepted", "/insurance"),
        },
        recipients=people.policyholders,
        channels=channels(SOON, SILENT),
    ),
    Kind(
        key="access_for_others",
        title="What you may do for somebody else",
        audience=CLIENTS,
        importance=Importance.SECURITY,
        events={
            "guardian.access_ended": _access("Your access for somebody else has ended", "guardian_access_ended"),
            "guardian.access_narrowed": _access("You may do less for somebody else", "guardian_access_changed"),
            "guardian.permissions_changed": _access(
                "What you may do for somebody else has changed", "guardian_access_changed"
            ),
        },
        recipients=people.guardian,
        channels=channels(ALWAYS, AT_ONCE, ALWAYS),
        gathers=False,
    ),
    Kind(
        key="access_by_others",
        title="What others may do for you",
        audience=CLIENTS,
        importance=Importance.SECURITY,
        events={
            "client.came_of_age": _access("What others may do for you has changed", "sharing_changed"),
            "client.grew_older": _access("What others may do for you has changed", "sharing_changed"),
            "client.sharing_changed": _access("What others may do for you has changed", "sharing_changed"),
        },
        recipients=people.own_login,
        channels=channels(ALWAYS, AT_ONCE, ALWAYS),
        gathers=False,
    ),
)
