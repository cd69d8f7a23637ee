"""Safety alerts: a mail to each who must see to one, and to their supervisors when nobody has."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.integrations.mail import MailRefused
from portal_api.jobs.context import JobContext
from portal_api.services import assessments, notifications
from portal_api.services.forms import alerts
from portal_api.services.notifications import alert_letters


def register(queue: Queue[JobContext]) -> None:
    queue.task(alerts.ESCALATION)(escalate)
    queue.task(alert_letters.MAIL)(mail)


async def escalate(context: JobContext, practice_id: UUID, alert_id: UUID) -> None:
    """Once, so many hours after it was raised."""
    async with context.tools.database.session(Binding.system(practice_id)) as session:
        await assessments.escalate(session, alert_id)


async def mail(context: JobContext, practice_id: UUID, event_id: UUID, account_id: UUID) -> None:
    """Tell one recipient: no transaction is open while the mail server is being talked to."""
    database, binding = context.tools.database, Binding.system(practice_id)
    async with database.session(binding) as session:
        prepared = await alert_letters.prepare(session, event_id, account_id)
    if prepared is None:
        return
    delivery_id, letter = prepared
    try:
        await context.mailer.send(letter)
    except MailRefused as refusal:
        async with database.session(binding) as session:
            state = "bounced" if refusal.permanent else "failed"
            await notifications.finish(session, delivery_id, state, refusal.code)
        if refusal.permanent:
            return
        raise
    async with database.session(binding) as session:
        await notifications.finish(session, delivery_id, "sent", 250)
