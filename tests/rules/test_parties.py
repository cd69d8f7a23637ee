"""Who is asked to sign, and whose turn it is: for any mixture of roles, guardians and signatures (F8.B2)."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from portal_api.models.forms import SignerRole
from portal_api.models.signatures import Party
from portal_api.services.signatures.parties import Given, Signer, Standing, Wanted, standing

CLIENT, PRACTITIONER, SUPERVISOR = uuid4(), uuid4(), uuid4()
ROLES = st.lists(st.sampled_from(list(SignerRole)), min_size=1, max_size=5, unique=True)
GUARDIANS = st.lists(st.uuids(), max_size=3, unique=True)


def everybody(guardians: list[UUID], capacity: str = "practitioner") -> list[Signer]:
    return [
        Signer(CLIENT, Party.CLIENT, "self"),
        *(Signer(guardian, Party.GUARDIAN, "parent") for guardian in guardians),
        Signer(PRACTITIONER, Party.PRACTITIONER, capacity),
        Signer(SUPERVISOR, Party.SUPERVISOR, "supervisor"),
    ]


def stands(roles: list[SignerRole], guardians: list[UUID], given: list[Given], *, every: bool = False) -> Standing:
    return standing([Wanted(role) for role in roles], guardians, given, all_guardians=every, in_order=True)


@given(ROLES, GUARDIANS, st.booleans(), st.sampled_from(["practitioner", "intern"]), st.randoms())
def test_it_comes_to_an_end_with_each_person_once(
    roles: list[SignerRole], guardians: list[UUID], every: bool, capacity: str, random: object
) -> None:
    people = everybody(guardians, capacity)
    given: list[Given] = []
    while True:
        now = stands(roles, guardians, given, every=every)
        turns = [person for person in people if not isinstance(now.place_of([person]), str)]
        if not turns:
            break
        signer = random.choice(turns)  # type: ignore[attr-defined]
        given.append(Given(signer.account_id, signer.party, signer.capacity))
    assert len({one.account_id for one in given}) == len(given)
    needs_guardian = {SignerRole.GUARDIAN_ANY, SignerRole.GUARDIAN_EACH} & set(roles)
    two_of_one = len(needs_guardian) == 2 and len(guardians) > 0
    if (guardians or not needs_guardian) and not two_of_one:
        assert stands(roles, guardians, given, every=every).is_complete
    for person in people:
        assert isinstance(stands(roles, guardians, given, every=every).place_of([person]), str)


@given(ROLES, GUARDIANS, st.booleans())
def test_nobody_is_asked_before_those_who_come_first(
    roles: list[SignerRole], guardians: list[UUID], every: bool
) -> None:
    now = stands(roles, guardians, [], every=every)
    for person in everybody(guardians):
        place = now.place_of([person])
        if not isinstance(place, str):
            assert place[0].position == 0


@given(GUARDIANS)
def test_all_guardians_must_where_custody_says_so(guardians: list[UUID]) -> None:
    now = stands([SignerRole.CLIENT], guardians, [], every=True)
    wanted = [slot.account_id for slot, _ in now.slots]
    assert wanted == (guardians or [None])


@given(GUARDIANS.filter(bool), st.data())
def test_one_of_them_is_enough_else(guardians: list[UUID], data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(guardians))
    given = [Given(one, Party.GUARDIAN, "parent")]
    assert stands([SignerRole.CLIENT], guardians, given).is_complete
    assert not stands([SignerRole.CLIENT], guardians, given, every=True).is_complete or len(guardians) == 1


def test_a_stranger_to_the_paper_is_never_asked() -> None:
    now = stands([SignerRole.CLIENT], [], [])
    assert now.place_of([Signer(PRACTITIONER, Party.PRACTITIONER, "practitioner")]) == "not_asked"
    assert now.place_of([]) == "not_asked"


def test_what_an_intern_signed_wants_a_supervisor_next() -> None:
    """F20.M6"""
    given = [Given(PRACTITIONER, Party.PRACTITIONER, "intern")]
    now = stands([SignerRole.PRACTITIONER, SignerRole.CLIENT], [], given)
    assert [slot.party for slot, _ in now.slots] == [Party.PRACTITIONER, Party.SUPERVISOR, Party.CLIENT]
    assert now.place_of([Signer(CLIENT, Party.CLIENT, "self")]) == "not_your_turn"
