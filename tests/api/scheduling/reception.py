"""A front desk that takes requests: its owner has hours round the clock, and its client a login."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import httpx

from tests.api.scheduling.desk import Desk, instant, open_desk
from tests.world import Caller, World

REQUESTS, MINE = "/v1/appointment-requests", "/v1/me/appointment-requests"
DAY = timedelta(days=1)
TUESDAY = datetime.combine(datetime.now(UTC).date() + 10 * DAY, time(12), UTC)
"""Noon of a day within every horizon."""
ALWAYS = [
    {"weekday": day, "start": "00:00", "end": "24:00"}
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
]


@dataclass
class Reception(Desk):
    client: Caller

    async def hours(self, practitioner_id: str | None = None, **body: Any) -> None:
        path = f"/v1/practitioners/{practitioner_id or self.practice.staff_id}/availability"
        response = await self.owner.put(path, {"time_zone": "Etc/UTC", "windows": ALWAYS} | body)
        assert response.status_code == 200, response.text

    async def wish(self, at: datetime = TUESDAY, *, by: Caller | None = None, **fields: Any) -> httpx.Response:
        body = {
            "practitioner_id": self.practice.staff_id,
            "service_id": self.service_id,
            "starts_at": instant(at),
            "mode": "video",
        }
        return await (by or self.client).post(MINE, body | fields)

    async def request(self, at: datetime = TUESDAY, **fields: Any) -> dict[str, Any]:
        response = await self.wish(at, **fields)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made

    async def answer(self, verb: str, request: dict[str, Any], by: Caller | None = None, **body: Any) -> httpx.Response:
        """What staff do with it."""
        return await (by or self.owner).post(f"{REQUESTS}/{request['id']}/{verb}", body or None)

    async def answered(self, verb: str, request: dict[str, Any], **body: Any) -> dict[str, Any]:
        response = await self.answer(verb, request, **body)
        assert response.status_code == 200, response.text
        changed: dict[str, Any] = response.json()
        return changed

    async def reply(self, verb: str, request: dict[str, Any], by: Caller | None = None, **body: Any) -> httpx.Response:
        """What the client does with it."""
        return await (by or self.client).post(f"{MINE}/{request['id']}/{verb}", body or None)

    async def seen(self, request: dict[str, Any], by: Caller | None = None) -> dict[str, Any]:
        """The request as the client sees it now."""
        response = await (by or self.client).get(f"{MINE}/{request['id']}")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def listed(self, by: Caller | None = None, **filters: Any) -> list[str]:
        """The ids of the requests that the caller sees as staff."""
        response = await (by or self.owner).get(REQUESTS, params=filters)
        assert response.status_code == 200, response.text
        return [request["id"] for request in response.json()["data"]]

    async def other_client(self) -> Caller:
        return await self.portal(await self.add_client())

    async def free_at(self, at: datetime, by: Caller | None = None) -> bool:
        """Whether the client is offered this time."""
        query = {"service_id": self.service_id, "practitioner_id": self.practice.staff_id}
        day = at.date().isoformat()
        response = await (by or self.client).get("/v1/me/slots", params=query | {"from": day, "to": day})
        assert response.status_code == 200, response.text
        return instant(at) in {slot["starts_at"] for slot in response.json()["data"]}


async def open_reception(world: World) -> Reception:
    desk = await open_desk(world)
    await desk.switch(appointment_requests=True)
    client = await desk.portal()
    reception = Reception(desk.world, desk.practice, "", desk.client_id, client)
    reception.service_id = await reception.add_service(
        name=f"Session {uuid4()}", slot_interval_minutes=60, min_notice_minutes=0, horizon_days=60
    )
    await reception.hours()
    return reception
