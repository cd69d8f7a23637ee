"""Rate limits shared by all workers: the generic cell rate algorithm in one statement."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from portal_api.core.db.database import Database
from portal_api.core.errors import TooMany

_HIT: Final = """
INSERT INTO rate_limit AS l (key, arrival_at) VALUES ($1, now() + $2::interval)
ON CONFLICT (key) DO UPDATE SET arrival_at = greatest(l.arrival_at, now()) + $2::interval
WHERE greatest(l.arrival_at, now()) + $2::interval - now() <= $3::interval
RETURNING 1
"""
_FORGIVE: Final = "UPDATE rate_limit SET arrival_at = arrival_at - $2::interval WHERE key = $1"
_FORGET: Final = "DELETE FROM rate_limit WHERE key = $1"
_PRUNE: Final = """
DELETE FROM rate_limit WHERE arrival_at < now() AND key = ANY (ARRAY(
    SELECT key FROM rate_limit WHERE arrival_at < now() LIMIT $1
))
RETURNING 1
"""
_WAIT: Final = (
    "SELECT extract(epoch FROM arrival_at + $2::interval - $3::interval - now())::float8 FROM rate_limit WHERE key = $1"
)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` in `period`, and not more than `count` at once."""

    name: str
    count: int
    period: timedelta

    def policy(self, factor: float = 1.0) -> str:
        """The value of RateLimit-Policy."""
        return f'"{self.name}";q={max(1, int(self.count * factor))};w={int(self.period.total_seconds())}'


class Limiter:
    """Counts in the database, outside the caller's transaction, so that a refusal is counted too.

    `factor` multiplies every limit (PORTAL_RATE_LIMIT_FACTOR).
    """

    def __init__(self, database: Database, *, factor: float = 1.0) -> None:
        self._database = database
        self._factor = factor

    async def hit(self, limits: Mapping[Limit, str]) -> None:
        """Count one event against each limit's key (an account, an address, a network).

        Raises TooMany with Retry-After when one of them is used up. Keys are stored as hashes.
        """
        async with self._database.side() as connection:
            for limit, key in limits.items():
                digest, interval = _digest(limit, key), self._interval(limit)
                if not await connection.fetchval(_HIT, digest, interval, limit.period):
                    wait = await connection.fetchval(_WAIT, digest, interval, limit.period)
                    raise TooMany(wait or 1.0, limit.policy(self._factor))

    async def forgive(self, limits: Mapping[Limit, str]) -> None:
        """Take a counted event back: what turned out well does not count."""
        async with self._database.side() as connection:
            for limit, key in limits.items():
                await connection.execute(_FORGIVE, _digest(limit, key), self._interval(limit))

    async def forget(self, limit: Limit, key: str) -> None:
        """Start counting anew: for limits on what happens in a row."""
        async with self._database.side() as connection:
            await connection.execute(_FORGET, _digest(limit, key))

    async def prune(self, at_most: int) -> int:
        """Delete counters that count nothing any more: absent, they say the same. Says how many."""
        async with self._database.side() as connection:
            return len(await connection.fetch(_PRUNE, at_most))

    def _interval(self, limit: Limit) -> timedelta:
        return limit.period / max(1.0, limit.count * self._factor)


def _digest(limit: Limit, key: str) -> bytes:
    return hashlib.sha256(f"{limit.name}\0{key}".encode()).digest()
