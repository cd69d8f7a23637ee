"""The account that asks."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from portal_api.core.access import Role
from portal_api.schemas.base import Change, Name, Output, Query
from portal_api.schemas.previews import Actor
from portal_api.schemas.scheduling.mine import MyAppointment

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
    act: Actor | None = Field(description="Who really looks: staff, through the client's eyes. Null for oneself.")
    staff_id: UUID | None
    roles: list[Role]
    profiles: list[ProfileRef]
    created_at: datetime
    updated_at: datetime
    version: int


class MeUpdate(Change):
    given_name: Name | None = None
    family_name: Name | None = None


class HomeQuery(Query):
    client_id: UUID | None = Field(None, description="About this client alone.")


class HomeAccount(Output):
    id: UUID
    email: str
    given_name: str
    family_name: str


class HomeProfile(Output):
    """A client for whom the account acts."""

    client_id: UUID
    relationship: str
    given_name: str
    family_name: str
    preferred_name: str | None


class Waiting(Output):
    """One thing that waits for the caller. `id`: of the form, the request, the document or the plan; of an onboarding,
    of its client. A `signature` is one on a form.
    """

    kind: Literal["onboarding", "form", "signature", "counter_offer", "document_signature", "treatment_plan_signature"]
    client_id: UUID
    id: UUID
    title: str | None
    due_on: date | None
    since: datetime


class Unread(Output):
    messages: int = Field(description="Of others, in threads that the caller takes part in.")
    notifications: int


class Home(Output):
    """What a portal shows first, in one call."""

    account: HomeAccount
    profiles: list[HomeProfile]
    next_appointment: MyAppointment | None = Field(
        description="Of all clients whose appointments the caller may see, running or the next to come."
    )
    waiting: list[Waiting] = Field(description="What is due first comes first; at most fifty.")
    unread: Unread
