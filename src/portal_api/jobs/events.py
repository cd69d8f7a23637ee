"""What follows from an event: its mail."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.integrations.mail import MailRefused
from portal_api.jobs.context import JobContext
from portal_api.services import notifications

SUBSCRIPTIONS = frozenset(notifications.LETTERS)


def register(queue: Queue[JobContext]) -> None:
    queue.task("event")(deliver)


async def deliver(context: JobContext, practice_id: UUID, event_id: UUID) -> None:
    """Send the event's mail: no transaction is open while the mail server is being talked to."""
    database, binding = context.tools.database, Binding.system(practice_id)
    async with database.session(binding) as session:
        prepared = await notifications.prepare(session, event_id)
    if prepared is None:
        return
    delivery_id, mail = prepared
    try:
        await context.mailer.send(mail)
    except MailRefused as refusal:
        async with database.session(binding) as session:
            state = "bounced" if refusal.permanent else "failed"
            await notifications.finish(session, delivery_id, state, refusal.code)
        if refusal.permanent:
            return
        raise
    async with database.session(binding) as session:
        await notifications.finish(session, delivery_id, "sent", 250)
