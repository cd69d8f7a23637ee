"""LiveKit as the provider: its tokens, and what its server says of who came and went (F11.M4)."""

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import orjson
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from portal_api.core.config import Settings
from portal_api.main import create_app
from tests.meetings import Meeting, Sql, arranged, instant, refusal
from tests.world import World

MINUTE = timedelta(minutes=1)
SECRET = "a secret that only the server and we know"


@pytest.fixture
async def live(world: World, sql: Sql, settings: Settings) -> AsyncIterator[Meeting]:
    """The same people at an installation that has LiveKit."""
    meeting = await arranged(world, sql)
    named = {"video_provider": "livekit", "video_url": "wss://video.example", "video_key": "APIharbor"}
    app: FastAPI = create_app(settings.model_copy(update={**named, "video_secret": SecretStr(SECRET)}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal.test") as http,
    ):
        for caller in (meeting.owner, meeting.client):
            caller.http = http
        yield meeting


class TestLiveKit:
    @staticmethod
    async def reported(live: Meeting, event: str, answer: dict[str, Any], connection: str = "PA_1") -> httpx.Response:
        who = {"identity": answer["participant_id"], "sid": connection}
        body = orjson.dumps({"event": event, "room": {"name": answer["room"]}, "participant": who})
        digest = b64encode(hashlib.sha256(body).digest()).decode()
        claims = {"iss": "APIharbor", "exp": datetime.now(UTC) + MINUTE, "sha256": digest}
        headers = {
            "Authorization": jwt.encode(claims, SECRET, algorithm="HS256"),
            "Content-Type": "application/webhook+json",
        }
        return await live.client.http.post("/v1/video/livekit-webhook", content=body, headers=headers)

    async def test_the_token_is_the_providers(self, live: Meeting) -> None:
        waiting, host = (await live.join()).json(), (await live.host()).json()
        assert (host["provider"], host["url"]) == ("livekit", "wss://video.example")
        claims = jwt.decode(host["token"], SECRET, algorithms=["HS256"], issuer="APIharbor")
        assert (claims["sub"], claims["video"]["room"]) == (host["participant_id"], host["room"])
        assert claims["exp"] == int(instant(host["expires_at"]).timestamp())
        assert claims["video"]["roomAdmin"] is True
        alone = jwt.decode(waiting["token"], SECRET, algorithms=["HS256"])["video"]
        assert (alone["room"], alone["canSubscribe"], alone["roomAdmin"]) == (waiting["room"], False, False)

    async def test_the_server_says_who_came_and_went(self, live: Meeting) -> None:
        await live.join()
        await live.admit()
        mine = (await live.join()).json()
        assert (await self.reported(live, "participant_joined", mine)).status_code == 204
        assert await live.people() == {"Grace": "present"}
        await self.reported(live, "participant_joined", mine, "PA_2")
        await self.reported(live, "participant_left", mine, "PA_1")
        assert await live.people() == {"Grace": "present"}
        await self.reported(live, "participant_left", mine, "PA_2")
        await self.reported(live, "participant_left", mine, "PA_2")
        assert await live.people() == {"Grace": "left"}
        presence = [event for event in await live.events() if event[0] in ("video.joined", "video.left")]
        assert presence == [("video.joined", "system", [live.client_id]), ("video.left", "system", [live.client_id])]

    async def test_the_waiting_room_is_not_the_session(self, live: Meeting) -> None:
        waiting = (await live.join()).json()
        assert (await self.reported(live, "participant_joined", waiting)).status_code == 204
        assert await live.people() == {"Grace": "waiting"}

    async def test_rooms_and_people_that_are_not_ours_are_passed_over(self, live: Meeting) -> None:
        mine = (await live.join()).json()
        for answer in (
            mine | {"room": "somebody-elses"},
            mine | {"room": f"{uuid4().hex}-{'0' * 32}"},
            mine | {"participant_id": str(uuid4())},
        ):
            assert (await self.reported(live, "participant_joined", answer)).status_code == 204
        assert await live.people() == {"Grace": "waiting"}

    async def test_who_has_not_the_key_is_not_believed(self, live: Meeting) -> None:
        response = await live.client.http.post("/v1/video/livekit-webhook", content=b"{}")
        assert refusal(response) == (401, "unauthenticated")

    async def test_another_provider_has_no_such_webhook(self, world: World) -> None:
        assert refusal(await world.http.post("/v1/video/livekit-webhook", content=b"{}")) == (404, "not_found")
