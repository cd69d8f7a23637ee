"""Insurance policies of clients."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from portal_api.schemas.base import BirthDate, CalendarDate, Change, Input, Line, Name, Output, PageQuery

PolicyType = Literal["primary", "secondary", "tertiary"]
Relationship = Literal["self", "spouse", "child", "parent", "other"]
InsuranceType = Literal[
    "commercial", "medicare", "medicaid", "military", "workers_compensation", "employee_assistance", "other"
]
PolicyState = Literal["unreviewed", "accepted", "rejected", "withdrawn"]
Identifier = Annotated[Name, Field(max_length=80)]


class Subscriber(Input):
    """Who holds the policy, where it is not the client."""

    given_name: Name
    family_name: Name
    date_of_birth: BirthDate | None = None


class PolicyCreate(Input):
    """A policy as it stands on the card. `relationship`: what the client is to the subscriber."""

    type: PolicyType = "primary"
    relationship: Relationship = "self"
    insurance_type: InsuranceType = "commercial"
    payer: Line = Field(examples=["Blue Harbor Health"])
    payer_id: Identifier | None = None
    plan_name: Line | None = None
    member_id: Identifier = Field(examples=["W123456789"])
    group_number: Identifier | None = None
    subscriber: Subscriber | None = Field(None, description="Needed unless the relationship is self.")
    effective_date: CalendarDate | None = None
    end_date: CalendarDate | None = None
    front_document_id: UUID | None = Field(None, description="A picture of the card: a document of the client.")
    back_document_id: UUID | None = None


class MyPolicyCreate(PolicyCreate):
    client_id: UUID | None = Field(None, description="Needed where the account acts for several clients.")


class PolicyUpdate(Change):
    type: PolicyType | None = None
    relationship: Relationship | None = None
    insurance_type: InsuranceType | None = None
    payer: Line | None = None
    payer_id: Identifier | None = None
    plan_name: Line | None = None
    member_id: Identifier | None = None
    group_number: Identifier | None = None
    subscriber: Subscriber | None = None
    effective_date: CalendarDate | None = None
    end_date: CalendarDate | None = None
    front_document_id: UUID | None = None
    back_document_id: UUID | None = None


class PolicyRejection(Input):
    reason: Line | None = Field(None, description="Shown to who entered the policy.")


class MyPolicyQuery(PageQuery):
    client_id: UUID | None = None


class Policy(Output):
    id: UUID
    client_id: UUID
    type: PolicyType
    relationship: Relationship
    insurance_type: InsuranceType
    payer: str
    payer_id: str | None
    plan_name: str | None
    member_id: str
    group_number: str | None
    subscriber: Subscriber | None
    effective_date: date | None
    end_date: date | None
    front_document_id: UUID | None
    back_document_id: UUID | None
    state: PolicyState
    added_by_kind: Literal["staff", "client"]
    reviewed_at: datetime | None
    rejection_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class StaffPolicy(Policy):
    added_by: UUID | None
    reviewed_by: UUID | None
