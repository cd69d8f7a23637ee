"""The kinds of notifications: which events they tell of, to whom, how, and what may be chosen (F14.M1).

Whatever somebody may be told of has its place here. A practice's people and its clients choose by kind, not by type of
event. The words are those of the inbox and of a line in the digest: nobody's name, nothing clinical.
"""

from collections.abc import Iterable

from portal_api.core.access import ActorKind
from portal_api.services.notifications.kinds import for_clients, for_everybody, for_staff
from portal_api.services.notifications.kinds.shapes import Importance, Kind, Offer, Words

__all__ = [
    "BY_EVENT",
    "BY_KEY",
    "DIGEST",
    "EVENTS",
    "KINDS",
    "REMINDERS",
    "Importance",
    "Kind",
    "Offer",
    "Words",
    "of_audience",
]
KINDS: tuple[Kind, ...] = (*for_everybody.KINDS, *for_staff.KINDS, *for_clients.KINDS)
BY_KEY = {kind.key: kind for kind in KINDS}
DIGEST, REMINDERS = "digest", "appointment_reminders"
"""Mails that are no kind of their own, and that a link ends all the same."""


def _by_event() -> dict[str, tuple[Kind, ...]]:
    types = sorted({type for kind in KINDS for type in kind.events})
    return {type: tuple(kind for kind in KINDS if type in kind.events) for type in types}


BY_EVENT = _by_event()
EVENTS = frozenset(BY_EVENT)


def of_audience(kind: ActorKind) -> Iterable[Kind]:
    """What somebody of this kind may be told of."""
    return (each for each in KINDS if kind in each.audience)
