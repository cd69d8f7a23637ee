"""When practitioners can be booked, and when they cannot."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Id, Mutable, PracticeScoped, refers_to


class Schedule(PracticeScoped, Mutable, Base):
    """A practitioner's bookable hours in local wall time (F10.M1): read, and replaced, as one document.

    `windows` and `overrides` are schemas/scheduling/availability.py, which writes them, in compact form:
    windows are a list of `[weekday 0..6, from minute, to minute, scope]`, overrides a list of
    `[from minute, to minute, scope]` by date. A date with an override shows its own windows and no weekly ones.
    """

    __tablename__ = "schedule"
    __table_args__ = (
        refers_to("staff_member", "practitioner_id"),
        CheckConstraint("max_per_day > 0", name="max_per_day"),
    )

    practitioner_id: Mapped[UUID] = mapped_column(primary_key=True)
    time_zone: Mapped[str]
    windows: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))
    overrides: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    max_per_day: Mapped[int | None]


class TimeOff(PracticeScoped, Id, Mutable, Base):
    """A practitioner is away from one instant to another."""

    __tablename__ = "time_off"
    __table_args__ = (
        refers_to("staff_member", "practitioner_id"),
        CheckConstraint("starts_at < ends_at", name="range"),
        Index(
            "ix_time_off_practitioner", "practice_id", "practitioner_id", "ends_at", postgresql_include=["starts_at"]
        ),
    )

    practitioner_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str | None]
    created_by: Mapped[UUID | None]


class BusyTime(PracticeScoped, Id, Base):
    """A practitioner's own calendar says busy. Rows of one source are replaced together when it is read again."""

    __tablename__ = "busy_time"
    __table_args__ = (
        refers_to("staff_member", "practitioner_id"),
        refers_to("busy_calendar", "source_id"),
        CheckConstraint("starts_at < ends_at", name="range"),
        Index(
            "ix_busy_time_practitioner", "practice_id", "practitioner_id", "ends_at", postgresql_include=["starts_at"]
        ),
        Index("ix_busy_time_source", "practice_id", "source_id"),
    )

    practitioner_id: Mapped[UUID]
    source_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
