"""A killed server loses nothing that it acknowledged (R01)."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.journeys.people import expect
from tests.journeys.server import Server
from tests.patience import PATIENCE
from tests.world import PASSWORD

KILLS = 5
WRITERS = 4
WRITES_BEFORE_A_KILL = 20
# The issuer of tokens: the port changes with every start.
SETTINGS = {"open_registration": "true", "rate_limit_factor": "100000", "public_url": "http://portal.test"}


async def test_five_kills_in_a_row_lose_no_acknowledged_write(tmp_path: Path) -> None:
    """Writers over HTTP, kill -9 in the middle of their work, start again on what the dead one left."""
    acknowledged: list[str] = []
    with Server(tmp_path, **SETTINGS) as server:
        token = await _owner_token(server.url)
        for _ in range(KILLS):
            before = len(acknowledged)
            await _write_until_killed(server, token, acknowledged)
            assert len(acknowledged) >= before + WRITES_BEFORE_A_KILL
            await asyncio.to_thread(server.start)
        async with httpx.AsyncClient(base_url=server.url, headers=token, timeout=PATIENCE) as http:
            missing = [id for id in acknowledged if (await http.get(f"/v1/clients/{id}")).status_code != 200]
        assert missing == []
        assert await asyncio.to_thread(server.stop) == 0


async def _write_until_killed(server: Server, token: dict[str, str], acknowledged: list[str]) -> None:
    enough = asyncio.Event()
    target = len(acknowledged) + WRITES_BEFORE_A_KILL

    async def write() -> None:
        async with httpx.AsyncClient(base_url=server.url, headers=token, timeout=PATIENCE) as http:
            while True:
                try:
                    answer = await http.post("/v1/clients", json={"given_name": "Rosa", "family_name": "Client"})
                except httpx.TransportError:
                    return  # killed: what was under way was not acknowledged
                acknowledged.append(expect(answer, 201)["id"])
                if len(acknowledged) >= target:
                    enough.set()

    async with asyncio.timeout(2 * PATIENCE), asyncio.TaskGroup() as writers:
        for _ in range(WRITERS):
            writers.create_task(write())
        await enough.wait()
        server.kill()


async def _owner_token(url: str) -> dict[str, str]:
    owner = {"email": "owner@harbor.example", "password": PASSWORD, "given_name": "Ada", "family_name": "Harbor"}
    body: dict[str, Any] = {"name": "Harbor", "time_zone": "Europe/Berlin", "country": "DE", "owner": owner}
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as http:
        practice = expect(await http.post("/v1/practices", json=body), 201)["practice"]["id"]
        login = {"practice": practice, "email": owner["email"], "password": PASSWORD}
        return {"Authorization": f"Bearer {expect(await http.post('/v1/auth/login', json=login))['access_token']}"}
