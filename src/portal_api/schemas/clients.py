"""Client records: the administrative head of a chart."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from portal_api.schemas.base import (
    BirthDate,
    Email,
    Ids,
    Input,
    Instant,
    Line,
    Name,
    Output,
    PageQuery,
    Password,
    Phone,
    SearchText,
    TimeZone,
)
from portal_api.schemas.client_information import (
    Chart,
    ChartUpdate,
    ContactPreferences,
    EmergencyContact,
    Language,
    OtherPhones,
    Sex,
)
from portal_api.schemas.practices import Address

SystemName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,49}$")]
EXTERNAL_IDS = 20
ExternalIds = Annotated[dict[SystemName, Line], Field(max_length=EXTERNAL_IDS)]
ExternalIdsUpdate = Annotated[dict[SystemName, Line | None], Field(max_length=EXTERNAL_IDS)]
PortalState = Literal["none", "invited", "active", "suspended", "revoked"]


class ClientCreate(Input):
    """The names are the legal ones, save preferred_name: what the client is called."""

    given_name: Name = Field(examples=["Grace"])
    middle_name: Name | None = None
    family_name: Name = Field(examples=["Client"])
    preferred_name: Name | None = None
    pronouns: Name | None = None
    date_of_birth: BirthDate | None = Field(None, examples=["1990-04-01"])
    sex: Sex | None = None
    gender_identity: Name | None = None
    language: Language | None = None
    email: Email | None = Field(None, examples=["client@harbor.example"])
    phone: Phone | None = Field(None, examples=["+1 415 555 2671"])
    other_phones: OtherPhones = []
    address: Address | None = None
    time_zone: TimeZone | None = None
    emergency_contact: EmergencyContact | None = None
    contact_preferences: ContactPreferences | None = None
    self_pay: bool | None = None
    practitioner_ids: Ids = []
    is_test: bool = False
    external_ids: ExternalIds = {}


class ClientUpdate(ChartUpdate):
    practitioner_ids: Ids | None = None
    external_ids: ExternalIdsUpdate | None = Field(
        None, description="Of the systems that are named; null takes an id away."
    )


class ClientFilters(PageQuery):
    q: SearchText | None = Field(None, description="Searches names, e-mail and phone.")
    archived: bool = Field(False, description="The archived clients instead of the current ones.")
    is_test: bool = Field(False, description="The test clients instead of the real ones.")
    practitioner_id: UUID | None = None
    external_id: Annotated[Line, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,49}:.")] | None = Field(
        None, description="Another system's id, as system:value."
    )
    updated_since: Instant | None = Field(
        None, description="Oldest change first; archived ones included, test clients not."
    )

    @model_validator(mode="after")
    def _changes_are_unfiltered(self) -> Self:
        if self.updated_since and (self.q or self.archived or self.is_test or self.practitioner_id or self.external_id):
            raise PydanticCustomError("combination", "updated_since goes with no other filter.")
        return self


class CredentialsSet(Input):
    """Either a password that staff typed, or `generate: true`."""

    email: Email = Field(examples=["client@harbor.example"])
    starter_password: Password | None = None
    generate: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.generate == (self.starter_password is not None):
            raise PydanticCustomError("one_of", "Give either starter_password or generate: true.")
        return self


class Credentials(Output):
    """The generated password is in this answer only; null when staff typed it."""

    email: str
    starter_password: str | None
    expires_at: datetime


class PortalAccessUpdate(Input):
    state: Literal["active", "suspended", "revoked"] = Field(description="active lifts a suspension.")
    reason: Line | None = None


class PortalAccessChange(Output):
    state: PortalState
    changed_at: datetime
    changed_by: UUID | None
    reason: str | None


class OwnLogin(Output):
    id: UUID
    email: str
    email_verified: bool
    must_change_password: bool
    second_factor_enabled: bool


class PortalAccess(Output):
    """`login` is the client's own; `history` has the newest hundred changes, newest first."""

    state: PortalState
    login: OwnLogin | None
    history: list[PortalAccessChange]
    version: int


class Client(Chart):
    id: UUID
    practitioner_ids: list[UUID]
    external_ids: dict[str, str]
    is_test: bool
    portal_state: PortalState
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
