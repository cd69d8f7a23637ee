"""Invitations, as staff see them and as their holder does."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from portal_api.core.access import Feature
from portal_api.schemas.auth import Delivery, Otp
from portal_api.schemas.base import BirthDate, Email, Ids, Input, Name, Output, Paragraphs, Password, SecretText

Features = dict[Feature, bool]
InvitationState = Literal["pending", "accepted", "expired", "revoked", "bounced"]


class InvitationCreate(Input):
    email: Email | None = Field(None, description="The client's own address when absent.")
    features: Features = Field(default_factory=dict, description="Set for this client when the invitation is accepted.")
    form_template_ids: Ids = []
    document_ids: Ids = []
    message: Paragraphs | None = Field(None, description="Shown to who opens the link; never part of the mail.")


class Invitation(Output):
    id: UUID
    client_id: UUID | None
    staff_id: UUID | None
    guardian_id: UUID | None = Field(description="Who is invited to act for the client, where it is not the client.")
    email: str
    state: InvitationState
    delivery: Literal["queued", "sent", "bounced", "failed"]
    delivered_at: datetime | None
    expires_at: datetime
    features: Features
    form_template_ids: list[UUID]
    document_ids: list[UUID]
    message: str | None
    accepted_at: datetime | None
    revoked_at: datetime | None
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    version: int


class InvitationLookup(Input):
    token: SecretText


class InvitationOffer(Output):
    """What the holder of a link needs to know before accepting."""

    kind: Literal["client", "guardian", "staff"]
    state: InvitationState
    practice_name: str
    email: str = Field(description="Masked.", examples=["g***@h***.example"])
    message: str | None
    expires_at: datetime
    date_of_birth_required: bool
    existing_account: bool = Field(description="The address has a login here: accept with its present password.")


class MyInvitationAccept(Input):
    token: SecretText


class AcceptedProfile(Output):
    """For whom the account acts from now on."""

    client_id: UUID
    relationship: str


class InvitationAccept(Input):
    token: SecretText
    password: Password = Field(
        description="A new one; for an address that has an account already, that account's.",
        examples=["correct horse battery staple"],
    )
    date_of_birth: BirthDate | None = Field(None, examples=["1990-04-01"])
    otp: Otp | None = Field(None, description="Only where the address has an account with a second factor.")
    delivery: Delivery = "body"
    device_label: Name | None = None
