"""Prospects: who signed up, whom they may be, and what becomes of them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from portal_api.schemas.base import Input, Line, Output, PageQuery
from portal_api.schemas.clients import ClientUpdate

ProspectState = Literal["new", "verified", "converted", "associated", "rejected", "expired"]
EmailVerification = Literal["none", "self", "staff"]
Reason = Literal["email", "phone", "date_of_birth_and_name", "similar_name"]


class ProspectFilters(PageQuery):
    state: ProspectState | None = None


class ProspectDecision(Input):
    reason: Line | None = Field(None, description="Kept in the audit trail; nothing clinical.")


class ProspectClient(ClientUpdate):
    """What differs from what the person entered."""

    is_test: bool = False


class ProspectAssociation(Input):
    client_id: UUID


class VerifiedEmail(Output):
    """Whether mail reaches the person. It says nothing about who the person is (F4.B2)."""

    email: str
    email_verification: EmailVerification = Field(description="`staff`: vouched for, not proved by the holder.")
    email_verified_at: datetime | None
    email_verified_by: UUID | None = Field(description="The account of the staff member who vouched for it.")


class Prospect(VerifiedEmail):
    id: UUID
    account_id: UUID
    state: ProspectState
    given_name: str
    family_name: str
    date_of_birth: date | None
    phone: str | None
    message: str | None
    client_id: UUID | None = Field(description="The client that they became or were found to be.")
    decided_at: datetime | None
    decided_by: UUID | None
    created_at: datetime
    updated_at: datetime


class DuplicateCandidate(Output):
    """A client who may be the same person. Nothing is ever linked by itself (F5.M6)."""

    client_id: UUID
    given_name: str
    family_name: str
    preferred_name: str | None
    date_of_birth: date | None
    email: str | None
    phone: str | None
    has_login: bool = Field(description="True: they cannot be associated.")
    reasons: list[Reason]
    score: Annotated[float, Field(ge=0, le=1)] = Field(description="How alike the names are: 1 is the same name.")


class ProspectDetail(Prospect):
    duplicate_candidates: list[DuplicateCandidate]
