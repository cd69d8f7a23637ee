"""Passwords that are chosen: checked, then hashed."""

from collections.abc import Iterable

from portal_api.core.errors import Unavailable, invalid
from portal_api.core.passwords import Busy, WeakPassword
from portal_api.core.tools import Tools


async def hash_new(tools: Tools, password: str, context: Iterable[str], pointer: str) -> str:
    """Hash a new password. Raises Invalid with the field when it is weak, Unavailable when hashing is saturated.

    context: words a guesser would try first: names, the practice, the e-mail address.
    """
    try:
        await tools.hasher.check(password, context=context)
        return await tools.hasher.hash(password)
    except WeakPassword as error:
        raise invalid(pointer, error.code, str(error)) from None
    except Busy:
        raise Unavailable("Too many people are signing in at this moment.") from None


async def verify(tools: Tools, password: str, stored: str | None) -> bool:
    """Compare in the bounded pool; an absent hash costs the same time (A01). Raises Unavailable."""
    try:
        return await tools.hasher.verify(password, stored)
    except Busy:
        raise Unavailable("Too many people are signing in at this moment.") from None


async def kept(tools: Tools, password: str, stored: str | None) -> str | None:
    """The hash to keep for a password just verified: made anew when the parameters have risen since."""
    if stored is None or not tools.hasher.needs_rehash(stored):
        return stored
    try:
        return await tools.hasher.hash(password)
    except Busy:
        return stored
