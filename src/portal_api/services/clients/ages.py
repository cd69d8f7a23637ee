"""What a practice's age rules leave of a guardian's access, and when: its own rules, never a law (F6.B1)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Rule:
    """At this age of the client a guardian may do no more than `permissions`, or, without them, nothing.

    invite: whether the client is invited to a login of their own then.
    """

    age: int
    permissions: frozenset[str] | None
    invite: bool

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Rule":
        kept = frozenset(stored["permissions"]) if stored["action"] == "narrow" else None
        return cls(stored["age"], kept, stored["invite"])

    @property
    def ends(self) -> bool:
        return self.permissions is None


@dataclass(frozen=True, slots=True)
class Outlook:
    """A guardian's access as the rules have it at one moment.

    permissions: what is left of those given. narrows_at, narrowed: when it becomes less the next time, and what then.
    ends_at: when it ends, which may be over. moments: when each rule applies, in order, up to the one that ends it.
    """

    permissions: frozenset[str]
    narrows_at: datetime | None = None
    narrowed: frozenset[str] | None = None
    ends_at: datetime | None = None
    moments: tuple[tuple[datetime, Rule], ...] = field(default=())

    def next_after(self, told: datetime) -> datetime | None:
        return next((at for at, _ in self.moments if at > told), None)


def birthday(born: date, age: int) -> date:
    """The day on which this age is reached; of a 29 February the 1 March of a year that has none."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


def age_on(born: date, day: date) -> int:
    """Whole years."""
    return day.year - born.year - (day < birthday(born, day.year - born.year))


def outlook(
    given: Iterable[str],
    born: date | None,
    rules: Iterable[Rule],
    zone: ZoneInfo,
    now: datetime,
    extended_to: datetime | None = None,
) -> Outlook:
    """What the rules come to. A rule applies as its birthday begins in the zone, or where staff have extended, then.

    Fewer permissions given never leave more (they form a lattice): all that a rule does is to intersect.
    """
    held = frozenset(given)
    if born is None:
        return Outlook(held)
    moments = []
    narrows_at, narrowed, ends_at = None, None, None
    for rule in sorted(rules, key=lambda rule: rule.age):
        day = birthday(born, rule.age)
        begins = datetime(day.year, day.month, day.day, tzinfo=zone)
        at = max(begins, extended_to) if extended_to else begins
        moments.append((at, rule))
        if rule.permissions is None:
            ends_at = at
            break
        if at <= now:
            held &= rule.permissions
        elif narrows_at in (None, at):
            narrows_at, narrowed = at, (held if narrowed is None else narrowed) & rule.permissions
    return Outlook(held, narrows_at, narrowed, ends_at, tuple(moments))
