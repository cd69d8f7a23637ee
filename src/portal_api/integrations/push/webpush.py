"""Web Push (RFC 8030): one request to the address that the device's own push service has given out."""

import asyncio
from datetime import timedelta

from portal_api.integrations.egress import Answer, Egress, EgressError
from portal_api.integrations.push.encryption import encrypt
from portal_api.integrations.push.service import Device, PushRefused
from portal_api.integrations.push.vapid import ApplicationServer

KEPT = timedelta(days=1)
"""How long the push service keeps it for a device that is away."""
TOPIC = "inbox"
"""Of several that wait for a device the newest replaces the others: each says only that there is something."""
LONGEST_WAIT = timedelta(hours=6)
GONE = (404, 410)
FINAL = (400, 401, 403, 413)


class WebPush:
    """A PushService over the one door for addresses that somebody else has chosen."""

    def __init__(self, server: ApplicationServer, egress: Egress) -> None:
        self._server = server
        self._egress = egress

    async def push(self, device: Device, message: bytes, *, urgent: bool = False) -> None:
        """Raises PushRefused."""
        try:
            body = await asyncio.to_thread(encrypt, message, device.p256dh, device.auth)
        except ValueError:
            raise PushRefused("invalid_keys", permanent=True, gone=True) from None
        headers = {
            "Authorization": self._server.authorization(device.endpoint),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(KEPT.total_seconds())),
            "Topic": TOPIC,
            "Urgency": "high" if urgent else "normal",
        }
        try:
            answer = await self._egress.post(device.endpoint, body, headers)
        except EgressError as error:
            permanent = error.code in {"invalid_url", "private_address", "port_not_allowed"}
            raise PushRefused(error.code, permanent=permanent, gone=permanent) from None
        _must_be_taken(answer)


def _must_be_taken(answer: Answer) -> None:
    if 200 <= answer.status < 300:
        return
    gone, final = answer.status in GONE, answer.status in FINAL or 300 <= answer.status < 400
    raise PushRefused(f"{answer.status}", permanent=gone or final, gone=gone, retry_in=_asked_wait(answer))


def _asked_wait(answer: Answer) -> timedelta | None:
    """What the service asks for, within reason (RFC 8030 section 8.4)."""
    asked = answer.headers.get("retry-after", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 8):
        return None
    return min(timedelta(seconds=int(asked)), LONGEST_WAIT)
