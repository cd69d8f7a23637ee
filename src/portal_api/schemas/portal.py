"""The portal of a practice: settings, link, public profile."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from portal_api.schemas.base import Change, ClockTime, Input, Output, Query, SlugText
from portal_api.schemas.features import Features
from portal_api.schemas.practices import Address, Branding

Minutes = Annotated[int, Field(ge=0, le=525_600)]
VideoMinutes = Annotated[int, Field(ge=0, le=240)]
ConsentGate = Literal["off", "warn", "block"]
SecondFactor = Literal["optional", "staff", "everyone"]


class CancellationUpdate(Change):
    late_within_minutes: Minutes | None = None
    closed_within_minutes: Minutes | None = None


class VideoUpdate(Change):
    opens_minutes_before: VideoMinutes | None = None
    closes_minutes_after: VideoMinutes | None = None
    waiting_room: bool | None = None
    consent_gate: ConsentGate | None = None
    consent_form_template_id: UUID | None = Field(None, description="Null: the telehealth consent that ships.")


class AssessmentsUpdate(Change):
    scores_visible: bool | None = None
    escalation_hours: Annotated[int, Field(ge=1, le=72)] | None = None


class PortalUpdate(Change):
    """The portal is turned on and off, and its link claimed, with requests of their own."""

    slug: SlugText | None = Field(None, description="Only as it is: the link is not changed here.")
    allow_client_signup: bool | None = None
    allow_staff_set_credentials: bool | None = None
    digest_at: ClockTime | None = Field(
        None, description="When the daily digest is sent to who has chosen no other time; by the clock of who gets it."
    )
    invitation_ttl_days: Annotated[int, Field(ge=1, le=30)] | None = None
    cancellation: CancellationUpdate | None = None
    unverified_request_limit: Annotated[int, Field(ge=0, le=1)] | None = None
    allow_new_client_requests: bool | None = Field(
        None, description="Whether people without a chart see times and ask for one on the portal's public page."
    )
    allow_client_reschedule: bool | None = Field(
        None, description="Whether clients move an appointment themselves, while they could still cancel it freely."
    )
    request_ttl_hours: Annotated[int, Field(ge=1, le=720)] | None = Field(
        None, description="How long an appointment request holds its time before it expires."
    )
    pending_requests_per_day: Annotated[int, Field(ge=1, le=200)] | None = Field(
        None, description="How many requests may wait for an answer, for one practitioner and one day."
    )
    video: VideoUpdate | None = None
    assessments: AssessmentsUpdate | None = None
    second_factor: SecondFactor | None = None


class PortalEnable(Input):
    slug: SlugText | None = Field(None, description="Needed the first time only.", examples=["harbor"])


class Cancellation(Output):
    """Minutes before the start: from when cancelling counts as late, and from when it is not possible."""

    late_within_minutes: int
    closed_within_minutes: int


class Video(Output):
    """When a video session can be joined, in minutes before its start and after its end, and whether clients wait."""

    opens_minutes_before: int
    closes_minutes_after: int
    waiting_room: bool = Field(description="Whether clients wait until they are admitted.")
    consent_gate: ConsentGate = Field(
        description="What becomes of a client who joins without having signed the consent: nothing, a hint, a refusal."
    )
    consent_form_template_id: UUID | None


class Assessments(Output):
    """What clients learn of their assessments, and how long a safety alert waits for whoever treats them."""

    scores_visible: bool = Field(description="Whether clients see what their assessments came to.")
    escalation_hours: int = Field(
        description="After so many hours an alert that nobody acknowledged goes to supervisors and owners too."
    )


class Portal(Output):
    enabled: bool
    enabled_at: datetime | None
    slug: str | None
    url: str | None = Field(description="Where clients find the portal.")
    allow_client_signup: bool
    allow_staff_set_credentials: bool
    digest_at: str
    invitation_ttl_days: int
    cancellation: Cancellation
    unverified_request_limit: int = Field(description="Open appointment requests of a person who is not verified.")
    allow_new_client_requests: bool
    allow_client_reschedule: bool
    request_ttl_hours: int
    pending_requests_per_day: int
    video: Video
    assessments: Assessments
    second_factor: SecondFactor
    updated_at: datetime
    version: int


class LinkQuery(Query):
    slug: SlugText


class LinkAvailability(Output):
    slug: str
    available: bool
    reason: Literal["invalid", "reserved", "taken"] | None


class BotCheck(Output):
    """The challenge that a form shows; its token goes into `bot_check_token`."""

    service: str = Field(description="The host that verifies, by which the challenge's script is known.")
    site_key: str


class PortalProfile(Output):
    """What anybody may know of a practice whose portal is on."""

    slug: str
    name: str
    address: Address | None = Field(description="Null where there is none, or the practice hides it.")
    phone: str | None
    branding: Branding
    time_zone: str
    features: Features
    signup_allowed: bool
    booking_for_new_clients: bool
    bot_check: BotCheck | None = Field(description="What signing up takes besides; null where nothing.")
