"""Safety alerts that nobody has seen to are brought before supervisors and owners."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.jobs.context import JobContext
from portal_api.services import assessments
from portal_api.services.forms import alerts


def register(queue: Queue[JobContext]) -> None:
    queue.task(alerts.ESCALATION)(escalate)


async def escalate(context: JobContext, practice_id: UUID, alert_id: UUID) -> None:
    """Once, so many hours after it was raised."""
    async with context.tools.database.session(Binding.system(practice_id)) as session:
        await assessments.escalate(session, alert_id)
