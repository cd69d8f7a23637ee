"""How a practice's portal is set."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal_api.core.db import Base, Mutable, PracticeScoped, of_a_practice, one_of
from portal_api.core.errors import InvalidState

CONSENT_GATES = ("off", "warn", "block")


class PortalSettings(PracticeScoped, Mutable, Base):
    """One row a practice, made with it; off until someone turns it on (F1.M1)."""

    __tablename__ = "portal_settings"
    __table_args__ = (
        of_a_practice(),
        CheckConstraint("invitation_ttl_days BETWEEN 1 AND 30", name="invitation_ttl_days"),
        CheckConstraint("unverified_request_limit BETWEEN 0 AND 1", name="unverified_request_limit"),
        CheckConstraint("late_within_minutes >= 0 AND closed_within_minutes >= 0", name="cancellation"),
        CheckConstraint("digest_at ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'", name="digest_at"),
        CheckConstraint("request_ttl_hours BETWEEN 1 AND 720", name="request_ttl_hours"),
        CheckConstraint("pending_requests_per_day BETWEEN 1 AND 200", name="pending_requests_per_day"),
        CheckConstraint(
            "video_opens_minutes_before BETWEEN 0 AND 240 AND video_closes_minutes_after BETWEEN 0 AND 240",
            name="video_window",
        ),
        CheckConstraint("assessment_escalation_hours BETWEEN 1 AND 72", name="assessment_escalation_hours"),
        one_of("video_consent_gate", CONSENT_GATES),
        ForeignKeyConstraint(
            ["practice_id", "video_consent_form_template_id"],
            ["form_template.practice_id", "form_template.id"],
            name="fk_portal_settings_video_consent",
        ),
        one_of("second_factor", ("optional", "staff", "everyone")),
    )

    enabled: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    enabled_at: Mapped[datetime | None]
    slug: Mapped[str | None]
    allow_client_signup: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    allow_staff_set_credentials: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    digest_at: Mapped[str] = mapped_column(default="06:00", server_default=text("'06:00'"))
    """When the practice's people get their digest, unless they choose another time: a reading of their clock."""
    invitation_ttl_days: Mapped[int] = mapped_column(default=7, server_default=text("7"))
    late_within_minutes: Mapped[int] = mapped_column(default=1440, server_default=text("1440"))
    closed_within_minutes: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    unverified_request_limit: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    allow_new_client_requests: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    allow_client_reschedule: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    request_ttl_hours: Mapped[int] = mapped_column(default=72, server_default=text("72"))
    pending_requests_per_day: Mapped[int] = mapped_column(default=20, server_default=text("20"))
    video_opens_minutes_before: Mapped[int] = mapped_column(default=30, server_default=text("30"))
    video_closes_minutes_after: Mapped[int] = mapped_column(default=30, server_default=text("30"))
    video_waiting_room: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    video_consent_gate: Mapped[str] = mapped_column(default="off", server_default=text("'off'"))
    video_consent_form_template_id: Mapped[UUID | None]
    """The consent that clients sign before a session; null: the one that ships."""
    age_transitions: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, default=list, server_default=text("'[]'::jsonb")
    )
    """At which ages of a client guardians may do less, or nothing more (F6.B1): {age, action, permissions, invite}."""
    assessment_scores_visible: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    assessment_escalation_hours: Mapped[int] = mapped_column(default=4, server_default=text("4"))
    second_factor: Mapped[str] = mapped_column(default="optional", server_default=text("'optional'"))

    def enable(self, slug: str | None, at: datetime) -> None:
        """Turn the portal on; the first time needs a claimed link."""
        self.slug = self.slug or slug
        if self.slug is None:
            raise InvalidState("Choose the portal's link first.", state="disabled")
        self.enabled, self.enabled_at = True, at

    def disable(self) -> None:
        """Hide everything from clients; lose nothing (F1.M2)."""
        self.enabled = False
