"""What a kind of notifications is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from portal_api.core.access import ActorKind
from portal_api.integrations.mail_templates import Template
from portal_api.models.audit import Event
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


def _resource(event: Event) -> tuple[str | None, UUID | None]:
    return event.resource_type, event.resource_id


def of_thread(event: Event) -> tuple[str | None, UUID | None]:
    return "thread", UUID(event.details["thread_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """applies: whether this very event is told. gathers: several within minutes become one mail and one push.

    to_login: the mail goes to the login's own address whether or not it was ever shown to be right, as its holder
    asked for what it answers, or must hear of it. resource: what it is about, where that is not the event's own.
    """

    key: str
    title: str
    audience: frozenset[ActorKind]
    importance: Importance
    events: Mapping[str, Words]
    recipients: Resolver
    channels: Mapping[str, Offer]
    applies: Callable[[Event], bool] = _always
    resource: Callable[[Event], tuple[str | None, UUID | None]] = _resource
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


def channels(email: Offer, push: Offer, in_app: Offer = IN_APP) -> dict[str, Offer]:
    return {"in_app": in_app, "email": email, "push": push}


def by_client(event: Event) -> bool:
    return event.actor_kind == ActorKind.CLIENT


def by_colleague(event: Event) -> bool:
    return event.actor_kind != ActorKind.CLIENT and visible(event)


def not_by_staff(event: Event) -> bool:
    return event.actor_kind != ActorKind.STAFF


def for_clients(event: Event) -> bool:
    """What came out of a request was told with the answer to it."""
    return visible(event) and "request_id" not in event.details


def visible(event: Event) -> bool:
    """An update of an appointment is told where it says that one has to go elsewhere."""
    return event.type != "appointment.updated" or bool({"mode", "location_id"} & set(event.changed))


REQUEST, APPOINTMENT, THREAD = "/appointment-requests/{id}", "/appointments/{id}", "/messages/{id}"
DOCUMENT, FORM, ASSIGNMENT = "/documents/{id}", "/forms/{id}", "/form-assignments/{id}"
PLAN = "/treatment-plans/{id}"
