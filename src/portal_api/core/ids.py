"""Identifiers: UUIDv7 (RFC 9562 section 5.7), made by the server."""

import os
import time
from uuid import UUID

LOBBY = UUID(int=0)
"""The practice of nobody: what a caller is bound to before the request has named a practice."""

_TAIL = 10
_BOUGHT = 256 * _TAIL


def new_id() -> UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(_random_tail()) & ((1 << 76) - 1)
    rand_a, rand_b = tail >> 64, tail & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


_tails: list[bytes] = []


def _random_tail() -> bytes:
    """Random bytes for one id. They are bought in bulk: a call of the kernel costs more than an id."""
    try:
        return _tails.pop()
    except IndexError:
        bought = os.urandom(_BOUGHT)
        _tails.extend(bought[start : start + _TAIL] for start in range(_TAIL, _BOUGHT, _TAIL))
        return bought[:_TAIL]


# Two processes must not hand out the same bytes.
os.register_at_fork(after_in_child=_tails.clear)
