"""Places in the order of commits, against a model of transactions that begin and end in any order."""

from hypothesis import given
from hypothesis import strategies as st

from portal_api.core.db import Snapshot


@given(st.text("0123456789", min_size=1, max_size=3).map(int), st.sets(st.integers(0, 50), max_size=8))
def test_the_text_of_postgresql_is_read(xmax: int, running: set[int]) -> None:
    ids = sorted(each for each in running if each < xmax)
    text = f"{min([*ids, xmax])}:{xmax}:{','.join(map(str, ids))}"
    assert Snapshot.parse(text) == Snapshot(xmax, tuple(ids))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=80))
def test_between_two_snapshots_is_exactly_what_committed_meanwhile(steps: list[tuple[bool, int]]) -> None:
    """A step begins a transaction, or ends one of those that run; after each somebody looks."""
    running: list[int] = []
    begun, told, ended = 1, set[int](), set[int]()
    seen = Snapshot(1)
    for begins, which in steps:
        if begins or not running:
            running.append(begun)
            begun += 1
        else:
            ended.add(running.pop(which % len(running)))
        stand = Snapshot(max(ended, default=0) + 1, tuple(each for each in running if each <= max(ended, default=0)))
        fresh = {each for each in ended if not seen.sees(each)}
        # What the log is asked for: transactions from xmax on, and those that were running.
        asked = {each for each in ended if each >= seen.xmax or each in seen.running}
        assert fresh == asked
        assert fresh.isdisjoint(told)
        assert all(stand.sees(each) for each in ended)
        told |= fresh
        seen = stand
    assert told == ended


@given(st.integers(1, 40), st.sets(st.integers(1, 40)), st.integers(1, 40), st.sets(st.integers(1, 40)))
def test_one_that_covers_another_sees_all_that_it_sees(
    xmax: int, running: set[int], other_xmax: int, others: set[int]
) -> None:
    one, other = Snapshot(xmax, tuple(running)), Snapshot(other_xmax, tuple(others))
    if one.covers(other):
        assert all(one.sees(each) for each in range(50) if other.sees(each))
