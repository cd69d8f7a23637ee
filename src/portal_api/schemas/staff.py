"""Staff members, and those of them whom clients may see."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from portal_api.core.access import Role
from portal_api.schemas.base import Change, Email, Ids, Input, Name, Output, PageQuery

StaffState = Literal["invited", "active", "suspended", "removed"]
Credentials = Annotated[Name, Field(examples=["PhD, LCSW"])]


def _each_once(roles: list[Role]) -> list[Role]:
    return sorted(set(roles))


Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role)), AfterValidator(_each_once)]


class StaffCreate(Input):
    email: Email = Field(examples=["practitioner@harbor.example"])
    given_name: Name = Field(examples=["Noor"])
    family_name: Name = Field(examples=["Lind"])
    roles: Roles = Field(examples=[["practitioner"]])
    credentials: Credentials | None = None


class StaffUpdate(Change):
    given_name: Name | None = None
    family_name: Name | None = None
    credentials: Credentials | None = None
    roles: Roles | None = None
    supervises: Ids | None = Field(None, description="Ids of the staff members whose clients this one may read too.")


class StaffRemoval(Input):
    reassign_to: UUID | None = Field(None, description="Who takes over the clients; without it they have nobody.")


class StaffFilters(PageQuery):
    state: StaffState | None = Field(None, description="Without it: everybody but the removed.")


class StaffMember(Output):
    id: UUID
    account_id: UUID
    email: str
    given_name: str
    family_name: str
    credentials: str | None
    roles: list[str]
    supervises: list[UUID]
    second_factor_enabled: bool
    state: StaffState
    state_changed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class PractitionerFilters(PageQuery):
    pass


class Practitioner(Output):
    id: UUID
    given_name: str
    family_name: str
    display_name: str
    credentials: str | None
