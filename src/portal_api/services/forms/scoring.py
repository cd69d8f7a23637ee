"""What the answers to an assessment come to: pure, by the published rule of the instrument (F8.M7, F8.M8).

A rule is data (schemas.scoring.Scoring); it stands beside the questions in `library` and is kept with each
version of a form, so that an old answer is always read by the rule of its day.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from math import floor
from typing import Any, Protocol

from portal_api.schemas.scoring import Band, Missing, Scoring, Subscale

Points = Mapping[str, float | None]
"""By item: its points; None without an answer, or for one that has no score."""


class Version(Protocol):
    """What is scored: a version of a form."""

    @property
    def definition(self) -> dict[str, Any]: ...

    @property
    def scoring(self) -> dict[str, Any] | None: ...


def score(version: Version, answers: Mapping[str, Any]) -> dict[str, Any] | None:
    """The score as schemas.scoring.Score describes it; None for a form that is not scored.

    answers: by item; options by their value, as text or as a whole number. Raises ValueError for an answer that is
    no option of its item: answers are validated before.
    """
    options = _options(version.definition)
    rule = rule_of(version)
    if rule is None:
        return None
    points = {key: _points(options[key], answers.get(key)) for key in rule.items}
    skipped = rule.skipped is not None and _same(answers.get(rule.skipped.item), rule.skipped.equals)
    missing = [key for key, value in points.items() if value is None and not skipped]
    counted = dict.fromkeys(points, 0) if skipped else points
    total = _total(counted.values(), rule.missing.allowed)
    band = _band(rule.bands, total)
    subscales = [_subscale(subscale, counted) for subscale in rule.subscales]
    return {
        "total": total,
        "severity": band.severity if band else None,
        "severity_label": band.label if band else None,
        "lowest": sum(min(_scores(options[key])) for key in rule.items),
        "highest": sum(max(_scores(options[key])) for key in rule.items),
        "prorated": total is not None and bool(missing),
        "subscales": subscales,
        "criteria_met": _all_met(subscales),
        "items": [{"key": key, "score": value} for key, value in points.items()],
        "missing": missing,
        "method_version": rule.method_version,
    }


def rule_of(version: Version) -> Scoring | None:
    """The rule of a version. A form of a practice's own whose options carry scores is their plain sum."""
    if version.scoring is not None:
        return Scoring.model_validate(version.scoring)
    items = tuple(key for key, points in _options(version.definition).items() if _scores(points))
    if not items:
        return None
    return Scoring(method_version="sum/1", items=items, missing=Missing(allowed=0, source="No item may be missing."))


def alarms(version: Version, answers: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """The safety rules that the answers meet: the rule's name, the item and its points (F8.B1)."""
    rule = rule_of(version)
    if rule is None:
        return
    options = _options(version.definition)
    for safety in rule.safety:
        points = _points(options[safety.item], answers.get(safety.item))
        if points is not None and points >= safety.at_least:
            yield safety.rule, safety.item, int(points)


def _options(definition: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """By item of one choice: the points of each option, None for one that has none."""
    items = (item for section in definition["sections"] for item in section["items"] if item["type"] == "choice")
    return {
        item["key"]: {option["value"]: option.get("score") for option in item.get("options") or ()} for item in items
    }


def _scores(options: Mapping[str, float | None]) -> list[float]:
    return [points for points in options.values() if points is not None]


def _points(options: Mapping[str, float | None], answer: Any) -> float | None:
    if answer is None:
        return None
    if str(answer) not in options:
        raise ValueError("an answer is no option of its item")
    return options[str(answer)]


def _same(answer: Any, value: str) -> bool:
    return answer is not None and str(answer) == value


def _total(points: Iterable[float | None], allowed: int) -> float | None:
    """The sum. Missing items count as the mean of those answered while few enough are missing; halves go up."""
    values = list(points)
    given = [value for value in values if value is not None]
    if not given or len(values) - len(given) > allowed:
        return None
    if len(given) == len(values):
        return sum(given)
    return floor(Fraction(sum(given)) * len(values) / len(given) + Fraction(1, 2))


def _band(bands: Iterable[Band], total: float | None) -> Band | None:
    return next((band for band in bands if total is not None and band.lowest <= total <= band.highest), None)


def _subscale(subscale: Subscale, points: Points) -> dict[str, Any]:
    values = [points[key] for key in subscale.items]
    total = _total(values, allowed=0)
    band, met = _band(subscale.bands, total), None
    if subscale.criterion and total is not None:
        strong = sum(value is not None and value >= subscale.criterion.score_at_least for value in values)
        met = strong >= subscale.criterion.items_at_least
    severity = band.severity if band else None
    return {
        "key": subscale.key,
        "label": subscale.label,
        "total": total,
        "severity": severity,
        "criterion_met": met,
    }


def _all_met(subscales: Iterable[Mapping[str, Any]]) -> bool | None:
    """None where nothing is counted, or where a missing answer leaves it open."""
    met = [subscale["criterion_met"] for subscale in subscales]
    if not met or all(value is None for value in met):
        return None
    return False if False in met else None if None in met else True
