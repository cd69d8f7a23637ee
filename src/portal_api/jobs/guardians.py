"""Birthdays at which guardians may do less: staff are told ahead, both sides once the day begins."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.jobs import practices
from portal_api.jobs.context import JobContext
from portal_api.services import directory, invitations
from portal_api.services.guardians import transitions


def register(queue: Queue[JobContext]) -> None:
    # Every hour, as midnight comes to the zones one after the other; the access itself has changed by then.
    queue.periodic("4 * * * *", "guardians.hourly")(hourly)
    queue.periodic("26 2 * * *", "guardians.daily")(daily)
    queue.task("guardians.announce")(announce)
    queue.task(transitions.REALIGN)(realign)


async def hourly(context: JobContext) -> None:
    """One job a practice where somebody has come of age, so that one practice's failure is its own."""
    database, queue = context.tools.database, context.tools.queue
    for practice_id in await directory.practice_ids(database):
        async with database.session(Binding.system(practice_id)) as session:
            if await transitions.is_any_due(session):
                await queue.defer(session, "guardians.announce", practice_id, key="hourly")


async def daily(context: JobContext) -> None:
    """What the moments depend on may have changed, such as the practice's zone; staff are told of what is ahead."""
    await practices.queue_for_each(context, transitions.REALIGN, key="daily")


async def announce(context: JobContext, practice_id: UUID) -> None:
    """A transaction a batch. Who is to be invited is invited in the same one."""
    count = 1
    while count:
        async with context.tools.database.session(Binding.system(practice_id)) as session:
            count, invited = await transitions.announce(session)
            for client_id, by in invited:
                await invitations.invite_of_age(session, client_id, by)


async def realign(context: JobContext, practice_id: UUID) -> None:
    """A transaction a batch."""
    after, more = None, True
    while more:
        async with context.tools.database.session(Binding.system(practice_id)) as session:
            after = await transitions.realign(session, after)
        more = after is not None
    more = True
    while more:
        async with context.tools.database.session(Binding.system(practice_id)) as session:
            more = await transitions.foretell(session)
