"""A room without cameras: a page of our own that shows who would be there. Never in production."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import orjson

from portal_api.core.sealing import SealError, Vault
from portal_api.integrations.video.rooms import Seat, Ticket

PAGE = "/dev/video"
_TICKET, _CONNECTION = "video-ticket", "video-connection"
_CONNECTED_SECONDS = 12 * 3600


class PassRefused(Exception):
    """Not a token of ours, or one whose time is over."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Whose place it is. `connection` tells a person's open pages apart."""

    practice_id: UUID
    participant_id: UUID
    connection: str


class DevelopmentVideo:
    """Tickets are sealed by this installation; a ticket that is shown in time becomes a connection, which lasts."""

    name = "development"

    def __init__(self, public_url: str, vault: Vault, *, clock: Callable[[], float] = time.time) -> None:
        self._page, self._vault, self._clock = public_url.rstrip("/") + PAGE, vault, clock

    def ticket(self, seat: Seat) -> Ticket:
        """The token is in the link's fragment, so that opening the link is enough and no server's log has it."""
        token = self._seal(_TICKET, seat.room, seat.participant_id, "", seat.expires_at.timestamp())
        return Ticket(f"{self._page}#token={token}", token)

    def connect(self, token: str) -> tuple[Pass, str]:
        """Whose ticket it is, and the secret of their connection. Raises PassRefused."""
        room, participant_id, _ = self._open(_TICKET, token)
        connection = uuid4().hex
        until = self._clock() + _CONNECTED_SECONDS
        secret = self._seal(_CONNECTION, room, participant_id, connection, until)
        return Pass(_practice_of(room), participant_id, connection), secret

    def connected(self, secret: str) -> Pass:
        """Whose connection it is. Raises PassRefused."""
        room, participant_id, connection = self._open(_CONNECTION, secret)
        return Pass(_practice_of(room), participant_id, connection)

    def _seal(self, purpose: str, room: str, participant_id: UUID, connection: str, until: float) -> str:
        content = orjson.dumps([room, str(participant_id), connection, until])
        return urlsafe_b64encode(self._vault.seal(content, purpose=purpose, aad=())).rstrip(b"=").decode()

    def _open(self, purpose: str, text: str) -> tuple[str, UUID, str]:
        try:
            sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            content = self._vault.open(sealed, purpose=purpose, aad=())
        except (SealError, ValueError):
            raise PassRefused("This is not a ticket of this installation.") from None
        room, participant_id, connection, until = orjson.loads(content)
        if until < self._clock():
            raise PassRefused("This ticket has expired: join again.")
        return room, UUID(participant_id), connection


def _practice_of(room: str) -> UUID:
    return UUID(hex=room.partition("-")[0])
