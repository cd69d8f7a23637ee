"""Appointments as the clients who have them see them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from portal_api.models.scheduling import Mode
from portal_api.schemas.base import Input, Minute, Money, Output, PageQuery, Paragraphs
from portal_api.schemas.practices import Address
from portal_api.schemas.scheduling.appointments import ActorKind, CancellationPolicy, State


class MyAppointmentQuery(PageQuery):
    past: bool = Field(
        False, description="What is over or was called off, the latest first; else what is to come, the next first."
    )
    client_id: UUID | None = Field(None, description="Of this client alone.")


class MyCancellation(Input):
    reason: Paragraphs | None = None
    client_id: UUID | None = Field(None, description="For whom; the appointment says so itself.")


class MyReschedule(Input):
    starts_at: Minute
    client_id: UUID | None = Field(None, description="For whom; the appointment says so itself.")


class AppointmentPractitioner(Output):
    id: UUID
    given_name: str
    family_name: str
    credentials: str | None


class AppointmentService(Output):
    id: UUID
    name: str


class AppointmentPlace(Output):
    id: UUID
    name: str
    address: Address | None = Field(description="Null where there is none, or the practice hides it.")
    directions: str | None
    phone: str | None


class MyAppointment(Output):
    id: UUID
    state: State
    client_ids: list[UUID] = Field(description="Those for whom the caller acts; others who come are not named.")
    practitioner: AppointmentPractitioner
    service: AppointmentService
    mode: Mode
    location: AppointmentPlace | None
    starts_at: datetime
    ends_at: datetime
    time_zone: str = Field(description="The practitioner's, when it was booked.")
    confidential: bool = Field(description="Whether it is kept from guardians.")
    price: Money | None
    cancellation: CancellationPolicy
    fee_due: Money | None = Field(description="The fee for having been cancelled late.")
    cancelled_at: datetime | None
    cancelled_by_kind: ActorKind | None
    cancellation_reason: str | None
    series_id: UUID | None
    request_id: UUID | None
    uid: str
    sequence: int
    created_at: datetime
    updated_at: datetime
