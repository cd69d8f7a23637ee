"""Entry points without HTTP: what happens after a commit, and by the clock."""

from typing import Any

from portal_api.core.jobs import Queue
from portal_api.jobs import (
    appointment_requests,
    audit,
    calendars,
    documents,
    events,
    forms,
    guardians,
    notifications,
    onboarding,
    prospects,
    reminders,
    retention,
    safety_alerts,
    video,
)
from portal_api.jobs.context import JobContext
from portal_api.jobs.running import work, working

MODULES = (
    appointment_requests,
    audit,
    calendars,
    documents,
    events,
    forms,
    guardians,
    notifications,
    onboarding,
    prospects,
    reminders,
    retention,
    safety_alerts,
    video,
)
SUBSCRIPTIONS = events.SUBSCRIPTIONS
__all__ = ["SUBSCRIPTIONS", "JobContext", "make_queue", "work", "working"]


def make_queue() -> Queue[Any]:
    """The queue with every task of the program registered."""
    queue: Queue[JobContext] = Queue()
    for module in MODULES:
        module.register(queue)
    return queue
