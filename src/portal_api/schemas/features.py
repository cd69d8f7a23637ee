"""Feature switches, what they come to, and why."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from portal_api.schemas.base import Change, Output


class FeaturesUpdate(Change):
    """Switches. Below the practice, false narrows, true asks for what stands above, null takes the choice back."""

    appointment_requests: bool | None = None
    appointment_cancellation: bool | None = None
    secure_messaging: bool | None = None
    client_uploads: bool | None = None
    online_payments: bool | None = None
    video: bool | None = None


class Features(Output):
    """Each feature, as it comes out when every gate has been asked."""

    appointment_requests: bool
    appointment_cancellation: bool
    secure_messaging: bool
    client_uploads: bool
    online_payments: bool
    video: bool


class GateSubject(Output):
    id: UUID
    name: str


class GateState(Output):
    """One gate of one feature."""

    gate: Literal["practice", "practitioner", "client", "grant"]
    value: bool = Field(description="Whether this gate lets the feature through.")
    subject: GateSubject | None = Field(description="The practitioner, or the account of a grant, that it is about.")
    set_by: GateSubject | None = Field(description="The account that set it; null where nobody ever did.")
    set_at: datetime | None


class FeatureExplanation(Output):
    allowed: bool = Field(description="For whoever acts for the client with a grant that lets it through.")
    gates: list[GateState]


class FeatureExplanations(Output):
    appointment_requests: FeatureExplanation
    appointment_cancellation: FeatureExplanation
    secure_messaging: FeatureExplanation
    client_uploads: FeatureExplanation
    online_payments: FeatureExplanation
    video: FeatureExplanation


class Explanation(Output):
    """Why a client has a feature or has it not. With the portal off, or access not active, nothing works at all."""

    client_id: UUID
    portal_enabled: bool
    portal_state: str
    features: FeatureExplanations


class ProfileCapabilities(Output):
    """What the caller may do for one client."""

    client_id: UUID
    relationship: str
    features: Features
    permissions: dict[str, bool] = Field(description="Each permission of a grant; false where its feature is off.")


class Capabilities(Output):
    """What the caller may do: for each client, and by their roles."""

    profiles: list[ProfileCapabilities]
    permissions: dict[str, bool]
