"""Client records: the administrative head of a chart."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from portal_api.schemas.base import (
    BirthDate,
    Change,
    Email,
    Ids,
    Input,
    Instant,
    Line,
    Name,
    Output,
    PageQuery,
    Phone,
    SearchText,
    TimeZone,
)

SystemName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,49}$")]
ExternalIds = Annotated[dict[SystemName, Line], Field(max_length=20)]
PortalState = Literal["none", "invited", "active", "suspended", "revoked"]


class ClientCreate(Input):
    given_name: Name = Field(examples=["Grace"])
    family_name: Name = Field(examples=["Client"])
    preferred_name: Name | None = None
    pronouns: Name | None = None
    date_of_birth: BirthDate | None = Field(None, examples=["1990-04-01"])
    email: Email | None = Field(None, examples=["client@harbor.example"])
    phone: Phone | None = Field(None, examples=["+1 415 555 2671"])
    time_zone: TimeZone | None = None
    practitioner_ids: Ids = []
    is_test: bool = False
    external_ids: ExternalIds = {}


class ClientUpdate(Change):
    given_name: Name | None = None
    family_name: Name | None = None
    preferred_name: Name | None = None
    pronouns: Name | None = None
    date_of_birth: BirthDate | None = None
    email: Email | None = None
    phone: Phone | None = None
    time_zone: TimeZone | None = None
    practitioner_ids: Ids | None = None
    external_ids: ExternalIds | None = None


class ClientFilters(PageQuery):
    q: SearchText | None = Field(None, description="Searches names, e-mail and phone.")
    archived: bool = Field(False, description="The archived clients instead of the current ones.")
    practitioner_id: UUID | None = None
    updated_since: Instant | None = Field(None, description="Oldest change first; archived ones included.")


class Client(Output):
    id: UUID
    given_name: str
    family_name: str
    preferred_name: str | None
    pronouns: str | None
    date_of_birth: date | None
    email: str | None
    phone: str | None
    time_zone: str | None
    practitioner_ids: list[UUID]
    external_ids: dict[str, str]
    is_test: bool
    portal_state: PortalState
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
