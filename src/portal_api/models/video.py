"""Video sessions: when they are open, and who came to them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, and_, case, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, ClientOwned, Id, refers_to
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import Appointment

WAITS_FOR = timedelta(minutes=2)
"""Who waits asks again and again; who has not asked for so long has gone."""


class ParticipantState(StrEnum):
    WAITING = "waiting"
    GONE = "gone"
    REMOVED = "removed"
    ADMITTED = "admitted"
    PRESENT = "present"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Window:
    """When one occurrence can be joined: from `opens_at` on, and no longer at `closes_at` (F11.M2)."""

    opens_at: datetime
    closes_at: datetime

    @classmethod
    def of(cls, appointment: Appointment, settings: PortalSettings) -> Self:
        return cls(
            appointment.starts_at - timedelta(minutes=settings.video_opens_minutes_before),
            appointment.ends_at + timedelta(minutes=settings.video_closes_minutes_after),
        )


class VideoParticipant(ClientOwned, Id, Base):
    """One person at one occurrence of an appointment: in its waiting room, let in, there, gone.

    `starts_at` is that of the appointment when they asked: an appointment that is moved begins with an empty room.
    `client_id` says for whom a client's account comes; hosts come for nobody. `id` is all that a provider is told,
    besides the display name. `connection` is the provider's name for the connection that is counted.
    """

    __tablename__ = "video_participant"
    __table_args__ = (
        refers_to("appointment", "appointment_id"),
        refers_to("account", "account_id"),
        refers_to("client", "client_id"),
        CheckConstraint("is_host = (client_id IS NULL)", name="host"),
        Index(
            "uq_video_participant_person",
            "practice_id",
            "appointment_id",
            "starts_at",
            "account_id",
            "client_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "ix_video_participant_inside",
            "practice_id",
            "seen_at",
            postgresql_where=text("admitted_at IS NOT NULL AND left_at IS NULL"),
        ),
    )

    client_id: Mapped[UUID | None] = mapped_column(nullable=True)  # type: ignore[assignment] # pyrefly: ignore
    appointment_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    account_id: Mapped[UUID]
    is_host: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    display_name: Mapped[str]
    asked_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    admitted_at: Mapped[datetime | None]
    admitted_by: Mapped[UUID | None]
    joined_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    connection: Mapped[str | None]
    removed_at: Mapped[datetime | None]
    """When somebody put them out; from then on they wait, also where there is no waiting room, until let in anew."""

    @classmethod
    def state_now(cls) -> ColumnElement[str]:
        """What they are at this moment, in a query."""
        return case(
            (cls.removed_at.is_not(None) & cls.left_at.is_not(None), ParticipantState.REMOVED),
            (cls.left_at.is_not(None), ParticipantState.LEFT),
            (cls.joined_at.is_not(None), ParticipantState.PRESENT),
            (cls.admitted_at.is_not(None), ParticipantState.ADMITTED),
            (cls.waits_now(), ParticipantState.WAITING),
            else_=ParticipantState.GONE,
        )

    @classmethod
    def waits_now(cls) -> ColumnElement[bool]:
        return and_(cls.admitted_at.is_(None), cls.left_at.is_(None), cls.seen_at > func.now() - WAITS_FOR)

    def admit(self, at: datetime, by: UUID | None) -> None:
        if self.admitted_at is None:
            self.admitted_at, self.admitted_by, self.removed_at = at, by, None

    def put_out(self, at: datetime) -> bool:
        """They are in neither room any more. Returns whether that is news."""
        if self.removed_at is not None and self.left_at is not None:
            return False
        self.admitted_at, self.admitted_by, self.joined_at, self.connection = None, None, None, None
        self.removed_at, self.left_at = at, at
        return True

    def enter(self, at: datetime, connection: str) -> bool:
        """They are in the room, by this connection. Returns whether that is news; the newest connection counts."""
        was_there = self.joined_at is not None and self.left_at is None
        if not was_there:
            self.joined_at, self.left_at = at, None
        self.connection = connection
        return not was_there

    def leave(self, at: datetime, connection: str | None) -> bool:
        """A connection ended; None: the person says that they are gone. Returns whether that is news.

        The end of a connection that a newer one replaced is none: providers close the older one.
        """
        if self.left_at is not None or (connection is not None and connection != self.connection):
            return False
        self.left_at = at
        return True
