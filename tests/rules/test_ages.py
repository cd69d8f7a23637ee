"""What age rules leave of a guardian's access: to the second, in the practice's zone (F6.B1, A09)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal_api.core.access import GrantPermission
from portal_api.services.clients.ages import Outlook, Rule, age_on, birthday, outlook

ALL = frozenset(permission.value for permission in GrantPermission)
VIEW = frozenset({"appointments.view"})
END_AT_18 = Rule(18, None, invite=True)
NARROW_AT_12 = Rule(12, VIEW | {"messages"}, invite=False)
NARROW_AT_16 = Rule(16, VIEW, invite=False)
AUCKLAND, LOS_ANGELES = ZoneInfo("Pacific/Auckland"), ZoneInfo("America/Los_Angeles")
BORN = date(2010, 6, 15)
SECOND = timedelta(seconds=1)

permissions = st.frozensets(st.sampled_from(sorted(ALL)))
rules = st.lists(
    st.builds(Rule, st.integers(1, 30), st.none() | permissions, st.booleans()),
    max_size=6,
    unique_by=lambda rule: rule.age,
)
instants = st.integers(0, 60 * 366 * 24 * 60).map(
    lambda minutes: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def seen(now: datetime, *applied: Rule, zone: ZoneInfo = AUCKLAND, extended_to: datetime | None = None) -> Outlook:
    return outlook(ALL, BORN, applied, zone, now, extended_to)


def holds(found: Outlook, now: datetime) -> frozenset[str]:
    """What the database makes of it: the grant's own comparison with the clock."""
    if found.ends_at is not None and found.ends_at <= now:
        return frozenset()
    if found.narrows_at is not None and found.narrowed is not None and found.narrows_at <= now:
        return found.narrowed
    return found.permissions


@pytest.mark.parametrize("zone", [AUCKLAND, LOS_ANGELES, ZoneInfo("UTC")])
def test_it_ends_as_the_birthday_begins(zone: ZoneInfo) -> None:
    midnight = datetime(2028, 6, 15, tzinfo=zone)
    found = seen(datetime(2020, 1, 1, tzinfo=UTC), END_AT_18, zone=zone)
    assert found.ends_at == midnight
    assert holds(found, midnight - SECOND) == ALL
    assert holds(found, midnight) == frozenset()


def test_it_narrows_step_by_step() -> None:
    first, second = datetime(2022, 6, 15, tzinfo=AUCKLAND), datetime(2026, 6, 15, tzinfo=AUCKLAND)
    rules = (END_AT_18, NARROW_AT_16, NARROW_AT_12)
    child = seen(first - SECOND, *rules)
    assert (child.permissions, child.narrows_at, child.narrowed) == (ALL, first, VIEW | {"messages"})
    teen = seen(first, *rules)
    assert (teen.permissions, teen.narrows_at, teen.narrowed) == (VIEW | {"messages"}, second, VIEW)
    assert [at for at, _ in teen.moments] == [first, second, datetime(2028, 6, 15, tzinfo=AUCKLAND)]
    assert teen.next_after(first) == second


def test_without_a_birthday_or_a_rule_nothing_changes() -> None:
    now = datetime(2060, 1, 1, tzinfo=UTC)
    assert seen(now) == Outlook(ALL)
    assert outlook(ALL, None, (END_AT_18,), AUCKLAND, now) == Outlook(ALL)


def test_an_extension_puts_off_what_would_have_come() -> None:
    until = datetime(2029, 1, 1, tzinfo=UTC)
    now = datetime(2028, 12, 31, tzinfo=UTC)
    found = seen(now, NARROW_AT_12, NARROW_AT_16, END_AT_18, extended_to=until)
    assert (found.permissions, found.ends_at) == (ALL, until)
    assert (found.narrows_at, found.narrowed) == (until, VIEW)
    assert seen(now, END_AT_18, extended_to=datetime(2020, 1, 1, tzinfo=UTC)).ends_at == datetime(
        2028, 6, 15, tzinfo=AUCKLAND
    )


@pytest.mark.parametrize(
    ("born", "age", "day"),
    [
        (date(2008, 2, 29), 18, date(2026, 3, 1)),
        (date(2008, 2, 29), 20, date(2028, 2, 29)),
        (date(2007, 3, 1), 1, date(2008, 3, 1)),
        (date(2010, 12, 31), 18, date(2028, 12, 31)),
    ],
)
def test_birthdays(born: date, age: int, day: date) -> None:
    assert birthday(born, age) == day
    assert (age_on(born, day), age_on(born, day - timedelta(days=1))) == (age, age - 1)


@given(few=permissions, more=permissions, applied=rules, now=instants, extended=st.none() | instants)
def test_more_permissions_never_leave_less(
    few: frozenset[str], more: frozenset[str], applied: list[Rule], now: datetime, extended: datetime | None
) -> None:
    """A lattice: what rules do is to intersect."""
    lesser = holds(outlook(few, BORN, applied, AUCKLAND, now, extended), now)
    greater = holds(outlook(few | more, BORN, applied, AUCKLAND, now, extended), now)
    assert lesser <= greater
    assert lesser <= few


@given(held=permissions, applied=rules, computed=instants, later=st.timedeltas(timedelta(0), timedelta(days=9000)))
def test_what_is_stored_is_never_more_than_what_would_be_computed(
    held: frozenset[str], applied: list[Rule], computed: datetime, later: timedelta
) -> None:
    """A job that is late, or never runs, leaves at most what is between two rules that narrow; never after the end."""
    now = computed + later
    stored = outlook(held, BORN, applied, AUCKLAND, computed)
    fresh = outlook(held, BORN, applied, AUCKLAND, now)
    if fresh.ends_at is not None and fresh.ends_at <= now:
        assert holds(stored, now) == frozenset()
    passed = [rule for at, rule in stored.moments if computed < at <= now and not rule.ends]
    if len(passed) <= 1:
        assert holds(stored, now) == holds(fresh, now)
    assert holds(fresh, now) <= holds(stored, now)


@given(held=permissions, applied=rules, now=instants, later=st.timedeltas(timedelta(0), timedelta(days=9000)))
def test_age_takes_away_and_never_gives(
    held: frozenset[str], applied: list[Rule], now: datetime, later: timedelta
) -> None:
    before, after = now, now + later
    assert holds(outlook(held, BORN, applied, AUCKLAND, after), after) <= holds(
        outlook(held, BORN, applied, AUCKLAND, before), before
    )
