"""The rule over all gates, as a truth table (F2.M1)."""

from itertools import product

import pytest

from portal_api.core.access import Feature, GrantPermission
from portal_api.services.features.decision import GRANT_PERMISSION, Facts, Gate, allowed, effective

OTHERS = frozenset(Feature) - {Feature.VIDEO}
BOTH = (False, True)


def facts(practice: bool, practitioner: bool, client: bool, grant: bool) -> Facts:
    """Facts in which video stands as said, and every other feature the other way round."""
    video = frozenset({Feature.VIDEO})
    return Facts(
        offered=video if practice else OTHERS,
        declined=(OTHERS if practitioner else video,),
        withheld=OTHERS if client else video,
        permissions=frozenset({GrantPermission.VIDEO_JOIN}) if grant else frozenset(GrantPermission) - {"video.join"},
    )


@pytest.mark.parametrize("gates", list(product(BOTH, repeat=4)))
def test_a_feature_is_on_when_every_gate_is_open(gates: tuple[bool, bool, bool, bool]) -> None:
    decision = effective(Feature.VIDEO, facts(*gates))
    assert decision.allowed is (gates == (True, True, True, True))
    assert tuple(decision.gates.values()) == gates
    assert list(decision.gates) == list(Gate)


@pytest.mark.parametrize("gates", list(product(BOTH, repeat=4)))
def test_the_first_closed_gate_is_named(gates: tuple[bool, bool, bool, bool]) -> None:
    expected = None if all(gates) else list(Gate)[gates.index(False)]
    assert effective(Feature.VIDEO, facts(*gates)).closed is expected


@pytest.mark.parametrize("choices", list(product(BOTH, repeat=3)))
def test_one_practitioner_who_offers_it_is_enough(choices: tuple[bool, ...]) -> None:
    declined = tuple(frozenset[Feature]() if offers else frozenset({Feature.VIDEO}) for offers in choices)
    decision = effective(Feature.VIDEO, Facts(frozenset({Feature.VIDEO}), declined))
    assert decision.allowed is any(choices)


@pytest.mark.parametrize("offered", BOTH)
def test_with_nobody_assigned_the_practice_decides(offered: bool) -> None:
    decision = effective(Feature.VIDEO, Facts(frozenset({Feature.VIDEO}) if offered else frozenset()))
    assert decision.allowed is offered
    assert decision.gates[Gate.PRACTITIONER]


def test_without_a_person_the_grant_is_not_asked() -> None:
    assert effective(Feature.VIDEO, Facts(frozenset(Feature))).allowed
    assert not effective(Feature.VIDEO, Facts(frozenset(Feature), permissions=frozenset())).allowed


@pytest.mark.parametrize("feature", Feature)
def test_each_feature_needs_its_own_permission(feature: Feature) -> None:
    alone = Facts(frozenset(Feature), permissions=frozenset({GRANT_PERMISSION[feature]}))
    assert [name for name, on in allowed(alone).items() if on] == [feature]
