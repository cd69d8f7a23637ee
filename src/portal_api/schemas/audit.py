"""The audit trail, and a client's view of it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from portal_api.schemas.base import Instant, Output, PageQuery

EventType = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}(\.[a-z_]{1,40}){1,2}$")]
Outcome = Literal["success", "failure", "denied"]


class EventFilters(PageQuery):
    client_id: UUID | None = None
    actor_id: UUID | None = Field(None, description="The account that acted.")
    type: EventType | None = Field(None, examples=["client.viewed"])
    outcome: Outcome | None = None
    since: Instant | None = Field(None, alias="from", description="From this moment on.")
    until: Instant | None = Field(None, alias="to", description="Before this moment.")


class AuditEvent(Output):
    """`seq` is the event's place in the practice's hash chain; null until it is sealed, within a minute or so."""

    id: UUID
    seq: int | None
    occurred_at: datetime
    type: str
    outcome: Outcome
    actor_kind: str
    actor_id: UUID | None
    actor_name: str | None
    session_id: UUID | None
    on_behalf_of: UUID | None
    resource_type: str | None
    resource_id: UUID | None
    client_ids: list[UUID]
    reason: str | None
    request_id: str | None
    ip: str | None
    changed: list[str]
    details: dict[str, Any]


class AccessHistoryFilters(PageQuery):
    client_id: UUID | None = Field(None, description="Needed where the account acts for several clients.")


class AccessEntry(Output):
    """Who did what with the client's record. `actor_roles` are those of today."""

    id: UUID
    occurred_at: datetime
    type: str
    description: str
    outcome: Outcome
    actor_kind: str
    actor_name: str | None
    actor_roles: list[str]
    actor_relationship: str | None
    on_behalf_of: UUID | None
