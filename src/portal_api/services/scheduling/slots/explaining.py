"""Why a time is, or is not, offered: every rule, in the order in which it is asked (F10.B6)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, bindparam, case, literal, select, union_all

from portal_api.core.access import Feature, Principal
from portal_api.core.db import Read, Reader
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import Audience, BusyTime, Claim, TimeOff
from portal_api.models.scheduling.services import admits
from portal_api.schemas.scheduling.slots import ExplainQuery
from portal_api.services import audit, clients, features
from portal_api.services.features.switchboard import Switchboard
from portal_api.services.scheduling.claims import LONGEST, live
from portal_api.services.scheduling.slots import wall
from portal_api.services.scheduling.slots.hours import Question
from portal_api.services.scheduling.slots.reading import Calendar, Facts
from portal_api.services.scheduling.slots.search import (
    Asker,
    Wish,
    earliest_start,
    facts_for,
    full_days,
    last_day,
    question,
)
from portal_api.services.scheduling.slots.sweep import starts

_from, _until = (bindparam(name, type_=DateTime(timezone=True)) for name in ("blocked_from", "blocked_until"))
_practitioner = bindparam("practitioner_id")
PORTAL = Read(select(PortalSettings.enabled, PortalSettings.allow_new_client_requests))
_there = union_all(
    select(
        case((Claim.appointment_id.is_not(None), "appointment"), else_="request").label("kind"),
        Claim.starts_at.label("starts_at"),
        Claim.ends_at.label("ends_at"),
    ).where(
        Claim.practitioner_id == _practitioner,
        Claim.blocked_from > _from - literal(LONGEST),
        Claim.blocked_from < _until,
        Claim.blocked_until > _from,
        live(),
    ),
    select(literal("time_off"), TimeOff.starts_at, TimeOff.ends_at).where(
        TimeOff.practitioner_id == _practitioner, TimeOff.ends_at > _from, TimeOff.starts_at < _until
    ),
    select(literal("busy"), BusyTime.starts_at, BusyTime.ends_at).where(
        BusyTime.practitioner_id == _practitioner, BusyTime.ends_at > _from, BusyTime.starts_at < _until
    ),
).subquery("there")
COLLISIONS = Read(select(_there.c.kind, _there.c.starts_at, _there.c.ends_at).order_by(_there.c.starts_at))
WHAT = {
    "time_off": ("No time off lies there.", "The practitioner has time off from {} to {}."),
    "busy": ("The practitioner's own calendar is free.", "The practitioner's own calendar is busy from {} to {}."),
    "appointment": (
        "No appointment is there.",
        "An appointment from {} to {} is there, buffers counted on both sides.",
    ),
    "request": ("No pending request is there.", "A pending request holds {} to {}, buffers counted on both sides."),
}


@dataclass(frozen=True, slots=True)
class Case:
    """The time that is asked about, and all that bears on it."""

    facts: Facts
    asker: Asker
    wish: Wish
    start: int
    portal: dict[str, Any]
    closed_gate: str | None
    """The gate of the feature that is closed for this client, or for everybody."""
    collisions: list[dict[str, Any]]

    @property
    def calendar(self) -> Calendar:
        return self.facts.calendars[0]

    @property
    def zone(self) -> str:
        return self.calendar.hours.time_zone

    def fits(self, question: Question | None) -> bool:
        """Whether the session lies within windows that answer the question; None: within any."""
        day = wall.day_of(self.zone, self.start)
        grid = replace(self.facts.rules.grid, interval=1, fixed_start=None)
        hours = self.calendar.hours
        found = list(hours.answering(question).values()) if question else hours.whatever_for()
        return any(self.start in of_day for each in found for of_day in starts(self.zone, each, grid, (), [day]))


async def explain(reader: Reader, principal: Principal, query: ExplainQuery) -> dict[str, Any]:
    """Every rule for one start. Raises NotFound for a service, practitioner or client that is not there to see."""
    if query.client_id is not None:
        await clients.must_see(reader, principal, query.client_id)
        audit.viewed(reader, principal, "client.slot_explained", [query.client_id])
    case = await _case(reader, query)
    results = [{"rule": rule, "passed": passed, "detail": detail} for rule, passed, detail in _rules(case)]
    shown = wall.wall_of(case.zone, case.start)
    return {
        "starts_at": query.starts_at,
        "ends_at": query.starts_at + timedelta(minutes=case.facts.rules.grid.duration),
        "practitioner_id": query.practitioner_id,
        "service_id": query.service_id,
        "time_zone": case.zone,
        "local_date": wall.date_of(shown // wall.DAY),
        "local_time": _clock(shown),
        "offered": all(result["passed"] for result in results),
        "rules": results,
    }


async def _case(reader: Reader, query: ExplainQuery) -> Case:
    asker = Asker(query.audience, query.client_id)
    day = query.starts_at.date()
    around = (day - timedelta(days=1), day + timedelta(days=1))
    wish = Wish(query.service_id, [query.practitioner_id], *around, query.mode, query.location_id)
    facts = await facts_for(reader, asker, wish)
    portal = await reader.row(PORTAL)
    assert portal is not None  # noqa: S101 - made with the practice
    grid = facts.rules.grid
    collisions = await reader.rows(
        COLLISIONS,
        practitioner_id=query.practitioner_id,
        blocked_from=query.starts_at - timedelta(minutes=grid.before),
        blocked_until=query.starts_at + timedelta(minutes=grid.duration + grid.after),
    )
    closed = await _closed_gate(reader, query.client_id)
    return Case(facts, asker, wish, wall.minute_of(query.starts_at), portal, closed, collisions)


async def _closed_gate(reader: Reader, client_id: UUID | None) -> str | None:
    board = await Switchboard.read(reader, clients=[client_id] if client_id else [])
    known = board.of_client(client_id) if client_id else features.Facts(board.offered)
    return features.effective(Feature.APPOINTMENT_REQUESTS, known).closed


Result = tuple[str, bool, str]


def _rules(case: Case) -> Iterator[Result]:
    yield from _of_the_practice(case)
    yield from _of_the_hours(case)
    yield from _of_the_calendar(case)
    for kind, (free, there) in WHAT.items():
        found = [each for each in case.collisions if each["kind"] == kind]
        at = (_local(case, found[0]["starts_at"]), _local(case, found[0]["ends_at"])) if found else ()
        yield kind, not found, there.format(*at) if found else free


def _of_the_practice(case: Case) -> Iterator[Result]:
    rules, calendar, audience = case.facts.rules, case.calendar, case.asker.audience
    is_open = case.portal["enabled"] and (audience == Audience.EXISTING or case.portal["allow_new_client_requests"])
    yield "portal", is_open, "The portal takes requests." if is_open else "The portal is off, or closed to newcomers."
    on = case.closed_gate is None
    yield "feature", on, "Appointment requests are on." if on else f"They are off: {case.closed_gate}."
    yield "service", not rules.is_archived, "The service is archived." if rules.is_archived else "It is in use."
    yield "client_bookable", rules.client_bookable, _whether(rules.client_bookable, "Clients may book the service.")
    admitted = admits(rules.audience, audience or Audience.ALL)
    yield "audience", admitted, f"The service is for: {rules.audience}."
    yield "practitioner", calendar.offers, _whether(calendar.offers, "The practitioner is active and offers it.")
    takes = not calendar.declined
    yield "practitioner_feature", takes, _whether(takes, "The practitioner takes requests through the portal.")


def _of_the_hours(case: Case) -> Iterator[Result]:
    asked, rules = question(case.facts.rules, case.asker, case.wish), case.facts.rules
    in_hours = case.fits(None)
    detail = "Hours cover the whole session." if in_hours else "No hours cover the whole session."
    yield "hours", in_hours, detail
    anybody = replace(asked, audience=None)
    in_a_way = case.fits(replace(anybody, location_id=None))
    yield "mode", bool(asked.modes) and in_a_way, f"The service has: {', '.join(rules.modes)}; hours may narrow that."
    yield (
        "location",
        case.fits(anybody),
        "Hours at this time are for the place, and for the service, that is asked for.",
    )
    yield "window_audience", case.fits(asked), "Hours at this time are open for this kind of client."
    grid, calendar = rules.grid, case.calendar
    reach = (case.start - grid.before, case.start + grid.duration + grid.after)
    others = [each for each in calendar.taken if each[1] <= reach[0] or each[0] >= reach[1]]
    day = wall.day_of(case.zone, case.start)
    places = calendar.hours.answering(asked).values()
    on_grid = any(case.start in of_day for each in places for of_day in starts(case.zone, each, grid, others, [day]))
    counted = "where the hours begin" if grid.fixed_start is None else f"minute {grid.fixed_start} after midnight"
    yield "grid", on_grid, f"Sessions start every {grid.step} minutes, counted from {counted}."


def _of_the_calendar(case: Case) -> Iterator[Result]:
    facts, rules, calendar = case.facts, case.facts.rules, case.calendar
    day = wall.day_of(case.zone, case.start)
    yield "notice", case.start >= earliest_start(facts, case.asker), f"{rules.min_notice} minutes of notice are needed."
    last = wall.date_of(last_day(facts, calendar))
    yield "horizon", day <= last_day(facts, calendar), f"Times are offered up to {last}."
    most = " and ".join(str(cap) for cap in (calendar.hours.max_per_day, rules.max_per_day) if cap)
    yield "day_cap", day not in full_days(facts, calendar), f"At most {most} a day." if most else "No cap a day."
    cap = rules.max_open_per_client
    within = cap is None or facts.open_of_client < cap
    yield "client_cap", within, "No cap a client." if cap is None else f"{facts.open_of_client} of {cap} to come."


def _whether(so: bool, sentence: str) -> str:
    return sentence if so else f"Not so: {sentence[0].lower()}{sentence[1:]}"


def _local(case: Case, at: datetime) -> str:
    shown = wall.wall_of(case.zone, wall.minute_of(at))
    return f"{wall.date_of(shown // wall.DAY)} {_clock(shown)}"


def _clock(shown: int) -> str:
    minute = shown % wall.DAY
    return f"{minute // 60:02}:{minute % 60:02}"
