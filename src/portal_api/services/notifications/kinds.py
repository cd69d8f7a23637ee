"""The kinds of notifications: which events they tell of, to whom, how, and what may be chosen (F14.M1).

Whatever somebody may be told of has its place here. A practice's people and its clients choose by kind, not by type of
event. The words are those of the inbox and of a line in the digest: nobody's name, nothing clinical.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from portal_api.core.access import ActorKind, GrantPermission
from portal_api.integrations.mail_templates import Template
from portal_api.models.audit import Event
from portal_api.services.notifications import people
from portal_api.services.notifications.people import Resolver

STAFF, CLIENTS = frozenset({ActorKind.STAFF}), frozenset({ActorKind.CLIENT})
EVERYBODY = STAFF | CLIENTS


class Importance(StrEnum):
    SECURITY = "security"
    """Nobody switches it off, and no quiet hours hold it back."""
    IMMEDIATE = "immediate"
    """Told at once or not at all: it is of no use the next morning."""
    DIGESTIBLE = "digestible"


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be chosen for a channel. One mode alone cannot be changed."""

    default: str
    modes: tuple[str, ...]

    @property
    def is_fixed(self) -> bool:
        return len(self.modes) == 1


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of an event.

    line: in the inbox and in a digest, without a full stop. path: where it is looked at, in the front end, with
    `{id}` for the resource. template: the mail about this event alone. sentence: what that mail says, `{when}` in it
    the time of the appointment; mail_path: where its button leads, if elsewhere.
    """

    line: str
    path: str
    template: Template = "notice"
    sentence: str | None = None
    action: str = "See it in the portal"
    mail_path: str | None = None
    dated: bool = False


def _always(_event: Event) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """applies: whether this very event is told. gathers: several within minutes become one mail and one push.

    to_login: the mail goes to the login's own address whether or not it was ever shown to be right, as its holder
    asked for what it answers, or must hear of it.
    """

    key: str
    title: str
    audience: frozenset[ActorKind]
    importance: Importance
    events: Mapping[str, Words]
    recipients: Resolver
    channels: Mapping[str, Offer]
    applies: Callable[[Event], bool] = _always
    gathers: bool = True
    to_login: bool = False

    @property
    def quiet(self) -> bool:
        """Whether quiet hours hold it back."""
        return self.importance is not Importance.SECURITY


IN_APP = Offer("immediate", ("immediate", "off"))
ALWAYS = Offer("immediate", ("immediate",))
AT_ONCE = Offer("immediate", ("immediate", "off"))
EMAIL = ("immediate", "digest", "off")
SOON = Offer("immediate", EMAIL)
DAILY = Offer("digest", EMAIL)
SILENT = Offer("off", ("immediate", "off"))


def _channels(email: Offer, push: Offer, in_app: Offer = IN_APP) -> dict[str, Offer]:
    return {"in_app": in_app, "email": email, "push": push}


def _by_client(event: Event) -> bool:
    return event.actor_kind == ActorKind.CLIENT


def _by_colleague(event: Event) -> bool:
    return event.actor_kind != ActorKind.CLIENT and _visible(event)


def _for_clients(event: Event) -> bool:
    """What came out of a request was told with the answer to it."""
    return _visible(event) and "request_id" not in event.details


def _visible(event: Event) -> bool:
    """An update of an appointment is told where it says that one has to go elsewhere."""
    return event.type != "appointment.updated" or bool({"mode", "location_id"} & set(event.changed))


_REQUEST = "/appointment-requests/{id}"
_APPOINTMENT = "/appointments/{id}"
_DOCUMENTS, _FORMS = "/documents/{id}", "/forms/{id}"


def _news(line: str, template: Template) -> Words:
    return Words(line, "/account/security", template, mail_path="/reset-password")


KINDS: tuple[Kind, ...] = (
    Kind(
        key="security",
        title="Your account's security",
        audience=EVERYBODY,
        importance=Importance.SECURITY,
        events={
            "login.new_device": _news("Your account was used on a new device", "new_device"),
            "password.changed": _news("Your password was changed", "password_changed"),
            "password.reset": _news("Your password was changed", "password_changed"),
            "second_factor.codes_renewed": _news("Your recovery codes were made anew", "second_factor_changed"),
            "second_factor.disabled": _news("Your second factor was switched off", "second_factor_changed"),
            "second_factor.enabled": _news("A second factor was set up", "second_factor_changed"),
            "second_factor.reset": _news("Your second factor was removed", "second_factor_reset"),
            "session.token_reused": _news("A session was ended for your protection", "sessions_revoked"),
        },
        recipients=people.holder,
        channels=_channels(ALWAYS, AT_ONCE, ALWAYS),
        gathers=False,
        to_login=True,
    ),
    # For those who work in the practice.
    Kind(
        key="safety_alerts",
        title="Safety alerts",
        audience=STAFF,
        importance=Importance.SECURITY,
        events={"safety_alert.raised": Words("A safety alert was raised", "/safety-alerts/{id}")},
        recipients=people.assigned_and_supervisors,
        # Its mail is a letter of its own, which no preference holds back.
        channels={"in_app": ALWAYS, "push": ALWAYS},
        gathers=False,
    ),
    Kind(
        key="appointment_requests",
        title="Appointment requests",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={
            "appointment_request.created": Words("Somebody asks for an appointment", _REQUEST, "request_received"),
            "appointment_request.withdrawn": Words(
                "An appointment request was taken back", _REQUEST, "request_changed"
            ),
            "appointment_request.counter_offer_accepted": Words(
                "The time that you offered was taken", _REQUEST, "request_changed"
            ),
            "appointment_request.counter_offer_declined": Words(
                "The time that you offered was turned down", _REQUEST, "request_changed"
            ),
        },
        recipients=people.requested,
        channels=_channels(SOON, AT_ONCE),
        gathers=False,
    ),
    Kind(
        key="client_changes",
        title="Appointments that clients cancel or move",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={
            "appointment.cancelled": Words("A client cancelled an appointment", _APPOINTMENT),
            "appointment.rescheduled": Words("A client moved an appointment", _APPOINTMENT),
        },
        recipients=people.practitioner,
        channels=_channels(SOON, AT_ONCE),
        applies=_by_client,
    ),
    Kind(
        key="calendar_changes",
        title="Appointments that colleagues book, cancel or move for you",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={
            "appointment.booked": Words("An appointment was booked for you", _APPOINTMENT),
            "appointment.cancelled": Words("An appointment of yours was cancelled", _APPOINTMENT),
            "appointment.rescheduled": Words("An appointment of yours was moved", _APPOINTMENT),
            "appointment.updated": Words("The place of an appointment of yours was changed", _APPOINTMENT),
        },
        recipients=people.practitioner,
        channels=_channels(DAILY, SILENT),
        applies=_by_colleague,
    ),
    Kind(
        key="onboarding",
        title="Clients who have completed their onboarding",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={"onboarding.completed": Words("A client has completed the onboarding", "/clients/{client}/onboarding")},
        recipients=people.assigned,
        channels=_channels(SOON, AT_ONCE),
    ),
    Kind(
        key="invitations",
        title="Invitations that were accepted",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={"invitation.accepted": Words("An invitation was accepted", "/invitations")},
        recipients=people.assigned,
        channels=_channels(DAILY, SILENT),
    ),
    Kind(
        key="prospects",
        title="People who signed up",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={"email.verified": Words("Somebody signed up and waits to be taken in", "/prospects")},
        recipients=people.reviewers_of_signup,
        channels=_channels(SOON, SILENT),
    ),
    Kind(
        key="completed_forms",
        title="Forms that clients complete",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={
            "form.submitted": Words("A form was completed", "/form-assignments/{id}"),
            "form.declined": Words("A form was declined", "/form-assignments/{id}"),
        },
        recipients=people.assigned,
        channels=_channels(DAILY, SILENT),
    ),
    Kind(
        key="signatures",
        title="Treatment plans and assessments that are signed",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={
            "assessment.signed": Words("An assessment was signed", "/form-assignments/{id}"),
            "form.signed": Words("A form was signed", "/form-assignments/{id}"),
            "treatment_plan.signed": Words("A treatment plan was signed", "/treatment-plans/{id}"),
        },
        recipients=people.assigned_and_supervisors,
        channels=_channels(DAILY, SILENT),
    ),
    Kind(
        key="uploads",
        title="Documents that clients upload",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={"document.uploaded": Words("A document was uploaded", _DOCUMENTS)},
        recipients=people.assigned,
        channels=_channels(DAILY, SILENT),
        applies=_by_client,
    ),
    Kind(
        key="insurance",
        title="Insurance that clients add",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={"insurance.added": Words("Insurance was added", "/clients/{client}/insurance")},
        recipients=people.assigned,
        channels=_channels(DAILY, SILENT),
        applies=_by_client,
    ),
    Kind(
        key="undelivered_mail",
        title="Mail that could not be delivered",
        audience=STAFF,
        importance=Importance.DIGESTIBLE,
        events={"mail.bounced": Words("Mail to somebody could not be delivered", "/notification-log")},
        recipients=people.assigned_and_reviewers,
        channels=_channels(DAILY, SILENT),
    ),
    # For clients and those who act for them.
    Kind(
        key="request_answers",
        title="Answers to your appointment requests",
        audience=CLIENTS,
        importance=Importance.IMMEDIATE,
        events={
            "appointment_request.accepted": Words(
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
        channels=_channels(AT_ONCE, AT_ONCE),
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
                "An appointment was booked", _APPOINTMENT, sentence="An appointment was booked for {when}.", dated=True
            ),
            "appointment.rescheduled": Words(
                "An appointment was moved",
                _APPOINTMENT,
                sentence="An appointment was moved. It is now on {when}.",
                dated=True,
            ),
            "appointment.updated": Words(
                "The place of an appointment was changed",
                _APPOINTMENT,
                sentence="The place of the appointment on {when} was changed. Please look where it is now.",
                dated=True,
            ),
            "appointment.cancelled": Words(
                "An appointment was cancelled",
                _APPOINTMENT,
                sentence="The appointment on {when} was cancelled.",
                dated=True,
            ),
        },
        recipients=people.coming,
        channels=_channels(SOON, AT_ONCE),
        applies=_for_clients,
    ),
    Kind(
        key="forms",
        title="Forms that wait for you",
        audience=CLIENTS,
        importance=Importance.DIGESTIBLE,
        events={"form.assigned": Words("There is a form for you", _FORMS)},
        recipients=people.family(GrantPermission.FORMS_COMPLETE),
        channels=_channels(SOON, AT_ONCE),
    ),
    Kind(
        key="documents",
        title="Documents that are shared with you",
        audience=CLIENTS,
        importance=Importance.DIGESTIBLE,
        events={"document.shared": Words("A document was shared with you", _DOCUMENTS)},
        recipients=people.family(GrantPermission.DOCUMENTS_VIEW),
        channels=_channels(SOON, AT_ONCE),
    ),
)
BY_KEY = {kind.key: kind for kind in KINDS}
DIGEST, REMINDERS = "digest", "appointment_reminders"
"""Mails that are no kind of their own, and that a link ends all the same."""

COMING = frozenset(
    {
        "assessment.signed",
        "document.shared",
        "document.uploaded",
        "form.assigned",
        "form.declined",
        "form.signed",
        "form.submitted",
        "insurance.added",
        "onboarding.completed",
        "safety_alert.raised",
        "treatment_plan.signed",
    }
)
"""Types that kinds speak of and the catalogue of events does not know yet. One that it knows leaves this list."""


def _by_event() -> dict[str, tuple[Kind, ...]]:
    types = sorted({type for kind in KINDS for type in kind.events})
    return {type: tuple(kind for kind in KINDS if type in kind.events) for type in types}


BY_EVENT = _by_event()
EVENTS = frozenset(BY_EVENT)


def of_audience(kind: ActorKind) -> Iterable[Kind]:
    """What somebody of this kind may be told of."""
    return (each for each in KINDS if kind in each.audience)
