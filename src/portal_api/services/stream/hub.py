"""The hub of a process: hears where something happened, reads it once, and tells those who listen and may see it."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from portal_api.core.access import ActorKind
from portal_api.core.db import Binding, Database, Reader, Snapshot
from portal_api.core.errors import Unavailable
from portal_api.core.tools import Tools
from portal_api.services.stream import log, subjects, viewers
from portal_api.services.stream.audiences import audience_of
from portal_api.services.stream.feeds import Feed, Message
from portal_api.services.stream.places import Place
from portal_api.services.stream.viewers import Viewer

CHECK = 15.0
"""Seconds after which the authority of all who listen is looked up again, whatever has happened."""
DEAF = 2.0
"""Seconds between two looks at the log while nothing can be heard."""
TICK = 1.0
MOST_EVENTS = 1000
"""Of one look at the log; more is a reset."""
MOST_OF_ACCOUNT = 20
"""Connections of one account in this process; the oldest gives way."""
_log = structlog.get_logger()


class Room:
    """Those who listen to one practice. A room without anybody is given up."""

    __slots__ = ("_viewers", "due", "feeds", "new", "practice_id", "seen")

    def __init__(self, practice_id: UUID) -> None:
        self.practice_id = practice_id
        self.seen: Snapshot | None = None
        self.feeds: dict[Feed, None] = {}
        """In the order in which they came."""
        self.new: list[Feed] = []
        self.due = 0.0
        self._viewers: WeakValueDictionary[tuple[UUID | None, str], Viewer] = WeakValueDictionary()

    def shared(self, viewer: Viewer | None) -> Viewer | None:
        """One for all streams of an account that see the same: a caseload is most of what an idle stream holds."""
        if viewer is None:
            return None
        return self._viewers.setdefault((viewer.principal.account_id, viewer.mark), viewer)

    @property
    def is_empty(self) -> bool:
        return not self.feeds and not self.new


class Hub:
    """One for the process. Nothing is polled for a single listener: one look at the log and one at the authority serve
    all who listen to a practice."""

    def __init__(self, tools: Tools) -> None:
        self._database: Database = tools.database
        self._rooms: dict[UUID, Room] = {}
        self._dirty: set[UUID] = set()
        self._wake = asyncio.Event()
        self._listener = tools.database.listener(self._heard, self._look_everywhere)
        self._tasks: list[asyncio.Task[Any]] = []
        self._closed = False

    def join(self, practice_id: UUID, feed: Feed) -> None:
        """Let the feed begin. Its first message says where it begins, or its `next` raises what is in the way."""
        if self._closed:
            feed.fail(Unavailable("This process is about to stop."))
            return
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._listener.run())]
        room = self._rooms.setdefault(practice_id, Room(practice_id))
        room.new.append(feed)
        self._make_way(room, feed.account_id)
        self._heard(practice_id)

    def leave(self, practice_id: UUID, feed: Feed) -> None:
        feed.end()
        room = self._rooms.get(practice_id)
        if room is not None:
            room.feeds.pop(feed, None)
            if feed in room.new:
                room.new.remove(feed)
            if room.is_empty:
                del self._rooms[practice_id]

    async def end_at(self, stopping: asyncio.Event) -> None:
        """Let everybody go as soon as the process is told to stop, so that nobody is waited for."""
        await stopping.wait()
        self._let_go()

    async def close(self) -> None:
        self._let_go()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def listeners(self) -> int:
        return sum(len(room.feeds) + len(room.new) for room in self._rooms.values())

    def _let_go(self) -> None:
        self._closed = True
        for room in self._rooms.values():
            for feed in (*room.feeds, *room.new):
                feed.end()

    def _make_way(self, room: Room, account_id: UUID) -> None:
        theirs = [feed for feed in (*room.feeds, *room.new) if feed.account_id == account_id]
        for feed in theirs[: max(0, len(theirs) - MOST_OF_ACCOUNT)]:
            self.leave(room.practice_id, feed)

    def _heard(self, practice_id: UUID) -> None:
        if practice_id in self._rooms:
            self._dirty.add(practice_id)
            self._wake.set()

    def _look_everywhere(self) -> None:
        self._dirty |= self._rooms.keys()
        self._wake.set()

    async def _work(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._wake.wait()
            self._wake.clear()
            now = asyncio.get_running_loop().time()
            dirty, self._dirty = self._dirty, set()
            for room in list(self._rooms.values()):
                if room.practice_id in dirty or room.due <= now:
                    await self._turn(room, now)

    async def _turn(self, room: Room, now: float) -> None:
        """One practice's turn. What fails is tried again when it is due; whoever has just come is told so."""
        newcomers, beating = list(room.new), room.due <= now
        try:
            async with self._database.reader(Binding.system(room.practice_id)) as reader:
                await self._bring(reader, room, newcomers, now)
        except Exception as error:
            _log.error("stream_turn_failed", error=type(error).__qualname__)
            room.due = now + DEAF
            for feed in newcomers:
                feed.fail(Unavailable("Live updates are not available now."))
        room.new = [feed for feed in room.new if feed not in newcomers]
        if beating:
            for feed in room.feeds:
                feed.beat(room.seen)

    async def _bring(self, reader: Reader, room: Room, newcomers: list[Feed], now: float) -> None:
        news = await log.now(reader) if room.seen is None else await log.since(reader, room.seen, MOST_EVENTS)
        before = room.seen or news.snapshot
        checking = room.due <= now or not news.complete or any(audience_of(event.type).moves for event in news.events)
        born = {event.resource_id for event in news.events if event.type == "client.created" and event.resource_id}
        await self._look_up(reader, room, [*room.feeds, *newcomers] if checking else newcomers, before, born)
        if checking:
            room.due = now + (CHECK if self._listener.is_listening else DEAF)
        known = await subjects.look(reader, news.events) if room.feeds else {}
        for feed in room.feeds:
            if news.complete:
                feed.tell(news.events, known, before, news.snapshot)
            else:
                feed.reset("too_much", news.snapshot)
            if feed.ahead is not None and news.snapshot.covers(feed.ahead):
                feed.ahead = None
        room.seen = news.snapshot
        for feed in newcomers:
            await self._begin(reader, room, feed, news)

    async def _look_up(
        self, reader: Reader, room: Room, feeds: Iterable[Feed], seen: Snapshot, born: set[UUID]
    ) -> None:
        """Whose session has ended, or who has lost every access, is let go; who sees other things fetches anew.

        born: clients of whom there was nothing to see before.
        """
        by_kind: dict[ActorKind, list[Feed]] = {ActorKind.STAFF: [], ActorKind.CLIENT: []}
        for feed in feeds:
            by_kind.get(feed.kind, []).append(feed)
        for kind, asked in by_kind.items():
            found = await viewers.load(reader, kind, {feed.session_id for feed in asked})
            for feed in asked:
                before, viewer = feed.viewer, room.shared(found.get(feed.session_id))
                if before is not None and viewer is not None and before.mark == viewer.mark:
                    continue
                feed.viewer = viewer
                if viewer is None:
                    feed.end()
                elif before is not None and before.mark != viewer.without(born - before.clients).mark:
                    feed.reset("access_changed", seen)

    async def _begin(self, reader: Reader, room: Room, feed: Feed, news: log.News) -> None:
        """Bring a newcomer from where it stood to where the practice stands, or further."""
        if not feed.is_open:
            return
        feed.put(Message(None, None, feed.place(news.snapshot) if feed.resume is True else ""))
        stand = news.snapshot
        if feed.resume is False or (isinstance(feed.resume, Place) and log.is_ahead(feed.resume.seen, news)):
            feed.reset("unknown_place", stand)
        elif isinstance(feed.resume, Place):
            stand = await self._make_good(reader, feed, feed.resume)
        if feed.follow and feed.is_open:  # it may have left meanwhile
            room.feeds[feed] = None
        else:
            feed.put(Message(None, None, feed.place(stand)))
            feed.end()

    async def _make_good(self, reader: Reader, feed: Feed, since: Place) -> Snapshot:
        """Tell what the reader has missed; returns up to where that goes."""
        missed = await log.since(reader, since.seen, MOST_EVENTS)
        if feed.viewer is not None and feed.viewer.mark != since.scope:
            feed.reset("access_changed", missed.snapshot)
        elif not missed.complete:
            feed.reset("too_much", missed.snapshot)
        else:
            known = await subjects.look(reader, missed.events)
            feed.tell(missed.events, known, since.seen, missed.snapshot)
        feed.ahead = missed.snapshot
        return missed.snapshot
