"""LiveKit, in the cloud or one's own: docs.livekit.io, "Tokens & grants", "Webhooks & events", "Room service API"."""

import hashlib
import hmac
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson

from portal_api.integrations.video.jws import JwsError, open_hs256, sign_hs256
from portal_api.integrations.video.rooms import Seat, Ticket

LEEWAY = 60
"""Seconds by which the clocks of two machines may differ; LiveKit's own libraries allow as many."""

PATIENCE = 10.0
_JOINED, _LEFT = "participant_joined", {"participant_left", "participant_connection_aborted"}


class WebhookRefused(Exception):
    """The request does not come from this LiveKit server, or cannot be read."""


class ProviderFailed(Exception):
    """The LiveKit server did not do what it was asked for."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody came into a room, or left it. `connection` tells a person's connections apart."""

    room: str
    participant_id: UUID
    connection: str
    joined: bool


class LiveKit:
    """Grants for one API key of a server."""

    name = "livekit"

    def __init__(self, url: str, key: str, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        self._url, self._key, self._secret, self._clock = url, key, secret.encode(), clock

    def ticket(self, seat: Seat) -> Ticket:
        """A token for the client SDK's `connect(url, token)`; who waits may neither send nor receive."""
        claims = {
            "iss": self._key,
            "sub": str(seat.participant_id),
            "name": seat.name,
            "nbf": int(seat.issued_at.timestamp()),
            "exp": int(seat.expires_at.timestamp()),
            "video": {
                "room": seat.room,
                "roomJoin": True,
                "roomAdmin": seat.host,
                "canPublish": not seat.waits,
                "canPublishData": not seat.waits,
                "canSubscribe": not seat.waits,
                "canUpdateOwnMetadata": False,
            },
        }
        return Ticket(self._url, sign_hs256(claims, self._secret))

    def presence(self, body: bytes, authorization: str) -> Presence | None:
        """What a webhook of this server says; None for what is not about somebody's presence.

        Raises WebhookRefused unless the token in `Authorization` was signed with this key, now, over this body.
        """
        try:
            claims = open_hs256(authorization.removeprefix("Bearer ").strip(), self._secret)
        except JwsError as error:
            raise WebhookRefused(str(error)) from None
        digest = b64encode(hashlib.sha256(body).digest())
        if not hmac.compare_digest(digest, str(claims.get("sha256")).encode()):
            raise WebhookRefused("the body is another one")
        if claims.get("iss") != self._key or not self._is_current(claims):
            raise WebhookRefused("another key, or another time")
        try:
            return _presence(orjson.loads(body))
        except (AttributeError, ValueError):
            raise WebhookRefused("the body cannot be read") from None

    def _is_current(self, claims: dict[str, Any]) -> bool:
        now, begin, end = self._clock(), claims.get("nbf", 0), claims.get("exp")
        return isinstance(end, int) and isinstance(begin, int) and begin - LEEWAY <= now <= end + LEEWAY

    async def remove(self, room: str, participant_id: UUID) -> None:
        """End a person's connection: RoomService.RemoveParticipant, for whom it does not matter whether they are there.

        Raises ProviderFailed where the server does not answer, or refuses.
        """
        now = int(self._clock())
        grant = {"room": room, "roomAdmin": True}
        claims = {"iss": self._key, "sub": self._key, "nbf": now - 10, "exp": now + LEEWAY, "video": grant}
        headers = {"Authorization": f"Bearer {sign_hs256(claims, self._secret)}"}
        # wss:// of the rooms is https:// of the server's own interface.
        url = f"http{self._url.removeprefix('ws').rstrip('/')}/twirp/livekit.RoomService/RemoveParticipant"
        try:
            async with httpx.AsyncClient(timeout=PATIENCE) as http:
                answer = await http.post(url, json={"room": room, "identity": str(participant_id)}, headers=headers)
        except httpx.HTTPError as error:
            raise ProviderFailed(type(error).__name__) from None
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise ProviderFailed(str(answer.status_code))


def _presence(said: Any) -> Presence | None:
    event, who = said.get("event"), said.get("participant", {})
    if event != _JOINED and event not in _LEFT:
        return None
    try:
        participant_id = UUID(who.get("identity", ""))
    except ValueError:
        return None  # a recorder, or somebody whom another system let in
    return Presence(
        str(said.get("room", {}).get("name", "")), participant_id, str(who.get("sid", "")), event == _JOINED
    )
