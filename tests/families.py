"""A practice, a child in its care, and guardians who join by the mailed link like anybody else."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx

from portal_api.core.access import GrantPermission
from tests.cast import House
from tests.entry import accept, open_practice
from tests.world import Caller, Practice, World

EVERYTHING = [permission.value for permission in GrantPermission]
ZONE = ZoneInfo("America/New_York")
"""Of the practices that a World makes."""


@dataclass
class Family:
    world: World
    practice: Practice
    child_id: str

    @property
    def owner(self) -> Caller:
        return self.practice.owner

    @property
    def house(self) -> House:
        return House(self.world.app, self.world.http, UUID(self.practice.id))

    def path(self, guardian: dict[str, Any] | None = None, child_id: str | None = None) -> str:
        below = f"/{guardian['id']}" if guardian else ""
        return f"/v1/clients/{child_id or self.child_id}/guardians{below}"

    def body(self, **fields: Any) -> dict[str, Any]:
        person = {
            "given_name": "Ruth",
            "family_name": f"Parent {fields.get('email', '')[-24:-16]}".strip(),
            "email": self.world.email("parent"),
            "relationship": "mother",
            "permissions": EVERYTHING,
        }
        return person | fields

    async def ask(self, child_id: str | None = None, *, by: Caller | None = None, **fields: Any) -> httpx.Response:
        return await (by or self.owner).post(self.path(child_id=child_id), self.body(**fields))

    async def add(self, child_id: str | None = None, **fields: Any) -> dict[str, Any]:
        response = await self.ask(child_id, **fields)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made

    async def change(self, guardian: dict[str, Any], **fields: Any) -> dict[str, Any]:
        response = await self.owner.patch(self.path(guardian, guardian["client_id"]), fields)
        assert response.status_code == 200, response.text
        changed: dict[str, Any] = response.json()
        return changed

    async def read(self, guardian: dict[str, Any]) -> dict[str, Any]:
        response = await self.owner.get(self.path(guardian, guardian["client_id"]))
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def remove(self, guardian: dict[str, Any]) -> None:
        response = await self.owner.delete(self.path(guardian, guardian["client_id"]))
        assert response.status_code == 204, response.text

    async def invite(self, guardian: dict[str, Any]) -> str:
        """The mailed secret."""
        response = await self.owner.post(f"/v1/guardians/{guardian['id']}/invitations")
        assert response.status_code == 201, response.text
        return await self.world.mailed_token(guardian["email"], "invit")

    async def joins(self, guardian: dict[str, Any]) -> Caller:
        """A guardian without an account accepts."""
        return await accept(self.world, await self.invite(guardian))

    async def parent(self, **fields: Any) -> tuple[dict[str, Any], Caller]:
        """A guardian who has joined, as staff see them, and signed in."""
        guardian = await self.add(**fields)
        caller = await self.joins(guardian)
        return await self.read(guardian), caller

    async def child(self, **fields: Any) -> str:
        made: str = (await self.world.client(self.owner, **fields))["id"]
        return made

    async def rules(self, *transitions: dict[str, Any]) -> None:
        response = await self.owner.put("/v1/practice/age-transitions", {"transitions": list(transitions)})
        assert response.status_code == 200, response.text
        await self.world.run_jobs()

    async def born(self, day: date, child_id: str | None = None) -> None:
        path = f"/v1/clients/{child_id or self.child_id}"
        response = await self.owner.patch(path, {"date_of_birth": day.isoformat()})
        assert response.status_code == 200, response.text


def turning(age: int, days: int = 0) -> date:
    """The date of birth of somebody who reaches the age so many days from today, in the practice's zone."""
    day = datetime.now(UTC).astimezone(ZONE).date() + timedelta(days=days)
    try:
        return day.replace(year=day.year - age)
    except ValueError:
        return date(day.year - age, 3, 1)


async def open_family(world: World) -> Family:
    practice = await open_practice(world)
    return Family(world, practice, (await world.client(practice.owner))["id"])
