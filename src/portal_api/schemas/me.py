"""The account that asks."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from portal_api.core.access import Role
from portal_api.schemas.base import Change, Name, Output

SecondFactor = Literal["enabled", "required", "recommended", "offered"]


class ProfileRef(Output):
    """A client that the account may act for."""

    client_id: UUID
    relationship: str
    permissions: list[str]


class Me(Output):
    id: UUID
    practice_id: UUID
    kind: Literal["staff", "client"]
    email: str
    email_verified: bool
    given_name: str
    family_name: str
    must_change_password: bool
    second_factor_enabled: bool
    second_factor: SecondFactor = Field(
        description="`required`: nothing else can be done before it is set up; `recommended`: ask the person."
    )
    staff_id: UUID | None
    roles: list[Role]
    profiles: list[ProfileRef]
    created_at: datetime
    updated_at: datetime
    version: int


class MeUpdate(Change):
    given_name: Name | None = None
    family_name: Name | None = None
