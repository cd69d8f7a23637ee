"""Why a job failed, and when it is tried again."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from traceback import walk_tb

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job
from procrastinate.utils import utcnow

REASON_LENGTH = 300
RANK_EPOCH = 1_735_689_600  # 2025-01-01T00:00:00Z: ranks are seconds since then, and fit into an integer


class JobFailed(Exception):
    """
    A job could not be done. The message is stored and shown to operators, so it holds no personal data.

    permanent: trying again cannot help. retry_in: when to try again, instead of the queue's back-off.
    """

    def __init__(self, reason: str, *, permanent: bool = False, retry_in: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason[:REASON_LENGTH]
        self.permanent = permanent
        self.retry_in = retry_in


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds: `first`, then `factor` times the last one, at most `ceiling`; each up to `jitter` shorter."""

    first: float = 5.0
    factor: float = 4.0
    ceiling: float = 3600.0
    jitter: float = 0.25

    def wait(self, attempts: int) -> float:
        """Seconds to wait after the given number of attempts, of which there was at least one."""
        longest = min(self.ceiling, self.first * self.factor ** (attempts - 1))
        return longest * (1 - self.jitter * random.random())  # noqa: S311 - spreads load, hides nothing


class RetryRule(BaseRetryStrategy):
    """Tries again until the attempts are used up; a retry is ranked by the moment when it is due."""

    def __init__(self, max_attempts: int, backoff: Backoff) -> None:
        self.max_attempts = max_attempts
        self.backoff = backoff

    # pyrefly: ignore[missing-override-decorator]
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        attempts = job.attempts + 1
        asked = exception if isinstance(exception, JobFailed) else JobFailed("")
        if asked.permanent or attempts >= self.max_attempts:
            return None
        wait = asked.retry_in
        if wait is None:
            wait = timedelta(seconds=self.backoff.wait(attempts))
        retry_at = utcnow() + wait
        return RetryDecision(retry_at=retry_at, priority=priority_at(retry_at))


def priority_at(moment: datetime) -> int:
    """The priority of a job that is due at the moment and has nothing of its practice before it."""
    return RANK_EPOCH - int(moment.timestamp())


def describe(error: Exception, package: str) -> JobFailed:
    """The failure without its message, which may quote personal data: the type, and the last line of ours."""
    if isinstance(error, JobFailed):
        return JobFailed(f"{type(error).__name__}: {error.reason}", permanent=error.permanent, retry_in=error.retry_in)
    frames = [(str(frame.f_globals.get("__name__")), line) for frame, line in walk_tb(error.__traceback__)]
    ours = [f" at {module}:{line}" for module, line in frames if module.split(".")[0] == package]
    return JobFailed(type(error).__name__ + (ours[-1] if ours else ""))
