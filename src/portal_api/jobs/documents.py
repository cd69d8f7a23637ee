"""Files: looked at before anybody reads them, taken away when nothing refers to them, disposed of in time."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from portal_api.core.db import Binding
from portal_api.core.ids import LOBBY
from portal_api.core.jobs import JobFailed, Queue
from portal_api.integrations.antivirus import ScannerUnavailable, scanner
from portal_api.integrations.pictures import Unreadable, cleaned
from portal_api.jobs import practices
from portal_api.jobs.context import JobContext
from portal_api.services import directory
from portal_api.services.documents import adding, disposal, examining, references, storing

AT_ONCE = 500
AWAY = timedelta(minutes=5)
"""After so long a scanner that gave no verdict is asked again: whoever sent the file waits for it, and no longer."""


def register(queue: Queue[JobContext]) -> None:
    queue.task("documents.examine", timeout=900.0)(examine)
    queue.task("documents.erase")(erase)
    queue.task("documents.tidy", timeout=3600.0)(tidy)
    queue.periodic("*/5 * * * *", "documents.ask_again")(ask_again)
    queue.periodic("17 4 * * *", "documents.daily")(daily)


async def examine(context: JobContext, practice_id: UUID, file_id: UUID) -> None:
    """Look at one file. Without a verdict it stays closed, and is looked at again later (A31)."""
    tools, binding = context.tools, Binding.system(practice_id)
    async with tools.database.session(binding) as session:
        subject = await examining.subject(session, file_id)
    if subject is None:
        return
    judge = scanner(tools.settings)
    try:
        harm = await judge.scan(storing.read(tools.storage, subject.sealed)) if judge else None
    except ScannerUnavailable as error:
        raise JobFailed(f"the scanner gave no verdict: {error}", retry_in=AWAY) from None
    if harm is not None:
        async with tools.database.session(binding) as session:
            await examining.found_harmful(session, file_id, harm)
        return
    rendition = None
    try:
        if subject.is_picture:
            async with cleaned(storing.read(tools.storage, subject.sealed)) as picture:
                rendition = await examining.store_rendition(tools, practice_id, picture) if picture else None
    except Unreadable as error:
        async with tools.database.session(binding) as session:
            await examining.found_unreadable(session, file_id, error.code)
        return
    except TimeoutError:
        raise JobFailed("the picture was not read in time") from None
    async with tools.database.session(binding) as session:
        await examining.found_good(session, file_id, rendition, scanned=judge is not None)


async def erase(context: JobContext, practice_id: UUID) -> None:
    """Take away the objects of files that nothing refers to, then what is known of them."""
    tools, binding = context.tools, Binding.system(practice_id)
    while True:
        async with tools.database.session(binding) as session:
            files = await disposal.doomed(session)
        for file in files:
            await tools.storage.delete(file["key"])
        async with tools.database.session(binding) as session:
            await disposal.forget(session, [UUID(str(file["id"])) for file in files])
        if len(files) < disposal.BATCH:
            return


async def ask_again(context: JobContext) -> None:
    """A file whose look failed for good, or that was taken before there was a scanner, is looked at after all."""
    tools, scanned = context.tools, bool(context.tools.settings.antivirus_url)
    for practice_id in await directory.practice_ids(tools.database):
        async with tools.database.session(Binding.system(practice_id)) as session:
            for file_id in await examining.waiting(session, scanned=scanned):
                await adding.ask_for_a_look(session, file_id)


async def daily(context: JobContext) -> None:
    await practices.queue_for_each(context, "documents.tidy", key="daily")


async def tidy(context: JobContext, practice_id: UUID) -> None:
    """Dispose of documents whose time is over, where the practice wants that, and of what no row knows."""
    await _dispose(context, practice_id)
    await erase(context, practice_id)
    await _sweep(context, practice_id)


async def _dispose(context: JobContext, practice_id: UUID) -> None:
    database, binding = context.tools.database, Binding.system(practice_id)
    after = LOBBY
    while True:
        async with database.session(binding) as session:
            over = await disposal.over(session, after)
        for document_id in over:
            # What something else still shows, such as a message, stays: the others do not wait for it.
            with suppress(references.DocumentInUse):
                async with database.session(binding) as session:
                    await disposal.dispose(session, document_id)
        if len(over) < disposal.BATCH:
            return
        after = over[-1]


async def _sweep(context: JobContext, practice_id: UUID) -> None:
    """Objects without a row, of uploads that came to nothing: after a day there is no row to come."""
    storage, before = context.tools.storage, datetime.now(UTC) - disposal.UNCLAIMED
    batch: list[str] = []
    async for listed in storage.list(str(practice_id)):
        if listed.modified_at < before:
            batch.append(listed.key)
        if len(batch) == AT_ONCE:
            await _drop_unclaimed(context, practice_id, batch)
            batch = []
    if batch:
        await _drop_unclaimed(context, practice_id, batch)


async def _drop_unclaimed(context: JobContext, practice_id: UUID, batch: list[str]) -> None:
    async with context.tools.database.session(Binding.system(practice_id)) as session:
        unclaimed = await disposal.unclaimed(session, batch)
    for key in unclaimed:
        await context.tools.storage.delete(key)
