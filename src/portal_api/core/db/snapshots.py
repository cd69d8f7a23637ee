"""Which transactions somebody has seen: a place in the order of commits, whatever order the rows were made in."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Snapshot:
    """PostgreSQL's pg_snapshot: the transactions below `xmax`, but for those that were still running.

    What one snapshot does not see and a later one does has committed in between, exactly: a transaction that was
    under way for long is neither skipped nor waited for.
    """

    xmax: int
    running: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From PostgreSQL's text, `xmin:xmax:xip,xip`. Raises ValueError."""
        _, xmax, running = text.split(":")
        return cls(int(xmax), tuple(map(int, running.split(","))) if running else ())

    def sees(self, xact: int) -> bool:
        """Whether the transaction had ended. Of one that was rolled back there is nothing to see."""
        return xact < self.xmax and xact not in self.running

    def covers(self, other: Self) -> bool:
        """Whether everything that the other sees is seen here too."""
        return other.xmax <= min((self.xmax, *self.running))
