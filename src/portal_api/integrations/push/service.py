"""What a push service does, whichever it is."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from portal_api.core.jobs import JobFailed


class PushRefused(JobFailed):
    """The push was not taken. gone: this device never will take one again, so it is to be forgotten.

    The reason names no address, which is a secret of the device.
    """

    def __init__(self, reason: str, *, permanent: bool, gone: bool = False, retry_in: timedelta | None = None) -> None:
        super().__init__(reason, permanent=permanent, retry_in=retry_in)
        self.gone = gone


@dataclass(frozen=True, slots=True)
class Device:
    """Where a device is reached, and its keys, as its browser gave them: base64url (RFC 8291 section 2)."""

    endpoint: str
    p256dh: str
    auth: str


class PushService(Protocol):
    """Wakes a device, or raises PushRefused. urgent: also while it saves its battery (RFC 8030 section 5.3)."""

    async def push(self, device: Device, message: bytes, *, urgent: bool = False) -> None: ...
