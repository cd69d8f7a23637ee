"""Passwords: what is accepted, and argon2id in threads of its own; the only module that imports passlib."""

import asyncio
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from threading import BoundedSemaphore, Lock
from typing import Any, TypeVar

from passlib.handlers.argon2 import argon2

from portal_api.core.courtesy import CourteousPool
from portal_api.core.weak_words import WEAK_WORDS

MIN_LENGTH = 12
MAX_LENGTH = 256
"""Characters after NFC: any Unicode, never cut off, no composition asked (NIST SP 800-63B-4)."""

MEMORY_KIB, ROUNDS = 19456, 2
"""With 1 lane OWASP's floor for argon2id."""

_MIN_SCORE = 3
_SCORED_LENGTH = 72  # zxcvbn raises above it
_SUBSTITUTES = frozenset("4@8({[<3690!1|7$5+%2")
_SCORED_SUBSTITUTES = 6
# Symbols that zxcvbn reads as letters, each turned into a character that it does not.
_NEUTRAL = {ord(symbol): 0xE000 + place for place, symbol in enumerate("@({[<!|$+%")}
_READINGS = (
    str.maketrans("4@8({[<3690!1|$5+7", "aabcccceggoiiisstt"),
    str.maketrans("4@8({[<3690!1|$5+7", "aabcccceggolllsstt"),
)
_FRESH_LETTERS = 5
_MIN_CONTEXT_WORD = 3
_PRODUCT = "portal"
_STARTER_ALPHABET = "bcdfghjkmnpqrstvwxz23456789"
# zxcvbn keeps the words of the running call in a global.
_zxcvbn_lock = Lock()

T = TypeVar("T")


class Busy(Exception):
    """All threads work and the queue is full: the caller answers 503 with Retry-After."""


class WeakPassword(ValueError):
    """The password may not be set; `code` is stable, `message` is for the person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PasswordHasher:
    """argon2id and strength checks in a bounded pool, so that sign-ins never starve the event loop."""

    def __init__(
        self,
        *,
        memory_kib: int = MEMORY_KIB,
        rounds: int = ROUNDS,
        threads: int = max(1, (os.cpu_count() or 1) - 1),
        queue: int = 64,
    ) -> None:
        """Work in this many threads, with this many calls waiting; one more raises Busy at once."""
        self._argon2: Any = argon2.using(type="ID", memory_cost=memory_kib, rounds=rounds, parallelism=1)
        # Well-formed and opened by nothing known: 16 bytes of salt and 32 of digest, all zero.
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={rounds},p=1${'A' * 22}${'A' * 43}"
        self._pool = CourteousPool(threads, "passwords")
        self._slots = BoundedSemaphore(threads + queue)

    async def hash(self, password: str) -> str:
        """Return the argon2id hash to store; raise WeakPassword for what is too long or not text."""
        secret = _normal(password).encode()
        return await self._run(lambda: str(self._argon2.hash(secret)))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Tell whether the password is the stored one; with none stored do the same work and say no."""
        try:
            secret = _normal(password).encode()
        except WeakPassword:
            secret, stored = b"", None
        matches = await self._run(lambda: bool(self._argon2.verify(secret, stored or self._nobody)))
        return matches and stored is not None

    async def check(self, password: str, *, context: Iterable[str]) -> None:
        """Run `check_strength` in the pool; raises WeakPassword."""
        words = tuple(context)
        await self._run(lambda: check_strength(password, context=words))

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether the hash was made with other parameters than today's."""
        return bool(self._argon2.needs_update(stored))

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        self._pool.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._slots.acquire(blocking=False):
            raise Busy
        try:
            running = self._pool.submit(work)
        except BaseException:
            self._slots.release()
            raise
        # The slot belongs to the work, not to the caller, who may hang up while a thread still computes.
        running.add_done_callback(lambda _: self._slots.release())
        return await asyncio.wrap_future(running)


def check_strength(password: str, *, context: Iterable[str]) -> None:
    """Raise WeakPassword unless the password may be set.

    The context is what an attacker knows of the person: names, e-mail address, name of the practice.
    Takes up to 150 ms of CPU; in the service use `PasswordHasher.check`.
    """
    text = _normal(password)
    if len(text) < MIN_LENGTH:
        raise WeakPassword("password_too_short", f"Use at least {MIN_LENGTH} characters.")
    known = _context_words(context)
    _refuse_known_words(text, known)
    if _score(text, known) < _MIN_SCORE:
        raise _too_common()


def generate() -> str:
    """Return a starter password of 76 random bits, such as `k7mq-2xhd-9rtc-w4pn`.

    Without vowels there are no words in it, and without 0, 1, i, l, o and y nothing to misread.
    """
    return "-".join("".join(secrets.choice(_STARTER_ALPHABET) for _ in range(4)) for _ in range(4))


def _normal(password: str) -> str:
    """Return the NFC form; raise WeakPassword when no password could be that long or is text at all."""
    # Composing shortens a text at most threefold; the bound keeps the work small before it is done.
    text = unicodedata.normalize("NFC", password) if len(password) <= 3 * MAX_LENGTH else password
    if len(text) > MAX_LENGTH:
        raise WeakPassword("password_too_long", f"Use at most {MAX_LENGTH} characters.")
    if any(unicodedata.category(character) == "Cs" for character in text):
        raise WeakPassword("password_not_text", "Use characters that are valid Unicode text.")
    return text


def _context_words(context: Iterable[str]) -> frozenset[str]:
    """Return the words of the context, and each of its texts in one piece, folded."""
    words = {_PRODUCT}
    for text in context:
        parts = re.findall(r"[^\W_]+", _fold(text))
        words.update(parts, ["".join(parts)])
    return frozenset(word for word in words if len(word) >= _MIN_CONTEXT_WORD)


def _fold(text: str) -> str:
    """Return the text without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _refuse_known_words(text: str, known: frozenset[str]) -> None:
    """Raise WeakPassword when little is left besides known words, digits and punctuation.

    zxcvbn alone is content with a common word and a few digits once there are twelve characters.
    """
    folded = _fold(text)
    readings = (folded, *(folded.translate(reading) for reading in _READINGS))
    covered: set[int] = set()
    found: set[str] = set()
    for word in sorted(known | WEAK_WORDS, key=len, reverse=True):
        places = {place for reading in readings for place in _places(word, reading)}
        if places - covered:
            found.add(word)
            covered |= places
    fresh = {letter for place, letter in enumerate(folded) if place not in covered and letter.isalpha()}
    # Four different everyday words in a row are a passphrase; zxcvbn judges those well.
    further_words = max(0, len(found - known) - 1)
    if not found or len(fresh) + 2 * further_words >= _FRESH_LETTERS:
        return
    if found & known:
        message = "Do not build it from your name, your e-mail address or the name of the practice."
        raise WeakPassword("password_contains_context", message)
    raise _too_common()


def _places(word: str, text: str) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        yield from range(start, start + len(word))
        start = text.find(word, start + 1)


def _score(text: str, known: frozenset[str]) -> int:
    """Return zxcvbn's estimate, 0 to 4, of the first characters."""
    from zxcvbn import zxcvbn  # 12 MiB of word lists, which a worker that sets no password never needs

    # Its date matcher fails on line breaks, and nothing invisible makes a password stronger.
    scored = "".join(character for character in text if character.isprintable())[:_SCORED_LENGTH]
    if len(_SUBSTITUTES.intersection(scored)) > _SCORED_SUBSTITUTES:
        # zxcvbn tries every combination of readings: with all of them one password would take ten seconds.
        scored = scored.translate(_NEUTRAL)
    with _zxcvbn_lock:
        return int(zxcvbn(scored, user_inputs=sorted(known))["score"])


def _too_common() -> WeakPassword:
    return WeakPassword("password_too_common", "Too easy to guess. Add a few more words that do not belong together.")
