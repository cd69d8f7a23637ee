"""A practitioner's hours, as they bear on one question: which service, for whom, how and where."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from portal_api.models.scheduling.services import admits
from portal_api.services.scheduling.slots import wall

Stretch = tuple[int, int]
"""From minute, to minute of one day."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for. None does not restrict: staff have no audience."""

    service_id: str
    modes: tuple[str, ...]
    audience: str | None = None
    location_id: str | None = None


class Place(NamedTuple):
    """Where, and in which of the ways asked for, a window's sessions take place."""

    location_id: str | None
    modes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """A schedule as it is stored (models/scheduling/schedules.py)."""

    time_zone: str
    windows: list[Any]
    overrides: dict[str, list[Any]]
    max_per_day: int | None = None

    def answering(self, question: Question) -> "dict[Place, DayStretches]":
        """The windows that the question admits, by place, those of a day merged where they touch."""
        places: dict[Place, DayStretches] = {}
        for weekday, start, end, scope in self.windows:
            place = admitted(scope, question)
            if place is not None:
                places.setdefault(place, DayStretches()).weekly.setdefault(weekday, []).append((start, end))
        on_dates = {wall.day_number(date.fromisoformat(day)): windows for day, windows in self.overrides.items()}
        for day, windows in on_dates.items():
            for start, end, scope in windows:
                place = admitted(scope, question)
                if place is not None:
                    places.setdefault(place, DayStretches()).on_date.setdefault(day, []).append((start, end))
        for stretches in places.values():
            stretches.settle(on_dates)
        return places

    def whatever_for(self) -> "list[DayStretches]":
        """All windows as one, for whom and what they may be."""
        open_to_all = replace(
            self,
            windows=[[*window[:3], None] for window in self.windows],
            overrides={day: [[*window[:2], None] for window in found] for day, found in self.overrides.items()},
        )
        return list(open_to_all.answering(Question("", ("any",))).values())


class DayStretches:
    """The stretches of each weekday, and of the dates that have their own."""

    __slots__ = ("on_date", "weekly")

    def __init__(self) -> None:
        self.weekly: dict[int, list[Stretch]] = {}
        self.on_date: dict[int, list[Stretch]] = {}

    def settle(self, overridden: Iterable[int]) -> None:
        """Merge what touches; a date that has its own windows has no weekly ones."""
        self.weekly = {weekday: merged(stretches) for weekday, stretches in self.weekly.items()}
        self.on_date = {day: merged(self.on_date.get(day, [])) for day in overridden}

    def on(self, day: int) -> list[Stretch]:
        found = self.on_date.get(day)
        return self.weekly.get(wall.weekday_of(day), []) if found is None else found


def admitted(scope: dict[str, Any] | None, question: Question) -> Place | None:
    """Where a window with this scope answers the question; None where it does not."""
    if scope is None:
        return None if question.location_id or not question.modes else Place(None, question.modes)
    service_ids, modes = scope.get("service_ids"), scope.get("modes")
    if service_ids is not None and question.service_id not in service_ids:
        return None
    if question.audience is not None and not admits(scope.get("audience", "all"), question.audience):
        return None
    location_id = scope.get("location_id")
    if question.location_id not in (None, location_id):
        return None
    left = question.modes if modes is None else tuple(mode for mode in question.modes if mode in modes)
    return Place(location_id, left) if left else None


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """In order, joined where they overlap or touch."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
