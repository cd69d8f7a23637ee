"""The daily digest over simulated weeks: both changes of the clock, outages of workers and of the mail server.

Whatever happens in between, every event is in exactly one digest of each who is to hear of it, nobody gets an empty
one, and nobody gets more of them than the hour came. The database's clock is turned; the mails go through a real SMTP
server, and what is counted are the links in them.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from portal_api.core.access import ActorKind, Origin, Principal, Role
from portal_api.core.config import Settings
from portal_api.core.jobs import JobFailed
from portal_api.integrations.mail import SmtpMailer
from portal_api.jobs import JobContext
from portal_api.jobs.notifications import plan_digests, sweep
from portal_api.main import create_app
from portal_api.models.clients import ClientAssignment
from portal_api.models.notifications import NotificationSettings
from portal_api.services import audit
from portal_api.services.notifications.digests import next_due
from tests.cast import House, build
from tests.clock import Clock
from tests.database import migrated_database
from tests.mail.conftest import Replies, serving

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPRING = datetime(2027, 3, 9, 15, tzinfo=UTC)
"""Five days before New York skips an hour."""
AUTUMN = datetime(2027, 11, 2, 15, tzinfo=UTC)
"""Five days before an hour comes twice there."""
LINK = re.compile(r"/documents/([0-9a-f-]{36})")
pytestmark = pytest.mark.whatever_rows  # the sweep asks which practices there are


@dataclass(frozen=True)
class Reader:
    """Somebody who gets a digest: at which reading of which clock."""

    email: str
    account_id: UUID
    zone: ZoneInfo
    digest_at: str = "06:00"


@dataclass
class Weeks:
    """A practice whose days go by."""

    house: House
    clock: Clock
    url: str
    replies: Replies
    readers: list[Reader] = field(default_factory=list)
    client_id: UUID = field(default_factory=uuid4)
    now: datetime = SPRING
    begun: datetime = SPRING
    happened: list[UUID] = field(default_factory=list)
    sent_at: dict[str, list[datetime]] = field(default_factory=dict)
    seen: int = 0

    @property
    def jobs(self) -> JobContext:
        return JobContext(self.house.tools, SmtpMailer(self.url, "portal@harbor.example"))

    def go(self, span: timedelta) -> None:
        self.now += span
        self.clock.set(self.now)

    @asynccontextmanager
    async def happening(self) -> AsyncIterator[None]:
        """A document is uploaded, in a transaction that is open as long as the block."""
        document_id = uuid4()
        client = Principal(self.house.id, ActorKind.CLIENT, Origin("test", "127.0.0.1"), uuid4())
        async with self.house.session() as session:
            await audit.record(
                session, client, "document.uploaded", resource=("document", document_id), clients=[self.client_id]
            )
            yield
        self.happened.append(document_id)

    async def happen(self) -> None:
        async with self.happening():
            pass

    async def work(self) -> None:
        """The workers run: by the clock, and whatever is due."""
        await sweep(self.jobs)
        dsn = self.house.tools.settings.worker_dsn
        await self.house.tools.queue.run_worker(dsn, self.jobs, concurrency=4, stop=asyncio.Event(), wait=False)
        for envelope in self.replies.envelopes[self.seen :]:
            (to,) = envelope.rcpt_tos
            self.sent_at.setdefault(to, []).append(self.now)
        self.seen = len(self.replies.envelopes)

    async def plan(self) -> None:
        """One more worker looks for digests that are due; what it puts off, the queue tries again."""
        with suppress(JobFailed):
            await plan_digests(self.jobs, self.house.id)

    def told(self, reader: Reader) -> Counter[UUID]:
        """How often each document is in the mails to somebody."""
        found: Counter[UUID] = Counter()
        for envelope in self.replies.envelopes:
            if envelope.rcpt_tos == [reader.email]:
                links = LINK.findall(text_of(envelope))
                assert links, "an empty digest"
                found.update(UUID(each) for each in links)
        return found

    async def must_add_up(self) -> None:
        """Nothing waits any more after two days of work."""
        for _ in range(6):
            self.go(8 * HOUR)
            await self.work()
        for reader in self.readers:
            assert self.told(reader) == Counter(self.happened)
            sent = self.sent_at.get(reader.email, [])
            assert len(sent) <= self.days(reader), "more than one for a day: one that is late comes beside the next"

    def days(self, reader: Reader) -> int:
        """How often its hour has come since the beginning."""
        at, count = next_due(self.begun, reader.zone, reader.digest_at), 0
        while at <= self.now:
            at, count = next_due(at, reader.zone, reader.digest_at), count + 1
        return count


def text_of(envelope: Any) -> str:
    message = message_from_bytes(envelope.content, policy=default)
    part = message.get_body(("plain",))  # type: ignore[attr-defined]
    assert part is not None
    return str(part.get_content())


@pytest.fixture(scope="module")
def travelling(cluster: str) -> Iterator[tuple[str, Clock]]:
    """A migrated database whose clock can be turned."""
    url = migrated_database(cluster, "travelling")
    superuser = make_url(cluster).set(database="travelling").render_as_string(hide_password=False)
    with psycopg.connect(superuser, autocommit=True) as connection:
        yield url, Clock.of(connection)


@asynccontextmanager
async def weeks(
    travelling: tuple[str, Clock], settings: Settings, directory: Path, start: datetime
) -> AsyncIterator[Weeks]:
    """A practice in New York, and three who work with its one client; each has another clock or hour."""
    url, clock = travelling
    clock.connection.execute("TRUNCATE practice, procrastinate_jobs CASCADE")
    clock.set(start)
    replies = Replies()
    app = create_app(settings.model_copy(update={"database_url": url, "data_dir": directory}))
    async with (
        serving(replies) as smtp,
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as http,
    ):
        house = await build(app, http)
        clock.connection.execute("UPDATE practice SET time_zone = 'America/New_York'")
        life = Weeks(house, clock, smtp, replies, now=start, begun=start)
        life.client_id = await house.client()
        wishes: list[tuple[str | None, str | None]] = [(None, None), (None, "02:30"), ("Australia/Lord_Howe", "01:45")]
        # The second is not to be disturbed between one and five, and so gets it at five.
        for zone, digest_at in wishes:
            await _reader(life, zone, digest_at)
        yield life


async def _reader(life: Weeks, zone: str | None, digest_at: str | None) -> None:
    account = await life.house.account("staff")
    practitioner_id = await life.house.member(account, Role.PRACTITIONER)
    async with life.house.session() as session:
        session.add(ClientAssignment(client_id=life.client_id, practitioner_id=practitioner_id))
        quiet = {"quiet_from": "01:00", "quiet_until": "05:00"} if digest_at == "02:30" else {}
        session.add(NotificationSettings(account_id=account.id, time_zone=zone, digest_at=digest_at, **quiet))
    life.readers.append(Reader(account.email, account.id, ZoneInfo(zone or "America/New_York"), digest_at or "06:00"))


@pytest.mark.parametrize("start", [SPRING, AUTUMN], ids=["spring", "autumn"])
async def test_a_fortnight_with_a_change_of_the_clock_and_outages(
    travelling: tuple[str, Clock], settings: Settings, tmp_path: Path, start: datetime
) -> None:
    """F14.M2, SH-126."""
    async with weeks(travelling, settings, tmp_path, start) as life:
        for step in range(14 * 6):
            life.go(4 * HOUR)
            if step % 2:
                await life.happen()
            day = step // 6
            if day in (3, 10):  # no worker runs
                continue
            life.replies.rcpt = "450 4.2.1 later" if day == 6 else "250 OK"
            await life.work()
        await life.must_add_up()
        assert len(life.happened) == 42
        first, second, _ = life.readers
        hours = [at.astimezone(first.zone).hour for at in life.sent_at[first.email]]
        assert sum(6 <= hour < 10 for hour in hours) >= 9, "as a rule, in the morning"
        assert not {at.astimezone(second.zone).hour for at in life.sent_at[second.email]} & set(range(1, 5)), "F14.B1"


@dataclass(frozen=True)
class Step:
    minutes: int
    what: str


STEPS = st.lists(
    st.builds(
        Step,
        minutes=st.integers(1, 30 * 60),
        what=st.sampled_from(["happen", "happen", "work", "work", "both", "mail_off", "mail_on", "twice"]),
    ),
    max_size=24,
)


HELD_UP = [("twice", 1236), ("happen", 276), ("work", 761), ("both", 1670), ("both", 137)]
"""Yesterday's digest comes at a quarter to four, when the workers run again, and today's at six."""


def test_every_event_is_in_exactly_one_digest_whatever_happens(
    travelling: tuple[str, Clock], settings: Settings, tmp_path: Path
) -> None:
    """Histories at random: of events, workers that run or do not, and a mail server that takes mail or does not."""

    @given(STEPS, st.sampled_from([SPRING, AUTUMN]))
    @example([Step(minutes, what) for what, minutes in HELD_UP], SPRING)
    @settings_of_examples
    def lives(steps: list[Step], start: datetime) -> None:
        asyncio.run(_live(travelling, settings, tmp_path, steps, start))

    lives()


settings_of_examples = settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


async def _live(
    travelling: tuple[str, Clock], settings: Settings, directory: Path, steps: list[Step], start: datetime
) -> None:
    async with weeks(travelling, settings, directory, start) as life:
        for step in steps:
            life.go(timedelta(minutes=step.minutes))
            match step.what:
                case "happen":
                    await life.happen()
                case "work":
                    await life.work()
                case "both":
                    await asyncio.gather(life.happen(), life.work())
                case "twice":
                    await asyncio.gather(life.plan(), life.plan())
                case "mail_off":
                    life.replies.rcpt = "450 4.2.1 later"
                case _:
                    life.replies.rcpt = "250 OK"
        life.replies.rcpt = "250 OK"
        await life.must_add_up()


async def test_an_outage_over_the_hour_ends_in_one_digest(
    travelling: tuple[str, Clock], settings: Settings, tmp_path: Path
) -> None:
    """Features, acceptance test 16: outage over 06:00, one digest, no loss; nothing to say, no mail."""
    async with weeks(travelling, settings, tmp_path, SPRING) as life:
        await life.work()
        assert life.replies.envelopes == [], "empty: none"
        for _ in range(20):
            life.go(2 * HOUR)
            await life.happen()
        for _ in range(2):
            await life.work()
            life.go(timedelta(minutes=5))
        first = [envelope for envelope in life.replies.envelopes if envelope.rcpt_tos == [life.readers[0].email]]
        assert [len(LINK.findall(text_of(envelope))) for envelope in first] == [20]
        await life.must_add_up()


async def test_one_that_could_not_be_sent_is_told_by_the_next(
    travelling: tuple[str, Clock], settings: Settings, tmp_path: Path
) -> None:
    """F14.M2: made late in the evening, refused past the next hour: one mail tells of both days."""
    async with weeks(travelling, settings, tmp_path, SPRING) as life:
        await life.happen()
        life.go(36 * HOUR)
        life.replies.rcpt = "450 4.2.1 later"
        for _ in range(2):
            await life.work()
            life.go(timedelta(minutes=5))
        await life.happen()
        await life.work()
        life.go(10 * HOUR)
        await life.plan()
        life.replies.rcpt = "250 OK"
        await life.work()
        first = [envelope for envelope in life.replies.envelopes if envelope.rcpt_tos == [life.readers[0].email]]
        assert [len(LINK.findall(text_of(envelope))) for envelope in first] == [2]
        await life.must_add_up()


async def test_a_transaction_that_commits_late_is_told_by_the_next(
    travelling: tuple[str, Clock], settings: Settings, tmp_path: Path
) -> None:
    async with weeks(travelling, settings, tmp_path, datetime(2027, 3, 10, 10, 50, tzinfo=UTC)) as life:
        await life.happen()
        await life.work()
        async with life.happening():  # begun before six, New York
            life.go(HOUR)
            await life.work()
            assert len(life.told(life.readers[0])) == 1
        await life.work()
        assert len(life.told(life.readers[0])) == 1, "one a day"
        await life.must_add_up()


async def test_what_a_digest_could_not_deliver_is_in_the_next(
    travelling: tuple[str, Clock], settings: Settings, tmp_path: Path
) -> None:
    """Since the last successful one: a digest that was given up tells nothing."""
    async with weeks(travelling, settings, tmp_path, SPRING) as life:
        await life.happen()
        life.replies.rcpt = "450 4.2.1 later"
        for _ in range(3):
            life.go(21 * HOUR)
            await life.work()
        life.replies.rcpt = "250 OK"
        await life.must_add_up()
        states = life.clock.connection.execute("SELECT DISTINCT state FROM mail_delivery WHERE kind = 'digest'")
        assert {state for (state,) in states.fetchall()} == {"abandoned", "sent"}


async def test_an_address_that_bounced_gets_everything_once_there_is_a_better_one(
    travelling: tuple[str, Clock], settings: Settings, tmp_path: Path
) -> None:
    async with weeks(travelling, settings, tmp_path, SPRING) as life:
        await life.happen()
        life.replies.rcpt = "550 5.1.1 no such user"
        for _ in range(9):
            life.go(3 * HOUR)
            await life.work()
        life.replies.rcpt = "250 OK"
        await life.happen()
        for _ in range(9):
            life.go(3 * HOUR)
            await life.work()
        assert life.replies.envelopes == []
        first = life.readers.pop(0)
        life.clock.connection.execute(
            "UPDATE account SET email = 'new@harbor.example' WHERE id = %s", (first.account_id,)
        )
        life.readers = [Reader("new@harbor.example", first.account_id, first.zone, first.digest_at)]
        await life.must_add_up()
