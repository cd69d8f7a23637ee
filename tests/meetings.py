"""A video session for tests: a practice, its practitioner, a client, an appointment that began just now."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select

from portal_api.models.audit import Event
from tests.cast import House
from tests.entry import bound, open_practice
from tests.people import client_login
from tests.world import Caller, Practice, World

Sql = Callable[..., list[Any]]


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclass
class Meeting:
    """A practice with video on, whose owner practises; a client of theirs; an appointment that began just now."""

    world: World
    practice: Practice
    sql: Sql
    client_id: str
    client: Caller
    appointment_id: UUID = field(default_factory=uuid4)

    @property
    def owner(self) -> Caller:
        return self.practice.owner

    @property
    def house(self) -> House:
        return House(self.world.app, self.world.http, UUID(self.practice.id))

    async def book(self, practitioner_id: str | None = None, client_id: str | None = None) -> UUID:
        service_id = await self.house.service(duration_minutes=50)
        start = datetime.now(UTC).replace(second=0, microsecond=0)
        who = UUID(practitioner_id or self.practice.staff_id), service_id, UUID(client_id or self.client_id)
        return await self.house.appointment(*who, start, allow_overlap=True)

    def change(self, assignment: str, *values: Any) -> None:
        """Change the appointment behind the program's back: this is how time passes here."""
        statement = f"UPDATE appointment SET {assignment} WHERE practice_id = %s AND id = %s"
        self.sql(statement, *values, self.practice.id, self.appointment_id)

    def starts_in(self, ahead: timedelta) -> None:
        self.change("starts_at = now() + %s, ends_at = now() + %s + interval '50 minutes'", ahead, ahead)

    def ended_before(self, ago: timedelta) -> None:
        self.change("starts_at = now() - %s - interval '50 minutes', ends_at = now() - %s", ago, ago)

    def takes_part(self, client_id: str) -> None:
        """One more client comes."""
        self.change("client_ids = client_ids || %s::uuid", client_id)
        self.sql(
            "INSERT INTO appointment_attendee (practice_id, id, client_id, appointment_id, starts_at)"
            " SELECT practice_id, gen_random_uuid(), %s, id, starts_at FROM appointment"
            " WHERE practice_id = %s AND id = %s",
            client_id,
            self.practice.id,
            self.appointment_id,
        )

    async def join(self, caller: Caller | None = None, /, **body: Any) -> httpx.Response:
        return await (caller or self.client).post(f"/v1/me/appointments/{self.appointment_id}/join", body)

    async def host(self, caller: Caller | None = None) -> httpx.Response:
        return await (caller or self.owner).post(f"/v1/appointments/{self.appointment_id}/join")

    async def admit(self, *participants: dict[str, Any], by: Caller | None = None) -> httpx.Response:
        body = {"participant_ids": [p["participant_id"] for p in participants]} if participants else None
        return await (by or self.owner).post(f"/v1/appointments/{self.appointment_id}/admit", body)

    async def people(self, caller: Caller | None = None) -> dict[str, str]:
        """State by name, in the order in which they came."""
        path = f"/v1/appointments/{self.appointment_id}/video-participants"
        response = await (caller or self.owner).get(path)
        assert response.status_code == 200, response.text
        return {person["display_name"]: person["state"] for person in response.json()["data"]}

    async def events(self) -> list[tuple[str, str, list[str]]]:
        """Type, kind of actor and clients of what was recorded of this appointment."""
        async with bound(self.world, self.practice) as session:
            of_this = Event.resource_id == self.appointment_id, Event.type.startswith("video.")
            found = await session.scalars(select(Event).where(*of_this).order_by(Event.occurred_at, Event.id))
            return [(event.type, event.actor_kind, [str(id) for id in event.client_ids]) for event in found]


async def arranged(world: World, sql: Sql) -> Meeting:
    practice = await open_practice(world)
    await practice.owner.patch("/v1/practice/features", {"video": True})
    client = await world.client(practice.owner, practitioner_ids=[practice.staff_id])
    meeting = Meeting(world, practice, sql, client["id"], await client_login(world, practice, client["id"]))
    meeting.appointment_id = await meeting.book()
    return meeting
