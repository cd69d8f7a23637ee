"""The front desk of a practice that books: its owner practises, it has a service and a client."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.entry import open_practice, staff
from tests.people import client_login
from tests.world import Caller, Practice, World

NOON = datetime(2031, 3, 3, 12, 0, tzinfo=UTC)
"""A Monday far away."""
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
APPOINTMENTS, MINE = "/v1/appointments", "/v1/me/appointments"
SERVICE = {
    "duration_minutes": 50,
    "buffer_after_minutes": 10,
    "modes": ["in_person", "video"],
    "client_bookable": True,
    "price": {"amount": 12000, "currency": "USD"},
    "late_cancellation_fee": {"amount": 6000, "currency": "USD"},
}


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def soon(**delta: float) -> datetime:
    """So long from now, on the next whole minute."""
    return (datetime.now(UTC) + timedelta(**delta)).replace(second=0, microsecond=0) + MINUTE


@dataclass
class Desk:
    world: World
    practice: Practice
    service_id: str
    client_id: str

    @property
    def owner(self) -> Caller:
        return self.practice.owner

    def body(self, at: datetime = NOON, **fields: Any) -> dict[str, Any]:
        booked = {
            "client_id": self.client_id,
            "practitioner_id": self.practice.staff_id,
            "service_id": self.service_id,
            "starts_at": instant(at),
            "mode": "video",
        }
        return {name: value for name, value in (booked | fields).items() if value is not None}

    async def ask(self, at: datetime = NOON, *, by: Caller | None = None, **fields: Any) -> httpx.Response:
        return await (by or self.owner).post(APPOINTMENTS, self.body(at, **fields))

    async def book(self, at: datetime = NOON, **fields: Any) -> dict[str, Any]:
        response = await self.ask(at, **fields)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made

    async def read(self, appointment: dict[str, Any]) -> dict[str, Any]:
        response = await self.owner.get(f"{APPOINTMENTS}/{appointment['id']}")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def do(self, verb: str, appointment: dict[str, Any], **body: Any) -> httpx.Response:
        return await self.owner.post(f"{APPOINTMENTS}/{appointment['id']}/{verb}", body or None)

    async def done(self, verb: str, appointment: dict[str, Any], **body: Any) -> dict[str, Any]:
        response = await self.do(verb, appointment, **body)
        assert response.status_code == 200, response.text
        changed: dict[str, Any] = response.json()
        return changed

    async def add_service(self, **fields: Any) -> str:
        response = await self.owner.post("/v1/services", SERVICE | {"name": f"Session {uuid4()}"} | fields)
        assert response.status_code == 201, response.text
        made: str = response.json()["id"]
        return made

    async def add_client(self, **fields: Any) -> str:
        made: str = (await self.world.client(self.owner, **fields))["id"]
        return made

    async def add_room(self) -> tuple[str, str]:
        """A location and a room of it."""
        place = (await self.owner.post("/v1/locations", {"name": f"Office {uuid4()}"})).json()
        room = (await self.owner.post(f"/v1/locations/{place['id']}/rooms", {"name": "Room"})).json()
        return place["id"], room["id"]

    async def colleague(self, *roles: str) -> tuple[str, Caller]:
        return await staff(self.world, self.practice, *(roles or ("practitioner",)))

    async def portal(self, client_id: str | None = None, **login: Any) -> Caller:
        """The client's own login, or a guardian's with `relationship` and `permissions`."""
        return await client_login(self.world, self.practice, client_id or self.client_id, **login)

    async def switch(self, **features: bool) -> None:
        response = await self.owner.patch("/v1/practice/features", features)
        assert response.status_code == 200, response.text

    async def set_portal(self, **settings: Any) -> None:
        response = await self.owner.patch("/v1/practice/portal", settings)
        assert response.status_code == 200, response.text


async def open_desk(world: World) -> Desk:
    practice = await open_practice(world)
    desk = Desk(world, practice, "", (await world.client(practice.owner))["id"])
    desk.service_id = await desk.add_service()
    return desk
