"""Reminders: a sweep every five minutes plans them, a job each sends them when they are due."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import JobFailed, Queue
from portal_api.integrations.reminders import EmailReminders, ReminderChannel
from portal_api.jobs.context import JobContext
from portal_api.services import directory, notifications
from portal_api.services.notifications import reminders


def register(queue: Queue[JobContext]) -> None:
    queue.periodic("*/5 * * * *", "reminders.sweep", max_attempts=1)(sweep)
    queue.task("reminders.plan", max_attempts=3)(plan)
    # Until the appointment begins: then `begin` drops it.
    queue.task(reminders.TASK, max_attempts=30, timeout=120.0)(send)


async def sweep(context: JobContext) -> None:
    """One job a practice that reminds, so that one practice's failure is its own."""
    database, queue = context.tools.database, context.tools.queue
    for practice_id in await directory.practice_ids(database):
        async with database.session(Binding.system(practice_id)) as session:
            if await reminders.offsets(session):
                await queue.defer(session, "reminders.plan", practice_id, key="sweep")


async def plan(context: JobContext, practice_id: UUID) -> None:
    """Plan what is due soon, a transaction a batch, and queue again what was lost."""
    database, binding = context.tools.database, Binding.system(practice_id)
    async with database.session(binding) as session:
        offsets = await reminders.offsets(session)
        await reminders.make_good(session)
    for offset in offsets:
        position, more = None, True
        while more:
            async with database.session(binding) as session:
                position = await reminders.plan(session, offset, position)
            more = position is not None


async def send(context: JobContext, practice_id: UUID, reminder_id: UUID) -> None:
    """Send one reminder: no transaction is open while the channel's server is being talked to."""
    database, binding = context.tools.database, Binding.system(practice_id)
    async with database.session(binding) as session:
        sending = await reminders.begin(session, reminder_id)
    if sending is None:
        return
    failure: JobFailed | None = None
    try:
        await _channel(context, sending.channel).send(sending.notice)
    except JobFailed as error:
        failure = error
    async with database.session(binding) as session:
        await reminders.finish(session, reminder_id, failure)
        await notifications.finish(session, sending.delivery_id, failure)
    if failure is not None and not failure.permanent:
        raise failure


def _channel(context: JobContext, name: str) -> ReminderChannel:
    channels: dict[str, ReminderChannel] = {"email": EmailReminders(context.mailer)}
    return channels[name]
