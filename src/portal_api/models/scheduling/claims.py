"""The one table that holds time: what makes a double booking impossible."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import column

from portal_api.core.db import Base, Id, PracticeScoped, refers_to


class Claim(PracticeScoped, Id, Base):
    """A stretch of a practitioner's time that is taken, by an appointment or by a pending request.

    It says nothing of any client, so every caller may read it to know what is free. A row exists exactly as long
    as its holder is active; `expires_at` is set for requests, and an expired one holds nothing. From
    `blocked_from` to `blocked_until` are the session and its buffers; the room is taken for the session alone.
    `allow_overlap`: staff chose to book over something, so the constraints look past it (F10.M6).
    """

    __tablename__ = "calendar_claim"
    __table_args__ = (
        refers_to("staff_member", "practitioner_id"),
        refers_to("service", "service_id"),
        refers_to("room", "room_id"),
        refers_to("appointment", "appointment_id"),
        refers_to("appointment_request", "request_id"),
        CheckConstraint("num_nonnulls(appointment_id, request_id) = 1", name="holder"),
        CheckConstraint("blocked_from <= starts_at AND starts_at < ends_at AND ends_at <= blocked_until", name="range"),
        # Lets a search for what overlaps begin at a bounded distance before (services/scheduling/slots).
        CheckConstraint("blocked_until - blocked_from <= interval '48 hours'", name="length"),
        ExcludeConstraint(
            (column("practice_id"), "="),
            (column("practitioner_id"), "="),
            (func.tstzrange(column("blocked_from"), column("blocked_until")), "&&"),
            name="ex_calendar_claim_practitioner",
            using="gist",
            where=text("NOT allow_overlap"),
        ),
        ExcludeConstraint(
            (column("practice_id"), "="),
            (column("room_id"), "="),
            (func.tstzrange(column("starts_at"), column("ends_at")), "&&"),
            name="ex_calendar_claim_room",
            using="gist",
            where=text("NOT allow_overlap AND room_id IS NOT NULL"),
        ),
        Index(
            "ix_calendar_claim_practitioner",
            "practice_id",
            "practitioner_id",
            "blocked_from",
            postgresql_include=["blocked_until", "expires_at"],
        ),
        Index("ix_calendar_claim_room", "practice_id", "room_id", "starts_at"),
        Index("uq_calendar_claim_appointment", "practice_id", "appointment_id", unique=True),
        Index("uq_calendar_claim_request", "practice_id", "request_id", unique=True),
    )

    practitioner_id: Mapped[UUID]
    service_id: Mapped[UUID | None]
    room_id: Mapped[UUID | None]
    appointment_id: Mapped[UUID | None]
    request_id: Mapped[UUID | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    blocked_from: Mapped[datetime]
    blocked_until: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    allow_overlap: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
