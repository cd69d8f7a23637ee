"""What every provider is asked for, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Seat:
    """One person's place in one room, for a first connection between two instants.

    `room` is opaque: it says nothing of the people. `name` is shown to the others in the room. `host` runs it.
    `waits`: the room is this person's own waiting room, where there is nobody to hear or see.
    """

    room: str
    participant_id: UUID
    name: str
    host: bool
    waits: bool
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where to connect, and the token that the provider lets this one person in with."""

    url: str
    token: str


class VideoProvider(Protocol):
    """Makes tickets. It does so alone, without asking anybody: joining works while the network does not."""

    @property
    def name(self) -> str:
        """What a front end tells its way of connecting by."""
        ...

    def ticket(self, seat: Seat) -> Ticket: ...
