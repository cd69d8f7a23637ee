"""Background jobs: deferred in the caller's transaction, run after it has committed, at least once."""

from portal_api.core.jobs.dead_letters import DeadLetter
from portal_api.core.jobs.failures import Backoff, JobFailed
from portal_api.core.jobs.queue import Queue
from portal_api.core.jobs.worker import WorkerTimes

__all__ = ["Backoff", "DeadLetter", "JobFailed", "Queue", "WorkerTimes"]
