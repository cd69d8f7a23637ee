"""Reads practitioners' own calendars: who is due is looked up every five minutes, each is then read by a job."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.integrations.calendars import Unreadable, busy_times
from portal_api.integrations.egress import Answer, Egress, EgressError
from portal_api.jobs.context import JobContext
from portal_api.services import directory
from portal_api.services.scheduling import busy_calendars
from portal_api.services.scheduling.busy_calendars import Copy, Poll

ACCEPT = "text/calendar, */*;q=0.1"


def register(queue: Queue[JobContext]) -> None:
    queue.periodic("*/5 * * * *", "calendars.due", max_attempts=1)(due)
    # A calendar that fails is tried again by the clock: only a lost worker is a reason to repeat the job itself.
    queue.task("calendars.poll", max_attempts=3, timeout=90.0)(poll)


async def due(context: JobContext) -> None:
    """Have every calendar polled whose time has come."""
    database = context.tools.database
    for practice_id in await directory.practice_ids(database):
        binding = Binding.system(practice_id)
        async with database.reader(binding) as reader:
            waiting = await reader.rows(busy_calendars.DUE)
        if waiting:
            async with database.session(binding) as session:
                for row in waiting:
                    await busy_calendars.ask(session, UUID(str(row["id"])))


async def poll(context: JobContext, practice_id: UUID, busy_calendar_id: UUID) -> None:
    """Fetch, read and keep one calendar. No transaction is open while somebody else's server is being talked to."""
    database, binding = context.tools.database, Binding.system(practice_id)
    async with database.session(binding) as session:
        wanted = await busy_calendars.poll(session, busy_calendar_id)
    if wanted is None:
        return
    try:
        answer = await _fetched(context, wanted)
        busy = None
        if answer.status != 304:
            zone = wanted.time_zone
            busy = await busy_times(answer.body, time_zone=zone, start=wanted.start, end=wanted.end)
    except (EgressError, Unreadable) as error:
        async with database.session(binding) as session:
            await busy_calendars.failed(session, busy_calendar_id, error.code)
        return
    async with database.session(binding) as session:
        if busy is None:
            await busy_calendars.unchanged(session, busy_calendar_id)
        else:
            copy = Copy(_header(answer, "etag"), _header(answer, "last-modified"))
            await busy_calendars.keep(session, busy_calendar_id, copy, busy)


async def _fetched(context: JobContext, wanted: Poll) -> Answer:
    """A calendar, or 304 where it was asked for. Raises EgressError for every other answer."""
    egress = Egress(allow=context.tools.settings.egress_allow)
    answer = await egress.get(wanted.url, {"Accept": ACCEPT, **wanted.headers})
    if answer.status == 200 or (answer.status == 304 and wanted.headers):
        return answer
    raise EgressError(_refusal(answer.status))


def _refusal(status: int) -> str:
    if status in (301, 302, 303, 307, 308):
        return "redirected"
    if status in (401, 403):
        return "denied"
    return "not_found" if status in (404, 410) else "server_error"


def _header(answer: Answer, name: str) -> str | None:
    """What will be sent back as it came, if that is safe and of a sensible length."""
    value = answer.headers.get(name, "")
    return value if value and len(value) <= 256 and value.isascii() and value.isprintable() else None
