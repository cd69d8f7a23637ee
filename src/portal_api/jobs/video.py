"""Ends the connections of who was put out of a session, and looks every minute for whom that is due (F11.M2)."""

from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.jobs import Queue
from portal_api.integrations.video import LiveKit, video_provider
from portal_api.jobs.context import JobContext
from portal_api.services import directory
from portal_api.services.video import removing


def register(queue: Queue[JobContext]) -> None:
    queue.periodic("* * * * *", "video.strays", max_attempts=1)(strays)
    queue.task("video.remove_strays")(remove_strays)
    queue.task(removing.DISCONNECT, max_attempts=5, timeout=30.0)(disconnect)


async def strays(context: JobContext) -> None:
    """A look at each practice, and a job for one where somebody is in a room and may not be."""
    database, queue = context.tools.database, context.tools.queue
    for practice_id in await directory.practice_ids(database):
        binding = Binding.system(practice_id)
        async with database.reader(binding) as reader:
            due = await reader.row(removing.STRAYS)
        if due:
            async with database.session(binding) as session:
                await queue.defer(session, "video.remove_strays", practice_id, key="minute")


async def remove_strays(context: JobContext, practice_id: UUID) -> None:
    async with context.tools.database.session(Binding.system(practice_id)) as session:
        await removing.remove_strays(session)


async def disconnect(context: JobContext, practice_id: UUID, participant_id: UUID) -> None:
    """No transaction is open while the provider is being talked to; what it does not answer is tried again."""
    settings = context.tools.settings
    if settings.video_provider != LiveKit.name:
        return
    async with context.tools.database.session(Binding.system(practice_id)) as session:
        place = await removing.still_out(session, participant_id)
    if place is not None:
        provider = video_provider(settings)
        assert isinstance(provider, LiveKit)  # noqa: S101 - asked above
        await provider.remove(place.room, place.participant_id)
