"""`portal-api jobs ...`: jobs that failed for good, and putting them back."""

from argparse import Namespace

from portal_api.cli.console import result
from portal_api.cli.operating import operate
from portal_api.core.db import Binding
from portal_api.core.ids import LOBBY
from portal_api.core.jobs import DeadLetter
from portal_api.core.tools import Tools

PAGE = 100


def run(arguments: Namespace) -> int:
    if arguments.verb == "redrive":
        result(f"{operate(lambda tools: _redrive(tools, arguments.ids or None))} jobs are back in the queue")
        return 0
    for job in operate(_dead):
        result(f"{job.id}  {job.task}  practice {job.practice_id or '-'}  {job.attempts} attempts  {job.reason}")
    return 0


async def _dead(tools: Tools) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    async with tools.database.session(Binding.system(LOBBY)) as session:
        while page := await tools.queue.dead_letters(session, after=found[-1].id if found else 0, limit=PAGE):
            found += page
    return found


async def _redrive(tools: Tools, ids: list[int] | None) -> int:
    async with tools.database.session(Binding.system(LOBBY)) as session:
        return await tools.queue.redrive(session, ids)
