"""Appointment requests: a client asks for a time, and somebody answers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from portal_api.models.scheduling import Mode
from portal_api.schemas.base import (
    BirthDate,
    BotCheckToken,
    Email,
    Input,
    Minute,
    Name,
    Output,
    PageQuery,
    Paragraphs,
    Password,
    Phone,
)
from portal_api.schemas.scheduling.appointments import Appointment

RequestState = Literal["requested", "accepted", "declined", "withdrawn", "expired"]
"""One that is only held is shown to nobody."""


class WishedTime(Input):
    """A time that is asked for: one of those that the slots for the same caller show."""

    practitioner_id: UUID
    service_id: UUID
    starts_at: Minute = Field(examples=["2030-01-07T14:00:00Z"])
    mode: Mode = Field(examples=["video"])
    note: Paragraphs | None = Field(None, description="For the practitioner to read.")


class AppointmentRequestCreate(WishedTime):
    client_id: UUID | None = Field(None, description="For whom; needed where the account acts for several.")
    confidential: bool = Field(False, description="Keep it from guardians; for the client's own login alone.")


class NewcomerRequestCreate(WishedTime):
    """Somebody without a chart says who they are, and when they would like to come."""

    email: Email = Field(examples=["newcomer@harbor.example"])
    given_name: Name = Field(examples=["Grace"])
    family_name: Name = Field(examples=["Newcomer"])
    password: Password | None = Field(
        None, description="For signing in later. It can be chosen afterwards as well, by a password reset."
    )
    date_of_birth: BirthDate | None = Field(None, examples=["1990-04-01"])
    phone: Phone | None = Field(None, examples=["+1 415 555 2671"])
    bot_check_token: BotCheckToken | None = Field(None, description="Where the portal's profile names a `bot_check`.")


class MyRequestFilters(PageQuery):
    client_id: UUID | None = Field(None, description="Those for this client; else for all that you act for.")
    state: RequestState | None = None


class RequestFilters(PageQuery):
    state: RequestState | None = Field(None, description="`requested`: what waits for an answer.")
    practitioner_id: UUID | None = Field(None, description="Those on this calendar.")
    client_id: UUID | None = None
    prospect_id: UUID | None = None


class RequestAcceptance(Input):
    """What the appointment gets besides what was asked for."""

    location_id: UUID | None = Field(None, description="Another place than the practitioner's hours name.")
    room_id: UUID | None = None
    allow_overlap: bool = Field(False, description="Book it although something else is there.")


class RequestRefusal(Input):
    message: Paragraphs | None = Field(None, description="For the other side to read in the portal; never mailed.")


class CounterOfferCreate(RequestRefusal):
    starts_at: Minute = Field(examples=["2030-01-07T16:00:00Z"])


class CounterOffer(Output):
    """Another time, held for the client until the request expires."""

    starts_at: datetime
    ends_at: datetime
    message: str | None
    offered_at: datetime


class _Request(Output):
    id: UUID
    state: RequestState
    practitioner_id: UUID
    service_id: UUID
    location_id: UUID | None
    mode: Mode
    starts_at: datetime
    ends_at: datetime
    note: str | None
    confidential: bool = Field(description="Whether it is kept from guardians.")
    counter_offer: CounterOffer | None
    expires_at: datetime = Field(description="Until when it waits for an answer, and holds its time.")
    decided_at: datetime | None
    decision_message: str | None
    appointment_id: UUID | None = Field(description="What was opened when it was accepted.")
    created_at: datetime
    updated_at: datetime
    version: int


class MyAppointmentRequest(_Request):
    client_id: UUID


class Requester(Output):
    """For whom it is. Who has no chart yet is a prospect alone."""

    client_id: UUID | None
    prospect_id: UUID | None
    given_name: str
    family_name: str
    preferred_name: str | None


class AppointmentRequest(_Request):
    client_id: UUID | None = Field(description="Null while the person who asks has no chart.")
    requester: Requester
    account_id: UUID | None
    requested_at: datetime
    displaced_at: datetime | None = Field(
        description="When staff booked over it: it then holds no time, and accepting it may clash."
    )
    offered_by: UUID | None
    decided_by: UUID | None


class AcceptedRequest(AppointmentRequest):
    appointment: Appointment
