"""Searching free times: for staff, for clients, for people who have no chart yet."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge, nsmallest
from itertools import chain, islice
from operator import itemgetter
from typing import Any
from uuid import UUID

from portal_api.core.db import Source
from portal_api.models.scheduling import Audience, Mode
from portal_api.models.scheduling.services import admits
from portal_api.services.scheduling.slots import wall
from portal_api.services.scheduling.slots.hours import DayStretches, Place, Question
from portal_api.services.scheduling.slots.reading import Calendar, Facts, Rules, read
from portal_api.services.scheduling.slots.sweep import starts

Slot = dict[str, Any]
Start = tuple[int, int, Place]
"""An instant, the number of the calendar, where."""


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom. Staff book in any hours and at any notice: only what is taken stops them.

    audience: `existing` or `new`; None for staff. client_id: whose cap counts.
    """

    audience: str | None = None
    client_id: UUID | None = None


ALTERNATIVE_DAYS = 14
_SOME = 50
STAFF = Asker()
NEWCOMER = Asker(Audience.NEW)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for, on which days of the practitioner's zone, both included."""

    service_id: UUID
    practitioner_ids: Sequence[UUID] | None
    first: date
    last: date
    mode: str | None = None
    location_id: UUID | None = None


async def search(source: Source, asker: Asker, wish: Wish, limit: int) -> list[Slot]:
    """Free times in order, at most `limit`. One round trip. Raises NotFound for an unknown service or practitioner."""
    facts = await facts_for(source, asker, wish)
    return list(islice(_slots(facts, asker, wish), limit))


async def offered(source: Source, asker: Asker, wish: Wish, starts_at: datetime) -> Slot | None:
    """The slot that starts at this instant, if it is offered; the days of the wish are ignored (A23).

    In a transaction that holds the practitioner's lock the answer stays true until its end.
    """
    near = _around(wish, starts_at, 1, 1)
    facts = await facts_for(source, asker, near)
    return next((slot for slot in _slots(facts, asker, near) if slot["starts_at"] == starts_at), None)


async def alternatives(source: Source, asker: Asker, wish: Wish, starts_at: datetime, count: int = 5) -> list[Slot]:
    """The offered slots nearest to this instant, in order; the days of the wish are ignored."""
    near = _around(wish, starts_at, 1, ALTERNATIVE_DAYS)
    found = _slots(await facts_for(source, asker, near), asker, near)
    nearest = nsmallest(count, found, key=lambda slot: abs(slot["starts_at"] - starts_at))
    return sorted(nearest, key=itemgetter("starts_at"))


def _around(wish: Wish, at: datetime, before: int, after: int) -> Wish:
    """Days of UTC: the practitioner's date of an instant is one of them, or next to one."""
    day = at.astimezone(UTC).date()
    return replace(wish, first=day - timedelta(days=before), last=day + timedelta(days=after))


async def facts_for(source: Source, asker: Asker, wish: Wish) -> Facts:
    first, last = (datetime.combine(day, time(), UTC) for day in (wish.first, wish.last))
    bound = asker.audience is not None
    ids = wish.service_id, wish.practitioner_ids
    return await read(source, *ids, first, last, for_clients=bound, client_id=asker.client_id)


def _slots(facts: Facts, asker: Asker, wish: Wish) -> Iterator[Slot]:
    return chain.from_iterable(_some_slots(facts, asker, wish)) if _is_bookable(facts, asker) else iter(())


def _some_slots(facts: Facts, asker: Asker, wish: Wish) -> Iterator[list[Slot]]:
    """In order, some at a time: made one by one they cost a third more."""
    practitioners = [calendar.practitioner_id for calendar in facts.calendars]
    service_id, duration = facts.rules.service_id, facts.rules.grid.duration
    instant = wall.instant
    for some in _starts(facts, asker, wish):
        yield [
            {
                "starts_at": instant(start),
                "ends_at": instant(start + duration),
                "practitioner_id": practitioners[number],
                "service_id": service_id,
                "location_id": location_id,
                "modes": modes,
            }
            for start, number, (location_id, modes) in some
        ]


def _starts(facts: Facts, asker: Asker, wish: Wish) -> Iterator[list[Start]]:
    """The starts of all practitioners, in order, some at a time."""
    by_zone: dict[str, list[Iterator[list[Start]]]] = {}
    for number, calendar in enumerate(facts.calendars):
        if calendar.offers and not (calendar.declined and asker.audience is not None):
            found = _of_calendar(facts, asker, wish, number)
            by_zone.setdefault(calendar.hours.time_zone, []).append(found)
    zones = [_of_zone(calendars) for calendars in by_zone.values()]
    if len(zones) == 1:
        return zones[0]
    of_all = merge(*map(chain.from_iterable, zones))
    return iter(lambda: list(islice(of_all, _SOME)), [])


def _of_zone(calendars: list[Iterator[list[Start]]]) -> Iterator[list[Start]]:
    """Those of one zone have their days in common, and sorting a day is cheaper than asking whose start is next."""
    if len(calendars) == 1:
        return calendars[0]
    at = itemgetter(0)  # those of one instant stay in the order of the calendars
    return (sorted(chain.from_iterable(of_all), key=at) for of_all in zip(*calendars, strict=True))


def _of_calendar(facts: Facts, asker: Asker, wish: Wish, number: int) -> Iterator[list[Start]]:
    """Day by day the starts of one practitioner; one that several windows offer comes once, with all they offer."""
    calendar, rules = facts.calendars[number], facts.rules
    zone, grid, taken = calendar.hours.time_zone, rules.grid, calendar.taken
    days, earliest = _days(facts, calendar, asker, wish), earliest_start(facts, asker)
    full = full_days(facts, calendar) if asker.audience is not None else ()
    places = calendar.hours.answering(question(rules, asker, wish)) or {Place(None, ()): DayStretches()}
    found = [
        starts(zone, stretches, grid, taken, days, earliest=earliest, closed=full) for stretches in places.values()
    ]
    if len(found) == 1:
        (place,) = places
        return ([(start, number, place) for start in of_day] for of_day in found[0])
    return (_once(zip(places, of_day, strict=True), number) for of_day in zip(*found, strict=True))


def _once(of_day: Iterable[tuple[Place, list[int]]], number: int) -> list[Start]:
    at: dict[int, list[Place]] = {}
    for place, found in of_day:
        for start in found:
            at.setdefault(start, []).append(place)
    return [(start, number, _together(places)) for start, places in sorted(at.items())]


def _is_bookable(facts: Facts, asker: Asker) -> bool:
    rules = facts.rules
    if rules.is_archived or asker.audience is None:
        return not rules.is_archived
    within_cap = rules.max_open_per_client is None or facts.open_of_client < rules.max_open_per_client
    return rules.client_bookable and admits(rules.audience, asker.audience) and within_cap


def question(rules: Rules, asker: Asker, wish: Wish) -> Question:
    modes = rules.modes if wish.mode is None else tuple(mode for mode in rules.modes if mode == wish.mode)
    place = str(wish.location_id) if wish.location_id else None
    return Question(str(rules.service_id), modes, asker.audience, place)


def earliest_start(facts: Facts, asker: Asker) -> int:
    return facts.now + (0 if asker.audience is None else facts.rules.min_notice)


def last_day(facts: Facts, calendar: Calendar) -> int:
    """The last one that clients are offered, counted in the practitioner's dates: today is the first."""
    return wall.day_of(calendar.hours.time_zone, facts.now) + facts.rules.horizon_days


def full_days(facts: Facts, calendar: Calendar) -> set[int]:
    """Days on which a cap is reached, of the practitioner or of the service."""
    zone = calendar.hours.time_zone
    of_all = Counter(wall.day_of(zone, start) for start, _ in calendar.starts)
    of_service = Counter(wall.day_of(zone, start) for start, own in calendar.starts if own)
    caps = (calendar.hours.max_per_day, of_all), (facts.rules.max_per_day, of_service)
    return {day for most, counted in caps if most for day, count in counted.items() if count >= most}


def _days(facts: Facts, calendar: Calendar, asker: Asker, wish: Wish) -> range:
    first, last = wall.day_number(wish.first), wall.day_number(wish.last)
    if asker.audience is not None:
        last = min(last, last_day(facts, calendar))
    return range(first, last + 1)


def _together(places: list[Place]) -> Place:
    """All the ways; the place is that of a way in person, since a call needs none."""
    modes = tuple(mode for mode in Mode if any(mode in place.modes for place in places))
    located = sorted(places, key=lambda place: (Mode.IN_PERSON not in place.modes, place.location_id is None))
    return Place(located[0].location_id, modes)
