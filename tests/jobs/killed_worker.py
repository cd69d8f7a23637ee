"""Workers, one after the other, whose only job kills them as the kernel or an operator would."""

import asyncio
import os
import signal
import sys
from uuid import UUID

import psycopg

from portal_api.core.jobs import Backoff, Queue, WorkerTimes

queue: Queue[None] = Queue(backoff=Backoff(first=0.001, factor=1.0), times=WorkerTimes(heartbeat=0.05, lost_after=0.2))


@queue.task("die", max_attempts=3)
async def die(context: None, practice_id: UUID) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def alive(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        return bool(connection.execute("SELECT 1 FROM procrastinate_jobs WHERE status <> 'failed'").fetchall())


def main(dsn: str) -> int:
    """Start workers until the job is dead; says how many were killed."""
    killed = 0
    while alive(dsn):
        child = os.fork()
        if not child:
            asyncio.run(queue.run_worker(dsn, None, stop=asyncio.Event(), wait=False))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
    return killed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
