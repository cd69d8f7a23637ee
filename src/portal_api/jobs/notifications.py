"""Notices: gathered, mailed, pushed; and the daily digests, looked for every five minutes."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from portal_api.core.db import Binding, Session
from portal_api.core.jobs import JobFailed, Queue
from portal_api.integrations.egress import Egress
from portal_api.integrations.push import PushRefused, PushService, WebPush
from portal_api.jobs import mailing
from portal_api.jobs.context import JobContext
from portal_api.services import directory
from portal_api.services.notifications import delivery, devices, digests, gathering

DIGESTS = "digests.plan"
PUSH_SECONDS = 20.0


def register(queue: Queue[JobContext]) -> None:
    queue.periodic("*/5 * * * *", "notices.sweep", max_attempts=1)(sweep)
    queue.task(DIGESTS, max_attempts=20)(plan_digests)
    queue.task(gathering.GATHER)(gather)
    # Until it is given up: then `begin` says that there is nothing to send.
    queue.task(delivery.SEND, max_attempts=40, timeout=120.0)(mail)
    queue.task(devices.PUSH, max_attempts=5, timeout=60.0)(push)


async def sweep(context: JobContext) -> None:
    """One job a practice where something waits, so that one practice's failure is its own."""
    database, queue = context.tools.database, context.tools.queue
    for practice_id in await directory.practice_ids(database):
        async with database.session(Binding.system(practice_id)) as session:
            await gathering.make_good(session)
            await delivery.make_good(session)
            if await digests.any_wait(session):
                await queue.defer(session, DIGESTS, practice_id, key="sweep")


async def plan_digests(context: JobContext, practice_id: UUID) -> None:
    """Make every digest that is due, a transaction each, once what happened before then has been told."""
    database, binding = context.tools.database, Binding.system(practice_id)
    position, more = None, True
    while more:
        async with database.session(binding) as session:
            found, position = await digests.due(session, position)
            await _must_be_told(session, practice_id, found)
        for wanted in found:
            async with database.session(binding) as session:
                await digests.make(session, wanted)
        more = position is not None


async def _must_be_told(session: Session, practice_id: UUID, found: Sequence[digests.Due]) -> None:
    """After a time without workers the events come first: one digest tells of all of it."""
    if not found:
        return
    before = max(wanted.at for wanted in found)
    if await session.tools.queue.has_backlog(session, "event", practice_id, before=before):
        raise JobFailed("what happened before is still being told", retry_in=timedelta(seconds=10))


async def gather(context: JobContext, practice_id: UUID, recipient_id: UUID, kind: str) -> None:
    """Make one mail and one push of what waits, and send the mail."""
    async with context.tools.database.session(Binding.system(practice_id)) as session:
        mails = await gathering.gather(session, recipient_id, kind)
    await mailing.send_or_queue(context, practice_id, mails)


async def mail(context: JobContext, practice_id: UUID, delivery_id: UUID) -> None:
    """Send one mail, until it is taken, refused for good or given up."""
    refusal = await mailing.take_and_send(context, practice_id, delivery_id)
    if refusal is not None and not refusal.permanent:
        raise refusal


async def push(context: JobContext, practice_id: UUID, subscription_id: UUID, notification_id: UUID) -> None:
    """Wake one device; one that is gone is forgotten."""
    database, binding = context.tools.database, Binding.system(practice_id)
    async with database.session(binding) as session:
        prepared = await devices.prepare(session, subscription_id, notification_id)
    if prepared is None:
        return
    gone = False
    try:
        await _service(context).push(prepared.device, prepared.message, urgent=prepared.urgent)
    except PushRefused as refusal:
        if not refusal.gone:
            raise
        gone = True
    async with database.session(binding) as session:
        await devices.sent(session, subscription_id, gone=gone)


def _service(context: JobContext) -> PushService:
    egress = Egress(allow=context.tools.settings.egress_allow, timeout=PUSH_SECONDS, max_bytes=10_000)
    return WebPush(devices.application_server(context.tools), egress)
