"""Passwords: the policy, argon2id, and a pool that says no instead of stalling."""

import asyncio
import unicodedata
from collections.abc import Iterator
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_api.core import passwords
from portal_api.core.passwords import Busy, PasswordHasher, WeakPassword, check_strength, generate
from tests.patience import PATIENCE

CONTEXT = ("Sunshine Practice", "Anna", "Meier", "anna.meier@mueller-praxis.example")
GOOD = "zebra lamp under nine kiosks"
UMLAUT = "über die sieben Brücken gehn"

passwords.argon2.set_backend()  # else the first use loads it, and fails where a test has put something before it


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    hasher = PasswordHasher(threads=1)
    yield hasher
    hasher.close()


REFUSED = {
    "eleven characters": ("kqzvjxwpbtm", "password_too_short"),
    "twelve code points that compose to eleven": ("kqzvjxwpbtu\u0308", "password_too_short"),
    "257 characters": (GOOD.ljust(257, "x"), "password_too_long"),
    "common word, year, marks": ("Password2026!!", "password_too_common"),
    "common word in look-alikes": ("P@$$w0rd2026!!", "password_too_common"),
    "common word doubled": ("sunflowersunflower", "password_too_common"),
    "keyboard row and digits": ("qwertyuiop1234567", "password_too_common"),
    "one character over and over": ("aaaaaaaaaaaaaaaa", "password_too_common"),
    "common word of another language": ("meinpasswort2026", "password_too_common"),
    "practice and common word": ("sunshinepractice1", "password_contains_context"),
    "product, look-alikes": ("We1come2Portal!", "password_contains_context"),
    "e-mail address": ("anna.meier.1990", "password_contains_context"),
    "domain of the e-mail address": ("Mueller-Praxis-2026", "password_contains_context"),
    "half a surrogate pair": (GOOD + "\ud800", "password_not_text"),
}

ACCEPTED = {
    "twelve random letters, no composition": "kqzvjxwpbtmf",
    "digits alone": "83920174229155",
    "words with spaces": GOOD,
    "four everyday words": "dragon tiger eagle falcon",
    "another script": "кот собака дом река",
    "256 characters": (GOOD * 10)[:256],
    "a name inside much else": "Anna paints purple giraffes",
    "every look-alike symbol": "4@8({[<369!1|7$5+%2z0" * 3,
    "line breaks": "97814\n\nzebra\tlamp kiosk",
    "emoji": "🦓💡🏪🎲🧲🪁🧵🪀🎷🪕🧩🎻",
}


@pytest.mark.parametrize(("password", "code"), REFUSED.values(), ids=REFUSED)
def test_a_weak_password_is_refused_with_its_code(password: str, code: str):
    """S47."""
    with pytest.raises(WeakPassword) as refused:
        check_strength(password, context=CONTEXT)
    assert refused.value.code == code
    assert password not in refused.value.message


@pytest.mark.parametrize("password", ACCEPTED.values(), ids=ACCEPTED)
def test_a_strong_password_is_accepted(password: str):
    """S47: any Unicode, no composition rules."""
    check_strength(password, context=CONTEXT)


def test_context_counts_only_for_the_person_it_belongs_to():
    check_strength("Gundelfinger2026", context=())
    with pytest.raises(WeakPassword):
        check_strength("Gundelfinger2026", context=("Gundelfinger",))
    check_strength("Gundelfinger2026", context=())


def test_a_password_of_look_alikes_is_scored_with_few_of_them(monkeypatch: pytest.MonkeyPatch):
    """A39: zxcvbn's work doubles with each symbol that may stand for a letter; twenty take seconds."""
    scored: list[str] = []

    def record(password: str, *, user_inputs: list[str]) -> dict[str, int]:
        scored.append(password)
        return {"score": 4}

    monkeypatch.setattr("zxcvbn.zxcvbn", record)
    check_strength("4@8({[<369!1|7$5+%2z0" * 12, context=())
    assert len(scored[0]) == 72
    assert not set("@({[<!|$+%") & set(scored[0])


@given(
    st.text(st.characters(), min_size=12, max_size=300),
    st.lists(st.text(st.characters(), max_size=30), max_size=3),
)
@settings(max_examples=300, deadline=None)
def test_the_policy_answers_for_any_text(password: str, context: list[str]):
    try:
        check_strength(password, context=context)
    except WeakPassword as refused:
        assert refused.code.startswith("password_")


def test_generated_passwords_pass_the_policy():
    """F3.M5."""
    generated = {generate() for _ in range(200)}
    assert len(generated) == 200
    for password in generated:
        check_strength(password, context=CONTEXT)
        assert not set("01ilo") & set(password)


async def test_the_right_password_verifies_and_a_wrong_one_does_not(hasher: PasswordHasher):
    stored = await hasher.hash(GOOD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert GOOD not in stored
    assert await hasher.verify(GOOD, stored)
    assert not await hasher.verify(GOOD + " ", stored)


async def test_the_same_password_hashes_differently_each_time(hasher: PasswordHasher):
    assert await hasher.hash(GOOD) != await hasher.hash(GOOD)


async def test_composed_and_decomposed_spellings_are_one_password(hasher: PasswordHasher):
    composed, decomposed = (unicodedata.normalize(form, UMLAUT) for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert await hasher.verify(decomposed, await hasher.hash(composed))
    assert await hasher.verify(composed, await hasher.hash(decomposed))


async def test_every_character_counts_past_72_bytes(hasher: PasswordHasher):
    long = (GOOD * 10)[:255]
    stored = await hasher.hash(long + "a")
    assert await hasher.verify(long + "a", stored)
    assert not await hasher.verify(long + "b", stored)
    assert not await hasher.verify(long, stored)


@pytest.mark.parametrize(
    "password", [GOOD, "", "x" * 1_000_000, "\ud800", "\0"], ids=["good", "empty", "huge", "half", "nul"]
)
async def test_no_account_takes_the_same_path_and_says_no(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch, password: str
):
    """A01: an unknown address costs one argon2 verification with today's parameters."""
    verified: list[str] = []
    verify = passwords.argon2.verify
    monkeypatch.setattr(
        passwords.argon2, "verify", lambda secret, stored: verified.append(stored) or verify(secret, stored)
    )
    assert not await hasher.verify(password, None)
    assert len(verified) == 1
    assert not hasher.needs_rehash(verified[0])


async def test_a_text_that_cannot_be_a_password_never_matches(hasher: PasswordHasher):
    stored = await hasher.hash("")
    for password in ("x" * 257, "x" * 1_000_000, "\ud800"):
        assert not await hasher.verify(password, stored)


async def test_a_hash_of_older_parameters_still_verifies_and_asks_for_a_new_one(hasher: PasswordHasher):
    older = passwords.argon2.using(type="ID", memory_cost=8192, rounds=1, parallelism=1).hash(GOOD)
    assert await hasher.verify(GOOD, older)
    assert hasher.needs_rehash(older)
    assert not hasher.needs_rehash(await hasher.hash(GOOD))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Event:
    """argon2 takes until this is set."""
    done = Event()
    for name in ("hash", "verify"):
        work = getattr(passwords.argon2, name)
        monkeypatch.setattr(passwords.argon2, name, lambda *of, work=work: done.wait(PATIENCE) and work(*of))
    return done


async def test_beyond_the_queue_it_is_busy_at_once_and_the_loop_goes_on(held: Event):
    """A39: 1 works, 4 wait, the other 15 are told so without waiting; the loop turns meanwhile."""
    hasher = PasswordHasher(threads=1, queue=4)
    callers = [asyncio.create_task(hasher.verify(GOOD, None)) for _ in range(20)]
    told = await asyncio.gather(*callers[5:], return_exceptions=True)
    assert [type(result) for result in told] == [Busy] * 15
    assert not any(caller.done() for caller in callers[:5])
    held.set()
    assert await asyncio.gather(*callers[:5]) == [False] * 5
    assert await hasher.verify(GOOD, None) is False
    hasher.close()


async def test_a_caller_who_hangs_up_frees_the_queue(held: Event):
    hasher = PasswordHasher(threads=1, queue=1)
    callers = [asyncio.create_task(hasher.hash(GOOD)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await hasher.hash(GOOD)
    callers[1].cancel()
    held.set()
    await asyncio.gather(*callers, return_exceptions=True)
    assert callers[1].cancelled()
    assert len(await asyncio.gather(hasher.hash(GOOD), hasher.hash(GOOD))) == 2
    hasher.close()


async def test_the_check_runs_in_the_pool_with_the_same_answer(hasher: PasswordHasher):
    await hasher.check(GOOD, context=CONTEXT)
    with pytest.raises(WeakPassword) as refused:
        await hasher.check("Password2026!!", context=(word for word in CONTEXT))
    assert refused.value.code == "password_too_common"
