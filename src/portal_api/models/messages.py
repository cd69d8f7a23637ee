"""Secure messages: threads, who is in them, messages that nothing changes, what a practice says about it all (F12)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.access import Role
from portal_api.core.db import (
    Base,
    ClientOwned,
    Confidential,
    Id,
    Mutable,
    PracticeScoped,
    of_a_practice,
    one_of,
    refers_to,
)


class ThreadAudience(StrEnum):
    """What a thread is about, and so which staff it concerns (F12.M2)."""

    CLINICAL = "clinical"
    ADMINISTRATIVE = "administrative"
    BILLING = "billing"


class AuthorKind(StrEnum):
    STAFF = "staff"
    CLIENT = "client"
    AUTOMATIC = "automatic"


class ClientsMay(StrEnum):
    """What the practice lets clients do (F12.B1)."""

    START = "start"
    REPLY = "reply"


EDITABLE_FOR = timedelta(minutes=15)
"""How long its author may write a message anew (F12.M3); after that they take it back."""
CLINICIANS = frozenset({Role.PRACTITIONER, Role.SUPERVISOR, Role.INTERN})
AUDIENCE_ROLES: dict[ThreadAudience, frozenset[Role]] = {
    ThreadAudience.CLINICAL: CLINICIANS,
    ThreadAudience.ADMINISTRATIVE: CLINICIANS | {Role.OWNER, Role.ADMIN, Role.SCHEDULER},
    ThreadAudience.BILLING: frozenset({Role.OWNER, Role.ADMIN, Role.BILLER}),
}
"""Who may take part: nobody else is let into a thread, not even by those who are in it."""


class Thread(ClientOwned, Confidential, Id, Mutable, Base):
    """A conversation about one client, with one person: the client or, with `guardian_account_id`, that guardian.

    It is `confidential` exactly where it is the client's own: no guardian sees it, and none another's (F12.M9).
    `last_seq` numbers its messages without a gap; who sends holds the row.
    """

    __tablename__ = "thread"
    __table_args__ = (
        refers_to("client", "client_id"),
        refers_to("account", "guardian_account_id"),
        one_of("audience", ThreadAudience),
        CheckConstraint("confidential = (guardian_account_id IS NULL)", name="confidential"),
        Index("ix_thread_latest", "practice_id", "last_message_at", "id"),
        Index("ix_thread_client", "practice_id", "client_id", "last_message_at", "id"),
        Index(
            "ix_thread_unattended",
            "practice_id",
            "last_message_at",
            "id",
            postgresql_where=text("unattended_since IS NOT NULL"),
        ),
    )

    guardian_account_id: Mapped[UUID | None]
    subject: Mapped[str]
    audience: Mapped[str]
    last_seq: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    last_message_at: Mapped[datetime] = mapped_column(server_default=func.now())
    unattended_since: Mapped[datetime | None]
    """Since when none of its staff can answer: whoever of its audience's roles does so takes it over."""


class ThreadParticipant(ClientOwned, Confidential, Base):
    """An account in a thread, and up to where it has read. `staff_id` is null for the client or guardian."""

    __tablename__ = "thread_participant"
    __table_args__ = (
        refers_to("thread", "thread_id"),
        refers_to("account", "account_id"),
        refers_to("staff_member", "staff_id"),
        Index("ix_thread_participant_account", "practice_id", "account_id", "thread_id"),
    )

    thread_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID | None]
    read_seq: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    read_at: Mapped[datetime | None]
    joined_at: Mapped[datetime] = mapped_column(server_default=func.now())
    left_at: Mapped[datetime | None]


class Message(ClientOwned, Confidential, Id, Base):
    """What somebody wrote. Never changed and never deleted: edits and a retraction stand beside it (F12.M3)."""

    __tablename__ = "thread_message"
    __table_args__ = (
        refers_to("thread", "thread_id"),
        refers_to("account", "author_id"),
        refers_to("staff_member", "staff_id"),
        one_of("author_kind", AuthorKind),
        Index("uq_thread_message_seq", "practice_id", "thread_id", "seq", unique=True),
    )

    thread_id: Mapped[UUID]
    seq: Mapped[int]
    author_kind: Mapped[str]
    author_id: Mapped[UUID]
    staff_id: Mapped[UUID | None]
    body: Mapped[str]
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MessageAttachment(ClientOwned, Confidential, Base):
    """A document of the client's record that goes with a message; whoever sees the thread may open it (F12.M4)."""

    __tablename__ = "message_attachment"
    __table_args__ = (
        refers_to("thread_message", "message_id"),
        refers_to("thread", "thread_id"),
        refers_to("document", "document_id"),
        Index("ix_message_attachment_thread", "practice_id", "thread_id", "document_id"),
    )

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    document_id: Mapped[UUID] = mapped_column(primary_key=True)
    thread_id: Mapped[UUID]


class MessageRetraction(ClientOwned, Confidential, Base):
    """The author took it back: others see that something was there."""

    __tablename__ = "message_retraction"
    __table_args__ = (refers_to("thread_message", "message_id"), refers_to("account", "retracted_by"))

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    retracted_by: Mapped[UUID]
    retracted_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MessageEdit(ClientOwned, Confidential, Base):
    """What it said after its author wrote it anew, for the `number`th time: the last is shown, the record has all."""

    __tablename__ = "message_edit"
    __table_args__ = (refers_to("thread_message", "message_id"),)

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[str]
    edited_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OutOfOffice(PracticeScoped, Mutable, Base):
    """When a staff member is away, and what writes back meanwhile."""

    __tablename__ = "out_of_office"
    __table_args__ = (refers_to("staff_member", "staff_id"), CheckConstraint("starts_at < ends_at", name="range"))

    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reply: Mapped[str]
    set_by: Mapped[UUID | None]


class OutOfOfficeReply(PracticeScoped, Base):
    """That it has written back: once for each thread and period (F12.M7)."""

    __tablename__ = "out_of_office_reply"
    __table_args__ = (refers_to("thread", "thread_id"), refers_to("staff_member", "staff_id"))

    thread_id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)


class MessagingPolicy(PracticeScoped, Mutable, Base):
    """What a practice says about messages; without a row, what the columns default to.

    `office_hours`: [{weekday, start, end}] in the practice's zone; outside of them clients write nothing. Null: always.
    """

    __tablename__ = "messaging_policy"
    __table_args__ = (
        of_a_practice(),
        one_of("clients_may", ClientsMay),
        CheckConstraint("expected_response_hours BETWEEN 1 AND 720", name="expected_response_hours"),
    )

    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    clients_may: Mapped[str] = mapped_column(default="start", server_default=text("'start'"))
    office_hours: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    expected_response_hours: Mapped[int | None]
    emergency_notice: Mapped[str | None]
