"""What follows from an event: who takes over threads, who is told of it, and the letter that it brings forth."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.jobs import mailing
from portal_api.jobs.context import JobContext
from portal_api.services import audit, notifications
from portal_api.services.messages import handing_over

SUBSCRIPTIONS = notifications.SUBSCRIPTIONS | handing_over.EVENTS


def register(queue: Queue[JobContext]) -> None:
    queue.task("event")(deliver)


async def deliver(context: JobContext, practice_id: UUID, event_id: UUID) -> None:
    """Tell of the event and send what goes out at once: no transaction is open while a mail server is talked to."""
    database, binding = context.tools.database, Binding.system(practice_id)
    async with database.session(binding) as session:
        event = await audit.recorded(session, event_id)
        if event is None:
            return
        await handing_over.follow(session, event)
        following = await notifications.follow(session, event)
    await mailing.send_or_queue(context, practice_id, following.notices)
    if following.letter is not None:
        refusal = await mailing.send(context, practice_id, *following.letter)
        if refusal is not None and not refusal.permanent:
            raise refusal
