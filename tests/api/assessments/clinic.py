"""A practice that gives assessments to a client who has a login."""

from dataclasses import dataclass
from typing import Any

from tests.api.forms.desk import ASSIGNMENTS, MINE, Desk, Json, open_desk
from tests.world import Caller, World

ALERTS = "/v1/safety-alerts"


def numbered(values: list[Any]) -> Json:
    return {f"q{n}": value for n, value in enumerate(values, 1)}


@dataclass
class Clinic(Desk):
    client: Caller

    async def hand_in(self, key: str, answers: Json, by: Caller | None = None, **fields: Any) -> Json:
        """Give the client this instrument, and have it answered and handed in: what the client sees then."""
        assignment = await self.assign(await self.system(key), **fields)
        return await self.answer(assignment, answers, by)

    async def answer(self, assignment: Json, answers: Json, by: Caller | None = None) -> Json:
        caller, path = by or self.client, f"{MINE}/{assignment['id']}"
        saved = await caller.patch(path, {"answers": answers})
        assert saved.status_code == 200, saved.text
        handed_in = await caller.post(f"{path}/submit")
        assert handed_in.status_code == 200, handed_in.text
        return dict(handed_in.json())

    async def reopen(self, assignment: Json) -> None:
        response = await self.owner.post(f"{ASSIGNMENTS}/{assignment['id']}/reopen")
        assert response.status_code == 200, response.text

    async def alerts(self, by: Caller | None = None, **filters: Any) -> list[Json]:
        response = await (by or self.owner).get(ALERTS, params=filters)
        assert response.status_code == 200, response.text
        return list(response.json()["data"])

    async def acknowledge(self, alert: Json, by: Caller | None = None, **body: Any) -> Json:
        response = await (by or self.owner).post(f"{ALERTS}/{alert['id']}/acknowledge", body or None)
        assert response.status_code == 200, response.text
        return dict(response.json())


async def open_clinic(world: World) -> Clinic:
    desk = await open_desk(world)
    return Clinic(desk.world, desk.practice, desk.client_id, await desk.portal())
