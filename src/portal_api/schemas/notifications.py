"""Notifications: the inbox, how somebody wants to be told, devices to wake, and what was sent."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from portal_api.schemas.base import Change, ClockTime, Input, Instant, Output, Page, PageQuery, TimeZone, WebAddress

KindKey = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}={0,2}$")]


class Channel(StrEnum):
    IN_APP = "in_app"
    EMAIL = "email"
    PUSH = "push"


class Mode(StrEnum):
    IMMEDIATE = "immediate"
    DIGEST = "digest"
    OFF = "off"


class InboxQuery(PageQuery):
    unread: bool | None = Field(None, description="Only what was not read yet; false: only what was.")


class Notification(Output):
    """Something that the account was told. `title` and `path`, a place in the front end, follow from its type."""

    id: UUID
    kind: str
    event_type: str
    title: str
    path: str
    resource_type: str | None
    resource_id: UUID | None
    client_id: UUID | None = Field(description="The client whose matter it is, if the caller sees the client.")
    client_initials: str | None
    occurred_at: datetime
    created_at: datetime
    read_at: datetime | None


class Inbox(Page[Notification]):
    unread: int = Field(description="In the whole inbox, whatever the filter.")


class ReadAll(Input):
    up_to: UUID | None = Field(
        None, description="The id of the newest notification that was seen; without it, everything until now."
    )


class Unread(Output):
    unread: int


class DigestPreview(Output):
    """What the next daily digest would say now; no mail is sent where there is nothing to say."""

    due_at: datetime
    covered_until: datetime | None = Field(description="Until when the last digest told; null before the first.")
    data: list[Notification]
    left_out: int = Field(description="How many more there are than a digest lists.")


class QuietHours(Input):
    """By the account's clock, and over midnight where `start` is after `end`.

    Mails, also the digest, and pushes wait for their end; security notices are not held back.
    """

    start: ClockTime
    end: ClockTime

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if self.start == self.end:
            raise PydanticCustomError("range", "Quiet hours end at another time than they start.")
        return self


class ContactConsents(Output):
    """By which channels a client agrees to be contacted. Security notices, and mails asked for, need no yes."""

    email: bool
    sms: bool


class ContactConsentsUpdate(Change):
    email: bool | None = None
    sms: bool | None = None


class ChannelPreference(Output):
    mode: Mode
    default: Mode
    allowed: list[Mode] = Field(description="One alone cannot be changed.")


class KindPreference(Output):
    kind: str
    title: str
    importance: Literal["security", "immediate", "digestible"]
    channels: dict[Channel, ChannelPreference]


class NotificationPreferences(Output):
    kinds: list[KindPreference]
    quiet_hours: QuietHours | None
    time_zone: str | None = Field(description="Null: that of the chart, or else of the practice.")
    effective_time_zone: str
    digest_at: str | None = Field(description="Null: when the practice says.")
    effective_digest_at: str
    consents: ContactConsents | None = Field(description="Of clients; null for staff.")
    updated_at: datetime | None
    version: int = Field(description="0 before anything was chosen.")


class NotificationPreferencesUpdate(Change):
    kinds: dict[KindKey, dict[Channel, Mode | None] | None] | None = Field(
        None,
        max_length=100,
        description="Modes by kind and channel; null: as the kind says.",
        examples=[{"documents": {"email": "digest"}}],
    )
    quiet_hours: QuietHours | None = None
    time_zone: TimeZone | None = None
    digest_at: ClockTime | None = None
    consents: ContactConsentsUpdate | None = None


class LogQuery(PageQuery):
    state: Literal["queued", "sending", "failed", "sent", "bounced", "suppressed", "dropped", "abandoned"] | None = None
    recipient_id: UUID | None = Field(
        None, description="An account, or a client who is reached by the chart's address."
    )


class LogEntry(Output):
    """One mail and how it went. What it said is kept nowhere.

    `failed` is tried again; `abandoned` was, for too long, or is a digest that is left to the next; `suppressed`: the
    address is known to take no mail; `dropped`: there was nothing to say any more.
    """

    id: UUID
    channel: Literal["email"]
    template: str
    kind: str | None
    account_id: UUID | None
    recipient_id: UUID | None
    address: str | None = Field(description="Masked.", examples=["g***@h***.example"])
    state: Literal["queued", "sending", "failed", "sent", "bounced", "suppressed", "dropped", "abandoned"]
    smtp_code: int | None
    attempts: int
    created_at: datetime
    finished_at: datetime | None


def _bytes_of(length: int) -> AfterValidator:
    def check(value: str) -> str:
        if len(value.rstrip("=")) != -(-length * 4 // 3):
            raise PydanticCustomError("length", "These are not {length} bytes in base64url.", {"length": length})
        return value

    return AfterValidator(check)


class PushKeys(Input):
    """As the browser's PushSubscription gives them (RFC 8291)."""

    p256dh: Annotated[Base64Url, _bytes_of(65)]
    auth: Annotated[Base64Url, _bytes_of(16)]


class PushSubscriptionCreate(Input):
    endpoint: WebAddress
    keys: PushKeys
    expiration_time: Instant | None = None


class PushSubscription(Output):
    """A device that is woken. Its address at the push service is not shown again."""

    id: UUID
    device_label: str
    current: bool = Field(description="Whether it is the device that asks.")
    created_at: datetime
    updated_at: datetime
    last_sent_at: datetime | None


class PushSubscriptions(Page[PushSubscription]):
    application_server_key: str = Field(description="What a browser subscribes with (RFC 8292), in base64url.")
