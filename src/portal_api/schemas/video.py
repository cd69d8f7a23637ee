"""Joining an appointment by video."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from portal_api.models.video import ParticipantState
from portal_api.schemas.base import Input, Name, Output

Participants = Annotated[list[UUID], Field(min_length=1, max_length=50)]
_WAITING = (
    "`waiting`: the token opens the caller's own waiting room, where nobody else is; join again every few seconds"
    " until it is `open`: then the token opens the session."
)


class JoinCreate(Input):
    client_id: UUID | None = Field(
        None, description="For whom; needed only where the account acts for several who take part."
    )
    display_name: Name | None = Field(None, description="What the others in the room see; else the given name.")


class HostJoinCreate(Input):
    display_name: Name | None = Field(None, description="What the others in the room see; else the full name.")


class MissingConsent(Output):
    """A consent that the practice wants signed before a session."""

    form_template_id: UUID
    form_assignment_id: UUID | None = Field(description="Fill it in and sign it at /v1/me/forms.")
    title: str


class Join(Output):
    """What lets one person into one occurrence of an appointment. A token is for a first connection, within minutes."""

    state: Literal["waiting", "open"] = Field(description=_WAITING)
    provider: Literal["livekit", "jitsi", "jaas", "development"] = Field(
        description="How to connect: LiveKit's client SDK with `url` and `token`; Jitsi's IFrame API with `token` as"
        " `jwt`; in development `url` is a page to open."
    )
    url: str
    room: str
    token: str
    expires_at: datetime = Field(description="Until when the token lets a connection begin; join again for another.")
    closes_at: datetime = Field(description="Until when the session can be joined.")
    participant_id: UUID
    display_name: str
    missing_consent: MissingConsent | None = Field(description="Where the practice asks for one and lets one in.")


class Admission(Input):
    participant_ids: Participants | None = Field(None, description="Those to let in; without it, everybody who waits.")


class Removal(Input):
    participant_ids: Participants = Field(description="Clients and guardians to put out.")


class VideoParticipant(Output):
    id: UUID
    client_id: UUID | None = Field(description="For whom they come; null for hosts.")
    is_host: bool
    display_name: str
    state: ParticipantState = Field(
        description="`gone`: waited, and has not asked again for two minutes; `admitted`: let in, and not there yet;"
        " `removed`: put out, and not back in the waiting room."
    )
    asked_at: datetime = Field(description="Since when they wait, or waited.")
    admitted_at: datetime | None
    joined_at: datetime | None
    left_at: datetime | None


class PresenceReport(Input):
    """What a front end says of its own connection, where the provider does not tell us itself."""

    participant_id: UUID
    state: Literal["joined", "left"]
