"""What can be booked, and by which rules."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, of_a_practice, one_of, refers_to
from portal_api.core.errors import InvalidState


class Mode(StrEnum):
    IN_PERSON = "in_person"
    VIDEO = "video"


class Audience(StrEnum):
    """For whom something is open: existing clients have a chart, new ones come through the portal's public page."""

    ALL = "all"
    EXISTING = "existing"
    NEW = "new"


class AutoAccept(StrEnum):
    """Which requests for a service nobody has to answer (F10.B2): none; those of a client for the weekday and time at
    which they come anyway; or those of every client with a chart."""

    NONE = "none"
    USUAL_TIME = "usual_time"
    EXISTING = "existing"


def admits(offered: str, caller: str) -> bool:
    """Whether what is open for `offered` is open for this caller: `existing` or `new`."""
    return offered in (Audience.ALL, caller)


class Service(PracticeScoped, Id, Mutable, Base):
    """A bookable kind of session (FHIR HealthcareService). Archived, never deleted.

    Starts lie `slot_interval_minutes` apart on the wall clock, counted from the start of the window or, with
    `fixed_start_minute`, from that minute after midnight (and then an hour apart where there is no interval). With
    neither, sessions follow each other, duration and buffers apart, from the start of each free stretch.
    Amounts are in minor units of the currency.
    """

    __tablename__ = "service"
    __table_args__ = (
        of_a_practice(),
        one_of("audience", Audience),
        one_of("auto_accept", AutoAccept),
        CheckConstraint("modes <@ ARRAY['in_person', 'video']::text[] AND cardinality(modes) > 0", name="modes"),
        CheckConstraint("duration_minutes BETWEEN 1 AND 1440", name="duration"),
        CheckConstraint(
            "buffer_before_minutes BETWEEN 0 AND 720 AND buffer_after_minutes BETWEEN 0 AND 720", name="buffers"
        ),
        CheckConstraint("min_notice_minutes >= 0 AND horizon_days BETWEEN 0 AND 730", name="notice"),
        CheckConstraint("slot_interval_minutes BETWEEN 1 AND 1440", name="slot_interval"),
        CheckConstraint("fixed_start_minute BETWEEN 0 AND 59", name="fixed_start"),
        CheckConstraint("max_per_day > 0 AND max_open_per_client > 0", name="caps"),
        CheckConstraint("(price_amount IS NULL) = (price_currency IS NULL)", name="price"),
        CheckConstraint(
            "(late_cancellation_fee_amount IS NULL) = (late_cancellation_fee_currency IS NULL)",
            name="late_cancellation_fee",
        ),
        Index("uq_service_name", "practice_id", "name", unique=True, postgresql_where=text("archived_at IS NULL")),
    )

    name: Mapped[str]
    description: Mapped[str | None]
    duration_minutes: Mapped[int]
    buffer_before_minutes: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    buffer_after_minutes: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    modes: Mapped[list[str]]
    min_notice_minutes: Mapped[int] = mapped_column(default=1440, server_default=text("1440"))
    horizon_days: Mapped[int] = mapped_column(default=60, server_default=text("60"))
    slot_interval_minutes: Mapped[int | None]
    fixed_start_minute: Mapped[int | None]
    max_per_day: Mapped[int | None]
    max_open_per_client: Mapped[int | None]
    price_amount: Mapped[int | None]
    price_currency: Mapped[str | None]
    late_cancellation_fee_amount: Mapped[int | None]
    late_cancellation_fee_currency: Mapped[str | None]
    audience: Mapped[str] = mapped_column(default=Audience.ALL, server_default=text("'all'"))
    client_bookable: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    auto_accept: Mapped[str] = mapped_column(default=AutoAccept.NONE, server_default=text("'none'"))
    reminder_offsets_minutes: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    """Null: as the practice has it."""
    archived_at: Mapped[datetime | None]

    def archive(self, at: datetime) -> None:
        if self.archived_at is not None:
            raise InvalidState("The service is archived already.", state="archived")
        self.archived_at = at

    def restore(self) -> None:
        if self.archived_at is None:
            raise InvalidState("The service is not archived.", state="active")
        self.archived_at = None


class ServiceOffer(PracticeScoped, Base):
    """A practitioner offers a service. A service without rows is offered by everybody who has hours."""

    __tablename__ = "service_offer"
    __table_args__ = (refers_to("service", "service_id"), refers_to("staff_member", "practitioner_id"))

    service_id: Mapped[UUID] = mapped_column(primary_key=True)
    practitioner_id: Mapped[UUID] = mapped_column(primary_key=True)
