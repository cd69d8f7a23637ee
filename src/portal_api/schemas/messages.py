"""Secure messages."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from portal_api.models.messages import AuthorKind, ClientsMay, ThreadAudience
from portal_api.schemas.base import (
    Change,
    ClockWindow,
    Input,
    Instant,
    Line,
    Output,
    PageQuery,
    Paragraphs,
    SearchText,
    Weekday,
)

DocumentIds = Annotated[list[UUID], Field(max_length=10, description="Documents of the client that go with it.")]
StaffIds = Annotated[list[UUID], Field(max_length=20, description="Colleagues who take part besides the caller.")]
Notice = Annotated[str, StringConstraints(max_length=1000), AfterValidator(str.strip)]


class MessageCreate(Input):
    body: Paragraphs = Field(examples=["May I come ten minutes later on Tuesday?"])
    document_ids: DocumentIds = []


class MessageUpdate(Change):
    body: Paragraphs | None = None


class MyThreadCreate(MessageCreate):
    subject: Line = Field(examples=["Tuesday"])
    audience: ThreadAudience = ThreadAudience.CLINICAL
    practitioner_id: UUID | None = Field(None, description="Null: to all who work with the client.")
    client_id: UUID | None = Field(None, description="For whom; needed where the caller acts for several clients.")


class ThreadCreate(MessageCreate):
    client_id: UUID
    subject: Line = Field(examples=["Your next appointment"])
    audience: ThreadAudience = ThreadAudience.CLINICAL
    guardian_id: UUID | None = Field(None, description="With this guardian; null: with the client.")
    participant_ids: StaffIds = []


class ParticipantAdd(Input):
    staff_id: UUID


class ThreadRead(Input):
    """Empty: everything."""

    seq: Annotated[int, Field(ge=0, le=2_000_000_000)] | None = Field(None, description="Up to this message.")


class MyThreadFilters(PageQuery):
    client_id: UUID | None = None
    unread: bool = Field(False, description="Only those with something unread.")
    q: SearchText | None = Field(None, description="In subjects and in what was written.")


class ThreadFilters(MyThreadFilters):
    audience: ThreadAudience | None = None
    mine: bool = Field(False, description="Only those in which the caller takes part.")
    unattended: bool = Field(False, description="Only those whose staff are gone: whoever answers takes part.")


class StaffParticipant(Output):
    staff_id: UUID
    given_name: str
    family_name: str
    credentials: str | None
    read_seq: int = Field(description="The last message that they have read.")


class Author(Output):
    kind: AuthorKind
    staff_id: UUID | None
    name: str


class Attachment(Output):
    document_id: UUID
    title: str
    media_type: str
    size_bytes: int
    state: str


class Reader(Output):
    """Somebody besides the author who has read it."""

    kind: Literal["staff", "client"]
    staff_id: UUID | None
    name: str


class _Written(Output):
    id: UUID
    thread_id: UUID
    client_id: UUID
    seq: int = Field(description="From 1, without a gap.")
    author: Author
    own: bool
    attachments: list[Attachment]
    read_by: list[Reader]
    sent_at: datetime
    edited_at: datetime | None = Field(description="When its author last wrote it anew.")
    editable_until: datetime = Field(description="Until when its author can write it anew: 15 minutes.")
    retracted_at: datetime | None
    version: int


class MessageVersion(Output):
    body: str
    written_at: datetime


class Message(_Written):
    body: str | None = Field(description="Null once it was retracted.")


class MessageRecord(_Written):
    """What the record keeps of a message, retracted or not."""

    body: str
    versions: list[MessageVersion] = Field(description="All that it said, as it was sent first.")


class LastMessage(Output):
    id: UUID
    seq: int
    author_kind: AuthorKind
    body: str | None
    sent_at: datetime


class MyThread(Output):
    id: UUID
    client_id: UUID
    subject: str
    audience: ThreadAudience
    participants: list[StaffParticipant]
    unread_count: int = Field(description="Messages of others after the last one that the caller has read.")
    read_seq: int
    last_message: LastMessage
    last_message_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int


class Thread(MyThread):
    client_name: str
    guardian_id: UUID | None = Field(description="The guardian with whom it is; null: with the client.")
    client_read_seq: int = Field(description="The last message that the client, or the guardian, has read.")
    unattended_since: datetime | None = Field(description="Since when nobody of the staff is there to answer.")


class OfficeWindow(ClockWindow):
    weekday: Weekday


class MessagingPolicyUpdate(Change):
    clients_may: ClientsMay | None = None
    office_hours: Annotated[list[OfficeWindow], Field(min_length=1, max_length=50)] | None = Field(
        None, description="In the practice's time zone; outside of them clients write nothing. Null: always."
    )
    expected_response_hours: Annotated[int, Field(ge=1, le=720)] | None = None
    emergency_notice: Notice | None = Field(None, description="That this is not for emergencies, and what is.")


class OfficeHours(Output):
    weekday: Weekday
    start: str
    end: str


class MessagingPolicy(Output):
    clients_may: ClientsMay
    office_hours: list[OfficeHours] | None
    expected_response_hours: int | None
    emergency_notice: str
    updated_at: datetime | None
    version: int


class MyMessaging(Output):
    """What somebody should know before they write."""

    clients_may: ClientsMay
    open_now: bool
    opens_at: datetime | None = Field(description="When clients can write next, if not now.")
    expected_response_hours: int | None
    emergency_notice: str
    unread_count: int


class OutOfOfficeSet(Input):
    starts_at: Instant
    ends_at: Instant
    reply: Paragraphs = Field(examples=["I am away until Monday. In an emergency call 988."])


class OutOfOffice(Output):
    """All null for somebody who was never away."""

    starts_at: datetime | None
    ends_at: datetime | None
    reply: str | None
    set_by: UUID | None
    updated_at: datetime | None
