"""Live updates."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from portal_api.schemas.base import Output, Query


class StreamQuery(Query):
    follow: bool = Field(True, description="False: end with what has happened since `Last-Event-ID`.")


class Happened(Output):
    """The `data` of an event whose name is its type: what to fetch anew, if it is shown.

    `client_id` is null where it concerns nobody, or several.
    """

    id: UUID
    type: str = Field(examples=["appointment.booked"])
    resource_type: str | None
    resource_id: UUID | None
    client_id: UUID | None


class Reset(Output):
    """The `data` of an event `reset`: fetch anew whatever is shown. The stream goes on from here.

    `too_slow`: it ends, because its reader fell too far behind; connect again.
    """

    type: Literal["reset"]
    reason: Literal["access_changed", "too_much", "too_slow", "unknown_place"]
