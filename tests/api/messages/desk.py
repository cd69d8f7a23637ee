"""A practice that takes messages, a client who writes, and who answers."""

from dataclasses import dataclass
from typing import Any

import httpx

from portal_api.core.access import Role
from tests import people
from tests.world import Caller, Practice, World

MINE, THEIRS = "/v1/me/threads", "/v1/threads"


@dataclass
class Desk:
    """`clinician` works with the client; the owner, who is a practitioner too, does not."""

    world: World
    practice: Practice
    client_id: str
    client: Caller
    clinician: Caller
    clinician_id: str

    @property
    def owner(self) -> Caller:
        return self.practice.owner

    async def begin(self, by: Caller | None = None, **fields: Any) -> dict[str, Any]:
        return made(await (by or self.client).post(MINE, {"subject": "Tuesday", "body": "May I come later?", **fields}))

    async def write(self, to: dict[str, Any], body: str = "Yes.", by: Caller | None = None, **fields: Any) -> Any:
        caller = by or self.clinician
        path = MINE if caller.account["kind"] == "client" else THEIRS
        return made(await caller.post(f"{path}/{to['id']}/messages", {"body": body, **fields}))

    async def seen(self, thread: dict[str, Any], by: Caller) -> dict[str, Any]:
        path = MINE if by.account["kind"] == "client" else THEIRS
        answer = await by.get(f"{path}/{thread['id']}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def messages(self, thread: dict[str, Any], by: Caller) -> list[dict[str, Any]]:
        path = MINE if by.account["kind"] == "client" else THEIRS
        answer = await by.get(f"{path}/{thread['id']}/messages")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def listed(self, by: Caller, **params: Any) -> list[str]:
        path = MINE if by.account["kind"] == "client" else THEIRS
        answer = await by.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return [thread["subject"] for thread in answer.json()["data"]]

    async def switch(self, on: bool) -> None:
        answer = await self.owner.patch("/v1/practice/features", {"secure_messaging": on})
        assert answer.status_code == 200, answer.text

    async def policy(self, **changes: Any) -> None:
        answer = await self.owner.patch("/v1/practice/messaging", changes)
        assert answer.status_code == 200, answer.text


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def open_desk(world: World) -> Desk:
    practice = await world.practice()
    assert (await practice.owner.post("/v1/practice/portal/enable", {"slug": f"h-{practice.id[-12:]}"})).is_success
    clinician, clinician_id = await people.colleague(world, practice, Role.PRACTITIONER)
    client = await world.client(practice.owner, practitioner_ids=[clinician_id])
    login = await people.client_login(world, practice, client["id"])
    desk = Desk(world, practice, client["id"], login, clinician, clinician_id)
    await desk.switch(True)
    return desk
