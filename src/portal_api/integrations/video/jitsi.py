"""Jitsi Meet: one's own (lib-jitsi-meet, doc/tokens.md), or 8x8's JaaS (developer.8x8.com/jaas, "The Jitsi JWT").

The token goes to the IFrame API or the mobile SDK as `jwt`; the room of a JaaS tenant is `<tenant>/<room>`.
"""

from typing import Any
from urllib.parse import urlsplit

from portal_api.integrations.video.jws import rsa_key, sign_hs256, sign_rs256
from portal_api.integrations.video.rooms import Seat, Ticket

AUDIENCE = "jitsi"
_OFF = ("livestreaming", "recording", "transcription", "sip-inbound-call", "sip-outbound-call")
_ALSO_OFF = ("inbound-call", "outbound-call")


class Jitsi:
    """A server with token authentication: Prosody's app_id and app_secret."""

    name = "jitsi"

    def __init__(self, url: str, app_id: str, secret: str) -> None:
        self._url, self._app_id, self._secret = url.rstrip("/"), app_id, secret.encode()
        self._domain = urlsplit(url).hostname or ""

    def ticket(self, seat: Seat) -> Ticket:
        claims = _claims(seat) | {"iss": self._app_id, "sub": self._domain, "context": {"user": _user(seat)}}
        return Ticket(f"{self._url}/{seat.room}", sign_hs256(claims, self._secret))


class JaaS:
    """A tenant of 8x8: the id of an API key, `<tenant>/<key>`, and its RSA private key."""

    name = "jaas"

    def __init__(self, url: str, key_id: str, pem: str) -> None:
        """Raises ValueError for a key that is no RSA private key in PEM."""
        self._url, self._key_id, self._key = url.rstrip("/"), key_id, rsa_key(pem)
        self._tenant = key_id.partition("/")[0]

    def ticket(self, seat: Seat) -> Ticket:
        """Nothing of a session is recorded or leaves by telephone, whatever the tenant has bought."""
        context = {
            "user": _user(seat),
            "features": dict.fromkeys((*_OFF, *_ALSO_OFF), "false"),
            "room": {"regex": False},
        }
        claims = _claims(seat) | {"iss": "chat", "sub": self._tenant, "context": context}
        return Ticket(f"{self._url}/{self._tenant}/{seat.room}", sign_rs256(claims, self._key, self._key_id))


def _claims(seat: Seat) -> dict[str, Any]:
    return {
        "aud": AUDIENCE,
        "room": seat.room,
        "nbf": int(seat.issued_at.timestamp()),
        "exp": int(seat.expires_at.timestamp()),
    }


def _user(seat: Seat) -> dict[str, str]:
    """Text only: Prosody refuses a token with a null or a number in it."""
    return {
        "id": str(seat.participant_id),
        "name": seat.name,
        "moderator": "true" if seat.host else "false",
        "affiliation": "owner" if seat.host else "member",
    }
