"""A device's copy of what its account sees."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from portal_api.schemas.base import Output, Query
from portal_api.schemas.clients import Client
from portal_api.schemas.documents import Document, MyDocument
from portal_api.schemas.forms.assignments import FormAssignmentSummary
from portal_api.schemas.forms.mine import MyFormSummary
from portal_api.schemas.me import ProfileRef
from portal_api.schemas.messages import MyThread, Thread
from portal_api.schemas.notifications import Notification
from portal_api.schemas.scheduling.appointments import Appointment
from portal_api.schemas.scheduling.mine import MyAppointment
from portal_api.schemas.scheduling.requests import AppointmentRequest, MyAppointmentRequest
from portal_api.schemas.treatment_plans import MyTreatmentPlan, TreatmentPlan

Kind = Literal[
    "profile",
    "client",
    "appointment",
    "appointment_request",
    "form_assignment",
    "treatment_plan",
    "thread",
    "document",
    "notification",
]


class SyncQuery(Query):
    cursor: str | None = Field(None, max_length=8000, description="`cursor` of the answer before.")
    limit: int = Field(100, ge=1, le=500, description="How many objects at most.")


class Upsert(Output):
    """An object as its own endpoint shows it to this caller: new, or in place of the copy."""

    type: Kind
    id: UUID
    resource: (
        ProfileRef
        | Client
        | Appointment
        | MyAppointment
        | AppointmentRequest
        | MyAppointmentRequest
        | FormAssignmentSummary
        | MyFormSummary
        | TreatmentPlan
        | MyTreatmentPlan
        | Thread
        | MyThread
        | Document
        | MyDocument
        | Notification
    )


class Tombstone(Output):
    """What the caller no longer sees: it is gone, or it is no longer theirs to see."""

    type: Kind
    id: UUID


class Sync(Output):
    """Apply it in this order: at a `reset` forget the copy; then `tombstones`, then `upserts`; then keep `cursor`.

    Ask again at once while `has_more`. A `reset` begins a copy of everything, as the first answer does. Notifications
    are kept for 180 days; of those that are older the device lets go by itself.
    """

    reset: bool
    upserts: list[Upsert]
    tombstones: list[Tombstone]
    has_more: bool
    cursor: str
