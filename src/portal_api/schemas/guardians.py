"""Guardians, custody, and the ages at which a practice changes what guardians may do."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from portal_api.core.access import SELF, GrantPermission
from portal_api.models.guardians import Arrangement, SignaturePolicy
from portal_api.schemas.base import (
    EARLIEST_MINUTE,
    LATEST_MINUTE,
    Change,
    Email,
    Input,
    Instant,
    Line,
    Name,
    Output,
    PageQuery,
    Paragraphs,
    Phone,
    Query,
)
from portal_api.schemas.invitations import InvitationState
from portal_api.schemas.scheduling.availability import Day

GuardianState = Literal["pending", "scheduled", "active", "expired", "revoked"]
_RELATIONSHIP = (
    "What they are to the client: `parent`, `mother`, `father`, `step_parent`, `grandparent`, `foster_parent`,"
    " `guardian`, `other`, or another word."
)
_FROM = "An instant, or the beginning of a day of the practice."
_TO = "An instant, or the end of a day of the practice."


def _relation(value: str) -> str:
    if value == SELF:
        raise PydanticCustomError("relationship", "A client's own login is made by an invitation of the client.")
    return value


def _distinct(value: list[GrantPermission]) -> list[GrantPermission]:
    return [permission for permission in GrantPermission if permission in value]


def _in_range(value: datetime) -> datetime:
    if not EARLIEST_MINUTE <= value <= LATEST_MINUTE:
        raise PydanticCustomError("out_of_range", "Times lie between the years 2000 and 2200.")
    return value.astimezone(UTC)


Moment = Annotated[Instant, AfterValidator(_in_range)]
Relationship = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z][A-Za-z _-]{0,39}$"),
    AfterValidator(_relation),
]
Permissions = Annotated[list[GrantPermission], Field(max_length=50, strict=False), AfterValidator(_distinct)]


class GuardianCreate(Input):
    given_name: Name = Field(examples=["Ruth"])
    family_name: Name = Field(examples=["Client"])
    email: Email = Field(examples=["ruth@harbor.example"], description="Their own: no client's, and signs in by it.")
    phone: Phone | None = None
    relationship: Relationship = Field(examples=["mother"], description=_RELATIONSHIP)
    permissions: Permissions = Field(examples=[["appointments.view"]])
    valid_from: Moment | Day | None = Field(None, description=f"{_FROM} Without it, now.")
    valid_to: Moment | Day | None = Field(None, description=f"{_TO} Without it, open.")


class GuardianUpdate(Change):
    given_name: Name | None = None
    family_name: Name | None = None
    email: Email | None = Field(None, description="Only until they have accepted an invitation.")
    phone: Phone | None = None
    relationship: Relationship | None = None
    permissions: Permissions | None = None
    valid_from: Moment | Day | None = Field(None, description=_FROM)
    valid_to: Moment | Day | None = Field(None, description=f"{_TO} Null: open.")


class GuardianFilters(PageQuery):
    revoked: bool = Field(False, description="Those that were dissolved instead of those there are.")


class GuardianRemoval(Query):
    reason: Line | None = Field(None, description="Kept with the record.")


class GuardianExtension(Input):
    until: Day = Field(examples=["2031-04-01"], description="Until the end of this day no age rule applies.")
    reason: Line = Field(examples=["Guardianship by court order."])


class Guardian(Output):
    """`permissions` are those given; `effective_permissions` those left of them at the client's age."""

    id: UUID
    client_id: UUID
    given_name: str
    family_name: str
    email: str
    phone: str | None
    relationship: str
    permissions: list[GrantPermission]
    effective_permissions: list[GrantPermission] = Field(description="Now; none before acceptance and after the end.")
    valid_from: datetime
    valid_to: datetime | None
    state: GuardianState = Field(description="`pending`: has not accepted an invitation yet.")
    account_id: UUID | None = Field(description="The login that acts for the client.")
    invitation_state: InvitationState | None = Field(description="Of the newest invitation.")
    narrows_at: datetime | None = Field(description="When an age rule leaves `narrowed_permissions`.")
    narrowed_permissions: list[GrantPermission] | None
    ends_at: datetime | None = Field(description="When an age rule ends the access.")
    extended_to: datetime | None
    extension_reason: str | None
    created_by: UUID | None
    revoked_at: datetime | None
    revoked_by: UUID | None
    revocation_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class GuardianInvitationCreate(Input):
    message: Paragraphs | None = Field(None, description="Shown to who opens the link; never part of the mail.")


class NoContact(Input):
    """Somebody whom the client must not have contact with; nobody of this address or name becomes a guardian."""

    given_name: Name
    family_name: Name
    email: Email | None = None
    notes: Paragraphs | None = None


class PaymentShare(Input):
    guardian_id: UUID
    percent: int = Field(ge=0, le=100)


class CustodyUpdate(Change):
    arrangement: Arrangement | None = Field(None, strict=False)
    signature_policy: SignaturePolicy | None = Field(
        None, strict=False, description="Whether all guardians who may sign must, or any one of them."
    )
    order_document_id: UUID | None = Field(None, description="A document of this client: the court's order.")
    notes: Paragraphs | None = None
    no_contact: Annotated[list[NoContact], Field(max_length=20)] | None = None
    payment_shares: Annotated[list[PaymentShare], Field(max_length=20)] | None = Field(
        None, description="Who pays how much, a hundred per cent in all; empty: nothing is settled."
    )


class NoContactPerson(Output):
    given_name: str
    family_name: str
    email: str | None
    notes: str | None


class Share(Output):
    guardian_id: UUID
    percent: int


class Custody(Output):
    client_id: UUID
    arrangement: Arrangement | None
    signature_policy: SignaturePolicy
    order_document_id: UUID | None
    notes: str | None
    no_contact: list[NoContactPerson]
    payment_shares: list[Share]
    updated_at: datetime | None
    version: int


class AgeTransition(Input):
    """At this age guardians keep at most `permissions`, or nothing."""

    age: int = Field(ge=1, le=30, examples=[18])
    action: Literal["narrow", "end"] = Field(examples=["end"])
    permissions: Permissions | None = Field(None, description="What may be left; with `narrow`, and only then.")
    invite: bool | None = Field(
        None, description="Invite the client to a login of their own then, if an address is known; by default at `end`."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.action == "narrow") != (self.permissions is not None):
            raise PydanticCustomError("permissions", "Say with `narrow`, and only then, which permissions are left.")
        return self


class AgeTransitionsPut(Input):
    transitions: Annotated[list[AgeTransition], Field(max_length=10)] = Field(examples=[[{"age": 18, "action": "end"}]])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ages = [transition.age for transition in self.transitions]
        if len(set(ages)) < len(ages):
            raise PydanticCustomError("ages", "Each age comes once.")
        ends = [transition.age for transition in self.transitions if transition.action == "end"]
        if len(ends) > 1 or (ends and ends[0] < max(ages)):
            raise PydanticCustomError("ages", "What ends at one age does not change at a later one.")
        return self


class AgeTransitionRule(Output):
    age: int
    action: Literal["narrow", "end"]
    permissions: list[GrantPermission] | None
    invite: bool


class AgeTransitions(Output):
    """The practice's own rules; without any, nothing changes at any age."""

    transitions: list[AgeTransitionRule]
    updated_at: datetime
    version: int


class UpcomingQuery(PageQuery):
    within_days: int = Field(30, ge=1, le=366, description="How far ahead to look.")


class UpcomingGuardian(Output):
    id: UUID
    given_name: str
    family_name: str
    extended_to: datetime | None


class UpcomingTransition(Output):
    """A client for whom guardians will be able to do less, or nothing more."""

    client_id: UUID
    given_name: str
    family_name: str
    preferred_name: str | None
    date_of_birth: date
    at: datetime = Field(description="When the day begins in the practice.")
    age: int = Field(description="The client's, on that day.")
    action: Literal["narrow", "end"]
    guardians: list[UpcomingGuardian]
    email_known: bool = Field(description="Whether the client can be invited to a login of their own.")
    has_login: bool
