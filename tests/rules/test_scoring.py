"""Every total of every instrument against the published tables, written here anew (F8.M7, F8.M8)."""

import itertools
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_api.schemas.scoring import Score
from portal_api.services.forms import scoring

LIBRARY = files("portal_api.services.forms") / "library"


@dataclass
class Version:
    definition: dict[str, Any]
    scoring: dict[str, Any] | None


def version(key: str) -> Version:
    form = json.loads((LIBRARY / f"{key}.json").read_text())
    return Version(form["definition"], form["scoring"])


def score(key: str, answers: dict[str, Any]) -> dict[str, Any]:
    found = scoring.score(version(key), answers)
    assert found is not None
    Score.model_validate(found)
    return found


def numbered(values: list[Any]) -> dict[str, Any]:
    return {f"q{n}": value for n, value in enumerate(values, 1)}


def answering(total: int, items: int, most: int) -> list[int]:
    """So many items, each 0 to `most`, whose sum is `total`."""
    full, rest = divmod(total, most)
    return ([most] * full + [rest] * (full < items) + [0] * items)[:items]


# What the papers print: the first total of each band, in order.
PRINTED = {
    "phq-9": (9, 3, {0: "minimal", 5: "mild", 10: "moderate", 15: "moderately_severe", 20: "severe"}),
    "phq-8": (8, 3, {0: "minimal", 5: "mild", 10: "moderate", 15: "moderately_severe", 20: "severe"}),
    "phq-4": (4, 3, {0: "normal", 3: "mild", 6: "moderate", 9: "severe"}),
    "phq-2": (2, 3, {0: "negative", 3: "positive"}),
    "gad-7": (7, 3, {0: "minimal", 5: "mild", 10: "moderate", 15: "severe"}),
    "gad-2": (2, 3, {0: "negative", 3: "positive"}),
    "pcl-5": (20, 4, {0: "below_cutoff", 31: "above_cutoff"}),
}
EVERY_TOTAL = [(key, total) for key, (items, most, _) in PRINTED.items() for total in range(items * most + 1)]


@pytest.mark.parametrize(("key", "total"), EVERY_TOTAL)
def test_every_total_has_its_published_band(key: str, total: int) -> None:
    items, most, starts = PRINTED[key]
    values = answering(total, items, most)
    expected = starts[max(start for start in starts if start <= total)]

    found = score(key, numbered([str(value) for value in values]))

    assert (found["total"], found["severity"]) == (total, expected)
    assert (found["lowest"], found["highest"]) == (0, items * most)
    assert [item["score"] for item in found["items"]] == values
    assert found["missing"] == [] and not found["prorated"]


@pytest.mark.parametrize("total", range(61))
def test_every_total_of_the_ces_d_whose_glad_questions_count_backwards(total: int) -> None:
    glad = {4, 8, 12, 16}
    points = answering(total, 20, 3)
    answers = [3 - value if n in glad else value for n, value in enumerate(points, 1)]

    found = score("ces-d", numbered(answers))

    assert (found["total"], found["severity"]) == (total, "above_cutoff" if total >= 16 else "below_cutoff")
    assert [item["score"] for item in found["items"]] == points


@pytest.mark.parametrize("yes", [*itertools.product((0, 1), repeat=5)])
def test_the_primary_care_screen_counts_what_is_answered_with_yes(yes: tuple[int, ...]) -> None:
    found = score("pc-ptsd-5", {"event": "1"} | numbered(list(yes)))

    assert (found["total"], found["severity"]) == (sum(yes), "positive" if sum(yes) >= 4 else "negative")


def test_without_a_traumatic_event_the_primary_care_screen_is_complete_at_once() -> None:
    found = score("pc-ptsd-5", {"event": 0})

    assert (found["total"], found["severity"], found["missing"]) == (0, "negative", [])
    assert [item["score"] for item in found["items"]] == [None] * 5


@pytest.mark.parametrize("key", [*PRINTED, "ces-d"])
def test_answers_may_be_whole_numbers_or_their_text(key: str) -> None:
    items, most = {**{k: (i, m) for k, (i, m, _) in PRINTED.items()}, "ces-d": (20, 3)}[key]
    values = [n % (most + 1) for n in range(items)]

    assert score(key, numbered(values)) == score(key, numbered([str(value) for value in values]))


@pytest.mark.parametrize(
    ("given", "total"),
    [
        # With m items answered, sum times nine by m, halves up: by hand.
        ([3, 3, 3, 3, 3, 3, 3, 3, None], 27),
        ([1, 0, 0, 0, 0, 0, 0, 0, None], 1),  # 1.125
        ([2, 2, 0, 0, 0, 0, 0, 0, None], 5),  # 4.5
        ([2, 2, 1, 1, 1, 1, 0, None, None], 10),  # 10.29
        ([1, 1, 1, 0, 0, 0, 0, None, None], 4),  # 3.86
        ([0, 0, 0, 0, 0, 0, 0, None, None], 0),
    ],
)
def test_one_or_two_missing_items_of_the_phq_9_take_the_mean_of_the_others(given: list[int | None], total: int) -> None:
    found = score("phq-9", {key: value for key, value in numbered(given).items() if value is not None})

    assert found["total"] == total and found["prorated"]
    assert found["missing"] == [f"q{n}" for n, value in enumerate(given, 1) if value is None]


def test_three_missing_items_leave_the_phq_9_without_a_total() -> None:
    found = score("phq-9", numbered([3, 3, 3, 3, 3, 3]))

    assert (found["total"], found["severity"], found["prorated"]) == (None, None, False)
    assert found["missing"] == ["q7", "q8", "q9"]


@pytest.mark.parametrize("key", ["phq-8", "phq-4", "phq-2", "gad-7", "gad-2", "pcl-5", "ces-d"])
def test_no_missing_item_is_ever_taken_for_a_zero(key: str) -> None:
    items = 20 if key == "ces-d" else PRINTED[key][0]
    for absent in range(1, items + 1):
        found = score(key, {k: 1 for k in numbered([1] * items) if k != f"q{absent}"})
        assert (found["total"], found["severity"], found["missing"]) == (None, None, [f"q{absent}"])


def test_nothing_answered_is_no_zero_either() -> None:
    assert score("phq-9", {})["total"] is None


def test_difficulty_is_asked_and_not_counted() -> None:
    assert score("phq-9", numbered([1] * 9) | {"difficulty": "3"})["total"] == 9
    assert score("gad-7", numbered([1] * 7) | {"difficulty": 3})["total"] == 7


@given(st.lists(st.integers(0, 4), min_size=20, max_size=20))
def test_the_pcl_5_counts_its_symptom_clusters_as_dsm_5_does(values: list[int]) -> None:
    """One of B, one of C, two of D and two of E at 2 (moderately) or more is a provisional diagnosis."""
    clusters = {"b": values[0:5], "c": values[5:7], "d": values[7:14], "e": values[14:20]}
    needed = {"b": 1, "c": 1, "d": 2, "e": 2}

    found = score("pcl-5", numbered(values))

    by_key = {subscale["key"]: subscale for subscale in found["subscales"]}
    for key, answers in clusters.items():
        assert by_key[key]["total"] == sum(answers)
        assert by_key[key]["criterion_met"] == (len([a for a in answers if a >= 2]) >= needed[key])
    assert found["criteria_met"] == all(by_key[key]["criterion_met"] for key in clusters)


def test_the_phq_4_has_two_halves() -> None:
    found = score("phq-4", numbered([3, 2, 0, 1]))

    halves = {subscale["key"]: (subscale["total"], subscale["severity"]) for subscale in found["subscales"]}
    assert halves == {"anxiety": (5, "positive"), "depression": (1, "negative")}
    assert found["criteria_met"] is None


@pytest.mark.parametrize(("answer", "raised"), [("0", []), ("1", [1]), (2, [2]), ("3", [3]), (None, [])])
def test_the_ninth_item_of_the_phq_9_raises_the_alarm_by_itself(answer: Any, raised: list[int]) -> None:
    """F8.B1: whatever the total is, and where there is none."""
    met = list(scoring.alarms(version("phq-9"), {"q9": answer}))

    assert met == [("phq-9-item-9", "q9", points) for points in raised]


def test_no_other_instrument_has_an_item_that_raises_an_alarm() -> None:
    for key in [*PRINTED, "ces-d", "pc-ptsd-5"]:
        assert bool(scoring.rule_of(version(key)).safety) == (key == "phq-9")  # type: ignore[union-attr]


def test_options_with_scores_of_a_practices_own_are_summed_without_bands() -> None:
    item = {
        "type": "choice",
        "options": [{"value": "a", "label": "A", "score": 2}, {"value": "b", "label": "B", "score": 5}],
    }
    own = Version(
        {"sections": [{"items": [{"key": "x", **item}, {"key": "y", **item}, {"key": "t", "type": "text"}]}]}, None
    )

    found = scoring.score(own, {"x": "a", "y": "b", "t": "hello"})

    assert found is not None
    assert (found["total"], found["severity"], found["lowest"], found["highest"]) == (7, None, 4, 10)
    assert scoring.score(own, {"x": "a"})["missing"] == ["y"]  # type: ignore[index]
    assert scoring.score(Version({"sections": []}, None), {}) is None


def test_an_answer_that_is_no_option_is_never_counted() -> None:
    with pytest.raises(ValueError, match="no option"):
        score("phq-9", numbered([4] * 9))


def every_instrument() -> list[dict[str, Any]]:
    forms = (json.loads(file.read_text()) for file in LIBRARY.iterdir() if file.name.endswith(".json"))
    return [form for form in forms if form.get("kind") == "assessment"]


@pytest.mark.parametrize("form", every_instrument(), ids=lambda form: form["key"])
def test_the_bands_of_an_instrument_leave_no_gap_and_its_licence_is_stated(form: dict[str, Any]) -> None:
    rule = scoring.rule_of(Version(form["definition"], form["scoring"]))
    assert rule is not None and rule.bands
    answers = dict.fromkeys(rule.items, 0) | {"event": "1"}
    whole = scoring.score(Version(form["definition"], form["scoring"]), answers)
    assert whole is not None
    reached = [total for band in rule.bands for total in range(band.lowest, band.highest + 1)]
    assert reached == list(range(whole["lowest"], whole["highest"] + 1))
    assert form["licence"]["statement"] and form["source"] and rule.missing.source


def test_the_documents_name_every_instrument_and_why_it_may_be_reproduced() -> None:
    said = (Path(__file__).parents[2] / "docs/instruments.md").read_text()
    for form in every_instrument():
        [row] = [line for line in said.splitlines() if line.startswith(f"| `{form['key']}` |")]
        assert form["licence"]["statement"] in row and form["source"] in row
