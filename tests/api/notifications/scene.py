"""A practice in which things happen: its owner, a practitioner who works with a client, and the client's login."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from portal_api.core.access import ActorKind, Origin, Principal, Role
from portal_api.core.db import Binding
from portal_api.core.ids import new_id
from portal_api.integrations.mail import SmtpMailer, StoredMail
from portal_api.jobs import JobContext
from portal_api.models.auth import Account
from portal_api.models.clients import ClientAssignment
from portal_api.services import audit
from tests.cast import House
from tests.entry import open_practice
from tests.mail.conftest import Replies, serving
from tests.people import client_login, colleague, grant, guardian
from tests.world import Caller, Practice, World

Sql = Callable[..., list[Any]]
INBOX, PREFERENCES, LOG = "/v1/me/notifications", "/v1/me/notification-preferences", "/v1/practice/notification-log"


@dataclass
class Scene:
    world: World
    practice: Practice
    sql: Sql
    practitioner: Caller
    practitioner_id: str
    client_id: str
    client: Caller

    @property
    def owner(self) -> Caller:
        return self.practice.owner

    @property
    def house(self) -> House:
        return House(self.world.app, self.world.http, UUID(self.practice.id))

    async def happen(
        self,
        type: str,
        *,
        by: Caller | None = None,
        clients: list[str] | None = None,
        resource: tuple[str, UUID] | None = None,
        changed: tuple[str, ...] = (),
        **details: Any,
    ) -> UUID:
        """Record an event as a service does, for something that no endpoint of these tests does."""
        kind = ActorKind(by.account["kind"]) if by else ActorKind.SYSTEM
        account_id = UUID(by.account["id"]) if by else None
        principal = Principal(UUID(self.practice.id), kind, Origin("test", "127.0.0.1"), account_id)
        about = [self.client_id] if clients is None else clients
        async with self.house.session() as session:
            return await audit.record(
                session,
                principal,
                type,
                resource=resource or ("thing", new_id()),
                clients=[UUID(id) for id in about],
                changed=changed,
                details=details,
            )

    def time_passes(self) -> None:
        """What waits for others of its kind, for its turn or for a retry has waited long enough."""
        self.sql(
            "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"
            " AND task_name = ANY (%s) AND args ->> 'practice_id' = %s",
            ["event", "notices.gather", "notices.mail", "notices.push", "digests.plan"],
            self.practice.id,
        )

    async def settle(self) -> None:
        """Everything that follows has followed."""
        await self.world.run_jobs()
        self.time_passes()
        await self.world.run_jobs()

    async def settle_by(self, replies: Replies) -> None:
        """The same, through a mail server that answers as told; once."""
        tools = self.world.tools
        async with serving(replies) as url:
            context = JobContext(tools, SmtpMailer(url, tools.settings.mail_from))
            for _ in range(2):
                await tools.queue.run_worker(
                    self.world.worker_dsn, context, concurrency=1, stop=asyncio.Event(), wait=False
                )
                self.sql(
                    "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE task_name = 'notices.gather'"
                    " AND args ->> 'practice_id' = %s",
                    self.practice.id,
                )

    async def mails(self, to: Caller | str) -> list[StoredMail]:
        """What came to an address once everything has followed, newest first."""
        await self.settle()
        address = to if isinstance(to, str) else to.account["email"]
        return [mail for mail in self.world.mailbox.list() if address in mail.to]

    async def inbox(self, caller: Caller, **query: Any) -> list[dict[str, Any]]:
        """What is in somebody's inbox once everything has followed, newest first."""
        await self.settle()
        answer = await caller.get(INBOX, params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def types(self, caller: Caller) -> list[str]:
        return [row["event_type"] for row in await self.inbox(caller)]

    async def choose(self, caller: Caller, **kinds: dict[str, str | None]) -> dict[str, Any]:
        """Set modes by kind and channel."""
        answer = await caller.patch(PREFERENCES, {"kinds": kinds})
        assert answer.status_code == 200, answer.text
        chosen: dict[str, Any] = answer.json()
        return chosen

    async def log(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.owner.get(LOG, params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def run(self, statement: Any) -> None:
        async with self.world.tools.database.session(Binding.system(UUID(self.practice.id))) as session:
            await session.execute(statement)

    async def verified(self, caller: Caller) -> Caller:
        """The address is known to be theirs."""
        mine = Account.id == UUID(caller.account["id"])
        await self.run(update(Account).where(mine).values(email_verified_at=datetime.now(UTC)))
        return caller

    async def guardian(self, *permissions: str) -> Caller:
        return await self.verified(await guardian(self.world, self.practice, self.client_id, *permissions))

    async def also_acts_for_another(self, parent: Caller) -> None:
        """One more child: with no grant at all nobody gets in."""
        sibling = await self.world.client(self.owner)
        await grant(self.world, self.practice, parent.account["id"], sibling["id"], "parent", ("documents.view",))

    async def colleague(self, *roles: Role) -> tuple[Caller, str]:
        return await colleague(self.world, self.practice, *roles)

    async def assign(self, practitioner_id: str, client_id: str | None = None) -> None:
        row = ClientAssignment(client_id=UUID(client_id or self.client_id), practitioner_id=UUID(practitioner_id))
        async with self.house.session() as session:
            session.add(row)

    async def message(self) -> dict[str, Any]:
        """The practitioner writes to the client; the thread."""
        assert (await self.owner.patch("/v1/practice/features", {"secure_messaging": True})).is_success
        body = {"client_id": self.client_id, "subject": "A subject", "body": "What is written"}
        answer = await self.practitioner.post("/v1/threads", body)
        assert answer.status_code == 201, answer.text
        thread: dict[str, Any] = answer.json()
        return thread

    async def quiet_now(self, caller: Caller) -> str:
        """It is quiet at somebody's, by the clock of Kathmandu, for an hour and a half; returns until when."""
        now = datetime.now(UTC) + timedelta(hours=5, minutes=45)
        start, end = (f"{now + timedelta(minutes=minutes):%H:%M}" for minutes in (-30, 90))
        body = {"quiet_hours": {"start": start, "end": end}, "time_zone": "Asia/Kathmandu"}
        answer = await caller.patch(PREFERENCES, body)
        assert answer.json()["effective_time_zone"] == "Asia/Kathmandu", answer.text
        return end

    async def appointment(self, at: datetime, *, by: Caller | None = None, **fields: Any) -> dict[str, Any]:
        """Booked through the API, with the practitioner, by the owner."""
        service_id = await self.house.service(duration_minutes=50)
        body = {
            "client_id": self.client_id,
            "practitioner_id": self.practitioner_id,
            "service_id": str(service_id),
            "starts_at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "mode": "video",
        }
        answer = await (by or self.owner).post("/v1/appointments", body | fields)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


async def open_scene(world: World, sql: Sql) -> Scene:
    practice = await open_practice(world)
    practitioner, practitioner_id = await colleague(world, practice, Role.PRACTITIONER)
    made = await world.client(practice.owner, practitioner_ids=[practitioner_id])
    client = await client_login(world, practice, made["id"])
    scene = Scene(world, practice, sql, practitioner, practitioner_id, made["id"], client)
    await scene.verified(client)
    return scene
