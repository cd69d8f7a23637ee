"""Sending mails that the delivery log knows: for every job that does."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from portal_api.core.db import Binding
from portal_api.integrations.mail import Mail, MailRefused
from portal_api.jobs.context import JobContext
from portal_api.services import notifications
from portal_api.services.notifications import delivery

AGAIN_IN = timedelta(seconds=30)


async def send(context: JobContext, practice_id: UUID, delivery_id: UUID, mail: Mail) -> MailRefused | None:
    """Send what was taken, and write down how it went; returns the refusal, if it was refused."""
    refusal: MailRefused | None = None
    try:
        await context.mailer.send(mail)
    except MailRefused as error:
        refusal = error
    async with context.tools.database.session(Binding.system(practice_id)) as session:
        await notifications.finish(session, delivery_id, refusal)
    return refusal


async def take_and_send(context: JobContext, practice_id: UUID, delivery_id: UUID) -> MailRefused | None:
    """The same for one that nobody has taken yet. Raises JobFailed while somebody else is sending it."""
    async with context.tools.database.session(Binding.system(practice_id)) as session:
        mail = await delivery.begin(session, delivery_id)
    return await send(context, practice_id, delivery_id, mail) if mail is not None else None


async def send_or_queue(context: JobContext, practice_id: UUID, delivery_ids: Sequence[UUID]) -> None:
    """Send each at once; one that the server does not take now gets a job of its own, and keeps no other waiting."""
    for delivery_id in delivery_ids:
        refusal = await take_and_send(context, practice_id, delivery_id)
        if refusal is not None and not refusal.permanent:
            async with context.tools.database.session(Binding.system(practice_id)) as session:
                await delivery.queue(session, delivery_id, after=AGAIN_IN)
