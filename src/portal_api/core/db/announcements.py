"""Word that something was committed in a practice, from every process to every process that listens."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import structlog

from portal_api.core.db.connections import Lease

CHANNEL = "portal_events"
GATHERING = 0.02
"""Seconds after one word in which the next ones gather."""
PAUSE = 2.0
"""Seconds before a lost connection is made anew."""
_SAY = f"SELECT pg_notify('{CHANNEL}', id) FROM unnest($1::text[]) AS id"
_log = structlog.get_logger()


class Announcer:
    """Sends NOTIFY with the practice's id after its transaction has committed, for all that commit meanwhile together.

    Within the transaction of a change it would hold a lock of the whole server over that transaction's flush to disk,
    and all writers would wait for each other. It is a hint: one that is lost is made good by those who look from time
    to time.
    """

    def __init__(self, connection: Callable[[], Lease]) -> None:
        self._connection = connection
        self._waiting: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def announce(self, practice_id: UUID) -> None:
        self._waiting.add(str(practice_id))
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Say what is left."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            await self._say()

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._say()
                await asyncio.sleep(GATHERING)
        finally:
            self._task = None

    async def _say(self) -> None:
        said, self._waiting = self._waiting, set()
        try:
            async with self._connection() as connection:
                await connection.execute(_SAY, sorted(said))
        except asyncio.CancelledError:
            self._waiting |= said
            raise
        except Exception as error:
            _log.warning("announcement_lost", error=type(error).__qualname__)


class Listener:
    """Hears what is announced, on a connection of its own that is made again whenever it is lost."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        heard: Callable[[UUID], None],
        connected: Callable[[], None],
    ) -> None:
        """heard: something has happened in this practice. connected: listening anew; what was said before is missed."""
        self._connect = connect
        self._heard = heard
        self._connected = connected
        self.is_listening = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                _log.warning("listener_lost", error=type(error).__qualname__)
            await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        connection, lost = await self._connect(), asyncio.Event()
        try:
            connection.add_termination_listener(_setter(lost))
            await connection.add_listener(CHANNEL, self._hear)
            self.is_listening = True
            self._connected()
            await lost.wait()
        finally:
            self.is_listening = False
            connection.terminate()

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._heard(UUID(str(payload)))


def _setter(event: asyncio.Event) -> Callable[[object], None]:
    def set_it(_connection: object) -> None:
        event.set()

    return set_it
